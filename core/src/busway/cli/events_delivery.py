"""``busway events books|flush``: what became of events at each sink."""

from __future__ import annotations

from typing import Any

import click

from busway.cli.invocation import invocation_of
from busway.cli.output import emit_result, json_option, print_table

__all__ = ["books", "flush"]

BOOK = ("emitted", "delivered", "dead", "dropped", "pending")


@click.command()
@json_option
@click.pass_context
def books(ctx: click.Context, as_json: bool) -> None:
    """Per sink: emitted = delivered + dead + dropped + pending."""
    with invocation_of(ctx).app(require=False) as app:
        rows = app.events.books()
        warnings = app.warnings()

    def text() -> None:
        table = [_book(*row) for row in rows.items()]
        print_table(("SINK", *(name.upper() for name in BOOK)), table, right=range(1, 6))
        for sink, book in rows.items():
            for reason, count in sorted(book["dropped"].items()):
                click.echo(f"{sink}: {count:,} dropped, {DROPPED.get(reason, reason)}")

    emit_result("busway.books/1", rows, as_json=as_json, text=text, warnings=warnings)


DROPPED = {
    "route": "because its route leaves them out",
    "retention": "because their journal was too old or too large before they were delivered",
    "journal_full": "because the journal could not be written",
    "disk_full": "because the disk was full",
    "io_error": "because the disk could not be written",
    "corrupt": "because the line of the journal is damaged",
    "torn": "because their writer died while it wrote the line",
    "unreadable": "because the line of the journal is no event",
    "discarded": "by hand (busway events dead drop)",
}


@click.command()
@click.option("--seconds", type=click.FloatRange(0, 86_400), default=30.0, show_default=True, help="How long to try.")
@json_option
@click.pass_context
def flush(ctx: click.Context, seconds: float, as_json: bool) -> int:
    """Deliver everything pending in the state folder; exit 5 when something stays."""
    with invocation_of(ctx).app(require=False) as app:
        done = app.events.flush(seconds)
        rows = app.events.books()
        warnings = app.warnings()
    pending = {sink: book["pending"] for sink, book in rows.items() if book["pending"]}

    def text() -> None:
        if not pending:
            click.echo("Nothing is pending.")
        for sink, number in pending.items():
            click.echo(f"{sink}: {number:,} pending.  Why:  busway doctor --online")

    data = {"done": done, "pending": pending}
    emit_result("busway.flush/1", data, as_json=as_json, text=text, warnings=warnings, ok=done)
    return 0 if done else 5


def _book(sink: str, book: dict[str, Any]) -> tuple[str, ...]:
    numbers = {**book, "dropped": sum(book["dropped"].values())}
    return sink, *(f"{numbers[name]:,}" for name in BOOK)
