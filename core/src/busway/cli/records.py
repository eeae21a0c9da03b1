"""``busway records``: records that failed and wait in quarantine, and records that are linked."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from busway.cli.deciding import open_state
from busway.cli.output import emit_result, json_option
from busway.cli.record_adopt import adopt
from busway.cli.record_decide import dismiss, retry
from busway.cli.record_filters import filter_options
from busway.cli.record_view import print_record, print_records
from busway.views.record_filter import RecordFilter
from busway.views.records import choose_records

if TYPE_CHECKING:
    from busway.stores.quarantine import QuarantinedRecord

__all__ = ["records"]


@click.group()
def records() -> None:
    """Records that failed: they are not sent again until there is a reason to.

    \b
    class      why it is in quarantine
    rejected   the target refused it
    invalid    a validator or the mapping did, or its match key is shared
    broken     code of the job raised an error of its own
    partial    it is in the target, but for optional fields that the target refused
    ignored    the target accepted fields and took over none
    transient  the target did not serve it; it is tried again by itself
    """


@records.command("list")
@filter_options
@click.option(
    "--limit", type=click.IntRange(1, 1_000_000), default=50, show_default=True, help="So many, latest first."
)
@json_option
@click.pass_context
def list_(ctx: click.Context, /, limit: int, as_json: bool, **wanted: Any) -> None:
    """What is in quarantine. Records that were dismissed are counted, and listed with --state dismissed."""
    filters = RecordFilter(**wanted)
    with open_state(ctx) as store:
        chosen = choose_records(store, filters, time.time_ns())

    def text() -> None:
        if chosen.found:
            print_records(chosen.found[:limit], len(chosen.found), time.time_ns())
        else:
            click.echo(_nothing(filters, chosen.known))
        if chosen.dismissed:
            click.echo(f"{chosen.dismissed:,} dismissed: busway records list --state dismissed")

    emit_result("busway.records/1", chosen.as_dict(limit), as_json=as_json, text=text)


@records.command()
@click.argument("record")
@click.option("--job", help="The job it belongs to, where several have one that is called so.")
@json_option
@click.pass_context
def show(ctx: click.Context, record: str, job: str | None, as_json: bool) -> None:
    """One record: what failed, how often, what it waits for. RECORD is its label, or its id or the beginning of it."""
    from busway.sync.decisions import find_records

    with open_state(ctx) as store:
        (found,) = find_records(store.quarantine.of(job), [record])
    emit_result("busway.record/1", found.as_dict(), as_json=as_json, text=lambda: print_record(found, time.time_ns()))


records.add_command(retry)
records.add_command(dismiss)
records.add_command(adopt)


def _nothing(filters: RecordFilter, known: Sequence[QuarantinedRecord]) -> str:
    if not known:
        return "Nothing is in quarantine."
    jobs = sorted({one.job for one in known})
    if filters.job is not None and filters.job not in jobs:
        return f"No record of {filters.job} is in quarantine; there are some of {', '.join(jobs)}."
    return "No record in quarantine fits."
