"""``busway sessions``: runs of jobs, from the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from busway.cli.events_csv import EVENT_COLUMNS, SESSION_COLUMNS, print_csv
from busway.cli.events_filters import csv_options, entity_option, hours_option, limit_option, operation_option
from busway.cli.events_view import print_changes, print_errors, shown
from busway.cli.history import open_ledger
from busway.cli.output import emit_result, json_option, print_table
from busway.cli.text import duration, local_time, plural, short_id
from busway.views.history import find_session, session_data

if TYPE_CHECKING:
    from busway.events.ledger import Ledger
    from busway.events.ledger_rows import SessionRow

__all__ = ["sessions"]


@click.group()
def sessions() -> None:
    """Runs of jobs: when, how many records, how they ended."""


@sessions.command("list")
@hours_option
@entity_option
@click.option("--job", help="Only of this job.")
@operation_option
@limit_option(20)
@csv_options
@json_option
@click.pass_context
def list_(ctx: click.Context, /, limit: int, as_json: bool, as_csv: bool, bom: bool, **wanted: Any) -> None:
    """The newest sessions. With --entity or --operation those that have such events; counts are of all they did."""
    with open_ledger(ctx) as ledger:
        rows = ledger.sessions(limit, **wanted)
    if as_csv and not as_json:
        print_csv(SESSION_COLUMNS, (row.as_dict() for row in rows), bom=bom)
        return

    def text() -> None:
        if not rows:
            click.echo("No session fits." if any(wanted.values()) else "No session yet.  Start one:  busway run")
            return
        table = [
            (short_id(r.session_id), shown(r.name), local_time(r.started_ns), _took(r), r.state,
             r.created, r.updated, r.deleted, r.skipped, r.errors)
            for r in rows
        ]  # fmt: skip
        headings = ("SESSION", "JOB", "STARTED", "TOOK", "STATE", "CREATED", "UPDATED", "DELETED", "SKIPPED", "ERRORS")
        print_table(headings, table, right=range(5, 10))

    emit_result("busway.sessions/1", [row.as_dict() for row in rows], as_json=as_json, text=text)


@sessions.command("show")
@click.argument("session")
@entity_option
@operation_option
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=20, show_default=True, help="Rows to list of each.")
@csv_options
@json_option
@click.pass_context
def show(
    ctx: click.Context,
    /,
    session: str,
    entity: str | None,
    operation: str | None,
    limit: int,
    as_json: bool,
    as_csv: bool,
    bom: bool,
) -> None:
    """One session: its counts, changes and errors. The first characters of its id are enough.

    With --operation, changes only. With --csv all its events, oldest first.
    """
    with open_ledger(ctx) as ledger:
        found = find_session(ledger, session, entity=entity, operation=operation, limit=limit)
        row, changes, errors = found.row, found.changes, found.errors
        if as_csv and not as_json:
            print_csv(EVENT_COLUMNS, _events(ledger, row.session_id, entity, operation), bom=bom)
            return

    def text() -> None:
        click.echo(f"{shown(row.name)}  session {row.session_id}  {row.state}")
        click.echo(f"  started {local_time(row.started_ns)}, took {_took(row)}")
        counts = ("created", "updated", "deleted", "skipped", "errors")
        click.echo("  " + "  ".join(f"{name} {getattr(row, name):,}" for name in counts))
        for noun, number, listed in (("change", _changed(row), changes), ("error", row.errors, errors)):
            if number > len(listed) and not (entity or operation):
                click.echo(f"  {len(listed):,} of {plural(number, noun)} shown: --limit {number}")
        if changes:
            print_changes(changes)
        if errors:
            print_errors(errors)

    emit_result("busway.session/1", session_data(found), as_json=as_json, text=text)


def _events(ledger: Ledger, session: str, entity: str | None, operation: str | None) -> Iterator[dict[str, Any]]:
    from busway.events.ledger import Selection

    wanted = Selection(session=session, entity=entity, operation=operation)
    return (event.as_dict() for event in ledger.each(wanted))


def _changed(row: SessionRow) -> int:
    return row.created + row.updated + row.deleted


def _took(row: SessionRow) -> str:
    return "-" if row.duration_seconds is None else duration(row.duration_seconds)
