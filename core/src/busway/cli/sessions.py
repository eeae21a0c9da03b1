"""``busway sessions``: runs of jobs, from the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from busway.cli.history import open_ledger
from busway.cli.output import emit_result, json_option, print_table
from busway.cli.text import duration, local_time, short_id

if TYPE_CHECKING:
    from busway.events.ledger_rows import SessionRow

__all__ = ["sessions"]


@click.group()
def sessions() -> None:
    """Runs of jobs: when, how many records, how they ended."""


@sessions.command("list")
@click.option("--limit", default=20, show_default=True, help="Newest first, so many.")
@json_option
@click.pass_context
def list_(ctx: click.Context, limit: int, as_json: bool) -> None:
    """The newest sessions."""
    with open_ledger(ctx) as ledger:
        rows = ledger.sessions(limit)

    def text() -> None:
        if not rows:
            click.echo("No session yet.  Start one:  busway run")
            return
        table = [
            (short_id(r.session_id), r.name, local_time(r.started_ns), _took(r), r.state,
             r.created, r.updated, r.deleted, r.skipped, r.errors)
            for r in rows
        ]  # fmt: skip
        headings = ("SESSION", "JOB", "STARTED", "TOOK", "STATE", "CREATED", "UPDATED", "DELETED", "SKIPPED", "ERRORS")
        print_table(headings, table, right=range(5, 10))

    emit_result("busway.sessions/1", [row.as_dict() for row in rows], as_json=as_json, text=text)


@sessions.command("show")
@click.argument("session")
@click.option("--limit", default=20, show_default=True, help="Changes and errors to list.")
@json_option
@click.pass_context
def show(ctx: click.Context, session: str, limit: int, as_json: bool) -> None:
    """One session: its counts, changes and errors. The first characters of its id are enough."""
    with open_ledger(ctx) as ledger:
        row = ledger.session(session)
        changes = ledger.changes(session=row.session_id, limit=limit)
        errors = ledger.errors(session=row.session_id, limit=limit)

    def text() -> None:
        click.echo(f"{row.name}  session {row.session_id}  {row.state}")
        click.echo(f"  started {local_time(row.started_ns)}, took {_took(row)}")
        counts = ("created", "updated", "deleted", "skipped", "errors")
        click.echo("  " + "  ".join(f"{name} {getattr(row, name):,}" for name in counts))
        if changes:
            table = [(local_time(c.at_ns), c.operation, c.entity_type, c.entity_id) for c in changes]
            print_table(("WHEN", "OPERATION", "RECORD", "ID"), table)
        if errors:
            print_table(("WHEN", "KIND", "RECORD", "ID", "MESSAGE"), [
                (local_time(e.at_ns), e.kind, e.entity_type or "", e.entity_id or "", e.message) for e in errors
            ])  # fmt: skip

    data = {
        "session": row.as_dict(),
        "changes": [change.as_dict() for change in changes],
        "errors": [error.as_dict() for error in errors],
    }
    emit_result("busway.session/1", data, as_json=as_json, text=text)


def _took(row: SessionRow) -> str:
    return "-" if row.duration_seconds is None else duration(row.duration_seconds)
