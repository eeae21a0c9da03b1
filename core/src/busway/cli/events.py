"""``busway events``: what happened to which record, and what reached which sink."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from busway.cli.history import open_ledger
from busway.cli.invocation import invocation_of
from busway.cli.output import emit_result, json_option, print_table
from busway.cli.text import local_time, short_id

__all__ = ["events"]

BOOK = ("emitted", "delivered", "dead", "dropped", "pending")
Command = TypeVar("Command", bound=Callable[..., Any])


def _filters(command: Command) -> Command:
    for option in (
        click.option("--limit", default=50, show_default=True, help="Newest first, so many."),
        click.option("--session", help="Only of this session; the first characters of its id are enough."),
        click.option("--entity", help="Only of this kind of record, such as employee."),
        click.option("--hours", type=float, help="Only of the last so many hours."),
    ):
        command = option(command)
    return command


@click.group()
def events() -> None:
    """Changes and errors from the ledger; delivery of events to sinks."""


@events.command()
@_filters
@click.option("--operation", type=click.Choice(["created", "updated", "deleted"]), help="Only these changes.")
@json_option
@click.pass_context
def changes(
    ctx: click.Context,
    hours: float | None,
    entity: str | None,
    session: str | None,
    limit: int,
    operation: str | None,
    as_json: bool,
) -> None:
    """Records created, updated and deleted."""
    with open_ledger(ctx) as ledger:
        only = ledger.session(session).session_id if session else None
        rows = ledger.changes(hours=hours, entity=entity, operation=operation, session=only, limit=limit)

    def text() -> None:
        if not rows:
            click.echo("No change recorded that fits.")
            return
        table = [
            (local_time(r.at_ns), r.operation, r.entity_type, r.entity_id, short_id(r.session_id or "")) for r in rows
        ]
        print_table(("WHEN", "OPERATION", "RECORD", "ID", "SESSION"), table)

    emit_result("busway.changes/1", [row.as_dict() for row in rows], as_json=as_json, text=text)


@events.command()
@_filters
@json_option
@click.pass_context
def errors(
    ctx: click.Context, hours: float | None, entity: str | None, session: str | None, limit: int, as_json: bool
) -> None:
    """Errors, with what they were about."""
    with open_ledger(ctx) as ledger:
        only = ledger.session(session).session_id if session else None
        rows = ledger.errors(hours=hours, entity=entity, session=only, limit=limit)

    def text() -> None:
        if not rows:
            click.echo("No error recorded that fits.")
            return
        table = [(local_time(r.at_ns), r.kind, r.entity_type or "", r.entity_id or "", r.message) for r in rows]
        print_table(("WHEN", "KIND", "RECORD", "ID", "MESSAGE"), table)

    emit_result("busway.errors/1", [row.as_dict() for row in rows], as_json=as_json, text=text)


@events.command()
@json_option
@click.pass_context
def books(ctx: click.Context, as_json: bool) -> None:
    """Per sink: emitted = delivered + dead + dropped + pending."""
    with invocation_of(ctx).app(require=False) as app:
        rows = app.events.books()

    def text() -> None:
        print_table(
            ("SINK", *(name.upper() for name in BOOK)), [_book(*row) for row in rows.items()], right=range(1, 6)
        )

    emit_result("busway.books/1", rows, as_json=as_json, text=text)


@events.command()
@click.option("--seconds", default=30.0, show_default=True, help="How long to try.")
@json_option
@click.pass_context
def flush(ctx: click.Context, seconds: float, as_json: bool) -> int:
    """Deliver everything pending in the state folder; exit 5 when something stays."""
    with invocation_of(ctx).app(require=False) as app:
        done = app.events.flush(seconds)
        rows = app.events.books()
    pending = {sink: book["pending"] for sink, book in rows.items() if book["pending"]}

    def text() -> None:
        if done:
            click.echo("Nothing is pending.")
            return
        for sink, number in pending.items():
            click.echo(f"{sink}: {number:,} pending.  Why:  busway doctor")

    emit_result("busway.flush/1", {"done": done, "pending": pending}, as_json=as_json, text=text, ok=done)
    return 0 if done else 5


def _book(sink: str, book: dict[str, Any]) -> tuple[str, ...]:
    numbers = {**book, "dropped": sum(book["dropped"].values())}
    return sink, *(f"{numbers[name]:,}" for name in BOOK)
