"""``busway notify``: what people are told, when, and whether it arrives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from busway.cli.invocation import invocation_of
from busway.cli.notify_status import print_status, status_data
from busway.cli.notify_test import test
from busway.cli.output import emit_result, json_option
from busway.cli.text import local_time, plural

__all__ = ["notify"]


@click.group()
def notify() -> None:
    """Digests of errors: what waits, what was told, whether it arrives."""


@notify.command()
@json_option
@click.pass_context
def status(ctx: click.Context, as_json: bool) -> None:
    """Per sink its route and its last digest; when the next is due, and what it will tell. Sends nothing."""
    with invocation_of(ctx).app(require=False) as app:
        data = status_data(app)
        warnings = app.warnings()
    emit_result("busway.notify/1", data, as_json=as_json, text=lambda: print_status(data), warnings=warnings)


@notify.command()
@click.option("--now", is_flag=True, help="Also when it is not due yet.")
@click.option("--seconds", type=click.FloatRange(0, 3_600), default=10.0, show_default=True, help="How long to wait.")
@json_option
@click.pass_context
def digest(ctx: click.Context, now: bool, seconds: float, as_json: bool) -> int:
    """Send what is due. Exit 5 when a sink has not taken it in time; it is delivered later then.

    To be called once an hour where no process of Busway runs all the time.
    """
    with invocation_of(ctx).app(require=False) as app:
        sent: list[dict[str, Any]] = app.events.send_due_notifications()
        if now:
            content = app.events.send_hourly_notification()
            sent += [content] if content is not None else []
        done = not sent or app.events.flush(seconds)
        waiting = app.events.notifications()
        pending = {sink: count for sink, count in app.events.pending().items() if count} if sent else {}
        warnings = app.warnings()

    def text() -> None:
        for one in sent:
            click.echo(_sentence(one))
        if not sent:
            click.echo("Nothing is due." if waiting.due_ns is not None else "No error since the last digest.")
        if waiting.due_ns is not None:
            wait = "waits" if waiting.errors == 1 else "wait"
            click.echo(f"{plural(waiting.errors, 'error')} {wait} for {local_time(waiting.due_ns)}.")
            click.echo("What they are:  busway notify status")
        for sink, count in pending.items():
            click.echo(f"{sink}: {count:,} pending.  Why:  busway doctor --online")

    data = {"sent": sent, "pending": pending, "next_ns": waiting.due_ns, "waiting": waiting.errors}
    emit_result("busway.notify-digest/1", data, as_json=as_json, text=text, warnings=warnings, ok=done)
    return 0 if done else 5


notify.add_command(test)


def _sentence(digest: dict[str, Any]) -> str:
    groups: Sequence[Any] = digest["groups"]
    number = len(groups) + digest["more_groups"]
    only = f", for {', '.join(digest['only_for'])} only" if digest.get("only_for") else ""
    return f"sent: {digest['kind']}, {plural(digest['errors'], 'error')} in {plural(number, 'group')}{only}"
