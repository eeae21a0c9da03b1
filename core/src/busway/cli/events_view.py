"""Changes, errors and events as lines for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from busway.cli.output import print_table, style
from busway.cli.text import local_time, plural, short_id

if TYPE_CHECKING:
    from busway.events.ledger_rows import ChangeRow, ErrorRow

__all__ = ["event_line", "print_changes", "print_errors", "shown"]

SEVERITIES = {5: ("DEBUG", None), 9: ("INFO", None), 13: ("WARNING", "yellow"), 17: ("ERROR", "red")}
CRITICAL = ("CRITICAL", "red")


def shown(text: str | None) -> str:
    """In one line, without what would move the cursor or colour the terminal: ids and messages come from outside."""
    from busway.events.log_format import one_line

    return one_line(text or "")


def print_changes(rows: Sequence[ChangeRow]) -> None:
    """A table, or a sentence when there is none."""
    if not rows:
        click.echo("No change recorded that fits.")
        return
    table = [
        (local_time(r.at_ns), r.operation, shown(r.entity_type), shown(r.entity_id), shown(r.job), _session(r))
        for r in rows
    ]
    print_table(("WHEN", "OPERATION", "RECORD", "ID", "JOB", "SESSION"), table)


def print_errors(rows: Sequence[ErrorRow]) -> None:
    """A table, or a sentence when there is none."""
    if not rows:
        click.echo("No error recorded that fits.")
        return
    table = [
        (local_time(r.at_ns), shown(r.kind), shown(r.entity_type), shown(r.entity_id), shown(r.job), shown(r.message))
        for r in rows
    ]
    print_table(("WHEN", "KIND", "RECORD", "ID", "JOB", "MESSAGE"), table)


def event_line(row: Mapping[str, Any]) -> str:
    """``2026-11-23 14:07:38  INFO     change.created  employee 7  titles  0199f3c2-7d1a``."""
    name, colour = SEVERITIES.get(int(row["severity"]), CRITICAL)
    facts: Mapping[str, Any] = row["attributes"]
    more = facts.get("kind") if row["category"] == "digest" else row["operation"]
    what = f"{row['category']}.{more}" if more else str(row["category"])
    about = " ".join(shown(part) for part in (row["entity_type"], row["entity_id"]) if part)
    if row["category"] == "digest":
        about = plural(int(facts.get("errors") or 0), "error")
    error = ": ".join(shown(part) for part in (row["error_kind"], row["error_message"]) if part)
    parts = [
        local_time(row["at_ns"]),
        style(f"{name:<8}", fg=colour),
        shown(what),
        about,
        error,
        shown(row["job"]),
        short_id(row["session_id"] or ""),
    ]
    return "  ".join(part for part in parts if part).rstrip()


def _session(row: ChangeRow) -> str:
    return short_id(row.session_id or "")
