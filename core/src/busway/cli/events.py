"""``busway events``: what happened to which record, and what reached which sink."""

from __future__ import annotations

from typing import Any

import click

from busway.cli.events_csv import CHANGE_COLUMNS, ERROR_COLUMNS, print_csv
from busway.cli.events_dead import dead
from busway.cli.events_delivery import books, flush
from busway.cli.events_export import export
from busway.cli.events_filters import csv_options, filter_options, limit_option, operation_option
from busway.cli.events_forget import forget
from busway.cli.events_tail import tail
from busway.cli.events_view import print_changes, print_errors
from busway.cli.history import open_ledger
from busway.cli.output import emit_result, json_option

__all__ = ["events"]


@click.group()
def events() -> None:
    """Changes and errors from the ledger; delivery of events to sinks."""


@events.command()
@filter_options
@operation_option
@limit_option(50)
@csv_options
@json_option
@click.pass_context
def changes(ctx: click.Context, /, session: str | None, as_json: bool, as_csv: bool, bom: bool, **wanted: Any) -> None:
    """Records created, updated and deleted."""
    with open_ledger(ctx) as ledger:
        whole = ledger.session(session).session_id if session else None
        rows = ledger.changes(session=whole, **wanted)
    if as_csv and not as_json:
        print_csv(CHANGE_COLUMNS, (row.as_dict() for row in rows), bom=bom)
        return
    data = [row.as_dict() for row in rows]
    emit_result("busway.changes/1", data, as_json=as_json, text=lambda: print_changes(rows))


@events.command()
@filter_options
@click.option("--kind", help="Only errors of this kind, such as validation.")
@limit_option(50)
@csv_options
@json_option
@click.pass_context
def errors(ctx: click.Context, /, session: str | None, as_json: bool, as_csv: bool, bom: bool, **wanted: Any) -> None:
    """Errors, with what they were about."""
    with open_ledger(ctx) as ledger:
        whole = ledger.session(session).session_id if session else None
        rows = ledger.errors(session=whole, **wanted)
    if as_csv and not as_json:
        print_csv(ERROR_COLUMNS, (row.as_dict() for row in rows), bom=bom)
        return
    data = [row.as_dict() for row in rows]
    emit_result("busway.errors/1", data, as_json=as_json, text=lambda: print_errors(rows))


for command in (tail, export, books, flush, dead, forget):
    events.add_command(command)
