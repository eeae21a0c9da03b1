"""How quarantined records look to a person."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Sequence

import click

from busway.cli.events_view import shown
from busway.cli.output import print_table, style
from busway.cli.text import local_time, plural, short_id
from busway.stores.quarantine import CLASSES, QuarantinedRecord
from busway.sync.quarantine import IN_PART

__all__ = ["print_record", "print_records", "run_command"]

SHOWN_WHAT = 80
UNNAMED = re.compile(r"record \d+")
"""The label of a record without a key: its place in the source."""
HEADINGS = ("ID", "JOB", "RECORD", "CLASS", "CODE", "TRIED", "LAST", "NEXT TRY", "WHAT")
BEFORE_A_WRITE = frozenset({"map", "validate", "match"})
"""Actions of records that failed before one was planned: nothing they refer to can help."""


def print_records(records: Sequence[QuarantinedRecord], total: int, now_ns: int) -> None:
    """A table, its sum, and what to do next."""
    print_table(HEADINGS, [_row(one, now_ns) for one in records], right={5})
    if total > len(records):
        click.echo(f"and {total - len(records):,} more: --limit {total}")
    else:
        click.echo(f"{plural(total, 'record')}: {_by_class(records)}")
    click.echo("look at one:  busway records show ID")
    click.echo('try again:    busway records retry ID --reason "..."')


def print_record(one: QuarantinedRecord, now_ns: int) -> None:
    """Everything that is known of one."""
    click.echo(f"{style(shown(one.label), bold=True)}   {one.record_id}   job {one.job}")
    tried = f"{one.action}, tried {plural(one.attempts, 'time')}"
    when = f"first {local_time(one.first_ns)}, last {local_time(one.last_ns)}"
    lines = [
        ("class", f"{one.reason} [{one.code}]"),
        ("what", shown(one.what)),
        ("fields", ", ".join(map(shown, sorted(one.fields)))),
        ("action", f"{tried}: {when}"),
        ("waits", _waits(one, now_ns)),
        ("decided", _decided(one)),
        ("session", f"busway sessions show {short_id(one.session_id)}" if one.session_id else ""),
    ]
    for name, said in lines:
        if said:
            click.echo(f"  {name:<8} {said}")
    _print_next_steps(one)


def run_command(records: Sequence[QuarantinedRecord]) -> str:
    """The command that tries them: a run of their jobs."""
    return " ".join(["busway run", *sorted({one.job for one in records})])


def _print_next_steps(one: QuarantinedRecord) -> None:
    traced = f"busway plan {one.job} --only {shlex.quote(shown(one.label))} --trace"
    steps = [
        *([("step by step", traced)] if not UNNAMED.fullmatch(one.label) else ()),
        ("try again", f'busway records retry {one.record_id} --reason "..."'),
        ("never mind", f'busway records dismiss {one.record_id} --reason "..."'),
        ("more", f"busway explain {one.code}"),
    ]
    for name, command in steps:
        click.echo(f"{name + ':':<14}{command}")


def _row(one: QuarantinedRecord, now_ns: int) -> tuple[str, ...]:
    what = shown(one.what)
    return (
        one.record_id,
        one.job,
        shown(one.label),
        one.reason,
        one.code,
        f"{one.attempts:,}",
        local_time(one.last_ns),
        _next_try(one, now_ns),
        what if len(what) <= SHOWN_WHAT else what[: SHOWN_WHAT - 1] + "…",
    )


def _next_try(one: QuarantinedRecord, now_ns: int) -> str:
    if one.state == "dismissed":
        return "dismissed"
    if one.state == "released" or (one.next_ns and one.next_ns <= now_ns):
        return "next run"
    return local_time(one.next_ns) if one.next_ns else "on a change"


def _waits(one: QuarantinedRecord, now_ns: int) -> str:
    if _next_try(one, now_ns) == "next run":
        return f"the next run tries it: {run_command([one])}"
    told = "nobody is told of it; it is tried again once " if one.state == "dismissed" else "until "
    if one.next_ns:
        return f"{told}it is {local_time(one.next_ns)}; then a run tries it by itself"
    what = "one of these fields" if one.fields else "the record"
    if one.reason in IN_PART:
        return f"{told}{what} or the mapping changes; all else of the record is written as usual"
    if one.action in BEFORE_A_WRITE:
        return f"{told}the record or the mapping changes"
    refers = "they refer" if one.fields else "it refers"
    return f"{told}{what} or the mapping changes, or a job to which {refers} has written"


def _decided(one: QuarantinedRecord) -> str:
    if not one.actor:
        return ""
    return f"{one.state} by {shown(one.actor)}, {local_time(one.decided_ns)}: {shown(one.note)}"


def _by_class(records: Sequence[QuarantinedRecord]) -> str:
    counted = Counter(one.reason for one in records)
    return ", ".join(f"{counted[name]:,} {name}" for name in CLASSES if counted[name])
