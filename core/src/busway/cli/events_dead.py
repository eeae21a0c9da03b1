"""``busway events dead``: events a sink gave up on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from busway.cli.events_view import shown
from busway.cli.invocation import invocation_of
from busway.cli.output import emit_result, json_option, print_table
from busway.cli.sink_names import unknown_sink
from busway.cli.text import local_time, plural
from busway.errors import UsageError

if TYPE_CHECKING:
    from busway.app import App
    from busway.stores.dead_letters import DeadLetter

__all__ = ["dead"]

SHORTEST_PREFIX = 8


@click.group()
def dead() -> None:
    """Events a sink could not take: look, deliver again, give up."""


@dead.command("list")
@click.option("--sink", help="Only of this sink.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="Newest first, so many.")
@json_option
@click.pass_context
def list_(ctx: click.Context, sink: str | None, limit: int, as_json: bool) -> None:
    """What was given up, by which sink, and why."""
    with invocation_of(ctx).app(require=False) as app:
        letters = app.events.dead_letters(sink)
        names = [one.name for one in app.objects("sinks")]
        if sink is not None and sink not in names and not letters:  # one not in use any more may have some
            raise unknown_sink(sink, names)
        warnings = app.warnings()

    def text() -> None:
        if not letters:
            click.echo(f"{sink or 'No sink'} has given up {'no' if sink else 'an'} event.")
            return
        print_table(("SINK", "EVENT", "GIVEN UP", "WHAT", "WHY"), [_row(letter) for letter in letters[:limit]])
        if len(letters) > limit:
            click.echo(f"and {len(letters) - limit:,} more: --limit {len(letters)}")
        click.echo("deliver again:  busway events dead replay SINK        give up:  busway events dead drop SINK --yes")

    data = [_as_dict(letter) for letter in letters[:limit]]
    emit_result("busway.dead-letters/1", data, as_json=as_json, text=text, warnings=warnings)


@dead.command()
@click.argument("sink")
@click.argument("events", nargs=-1)
@click.option("--seconds", type=click.FloatRange(0, 3_600), default=10.0, show_default=True, help="How long to wait.")
@json_option
@click.pass_context
def replay(ctx: click.Context, sink: str, events: Sequence[str], seconds: float, as_json: bool) -> int:
    """Deliver dead letters of SINK again: all, or those with the ids EVENTS. Exit 5 when some are still not taken."""
    with invocation_of(ctx).app(require=False) as app:
        chosen = _chosen(app, sink, events)
        number = app.events.replay(sink, chosen)
        if number:
            app.events.flush(seconds)
        pending = app.events.pending().get(sink, 0)
        wanted = None if chosen is None else set(chosen)
        left = [one for one in app.events.dead_letters(sink) if wanted is None or one.event_id in wanted]
        warnings = app.warnings()
    done = not pending and not left

    def text() -> None:
        click.echo(f"{plural(number, 'event')} handed to {sink} again")
        if left:
            click.echo(f"{len(left):,} given up again.  Why:  busway events dead list --sink {sink}")
        if pending:
            click.echo(f"{pending:,} pending.  Why:  busway doctor --online")

    data = {"sink": sink, "replayed": number, "pending": pending, "dead": len(left)}
    emit_result("busway.dead-replay/1", data, as_json=as_json, text=text, warnings=warnings, ok=done)
    return 0 if done else 5


@dead.command()
@click.argument("sink")
@click.argument("events", nargs=-1)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@click.pass_context
def drop(ctx: click.Context, sink: str, events: Sequence[str], yes: bool, as_json: bool) -> None:
    """Give dead letters of SINK up for good: all, or those with the ids EVENTS. They count as dropped."""
    from busway.cli.confirming import confirmed

    with invocation_of(ctx).app(require=False) as app:
        chosen = _chosen(app, sink, events)
        count = len(app.events.dead_letters(sink) if chosen is None else chosen)
        confirmed(f"give up {plural(count, 'event')} of {sink} for good?", yes=yes, again="busway events dead drop")
        number = app.events.drop_dead(sink, chosen)
        warnings = app.warnings()
    data = {"sink": sink, "dropped": number}
    text = f"{plural(number, 'event')} of {sink} given up"
    emit_result("busway.dead-drop/1", data, as_json=as_json, text=lambda: click.echo(text), warnings=warnings)


def _chosen(app: App, sink: str, events: Sequence[str]) -> list[str] | None:
    """Whole ids for what was given of them; ``None`` for all. Raises ``UsageError`` BW3042."""
    if not events:
        return None
    known = [letter.event_id for letter in app.events.dead_letters(sink)]
    found = []
    for given in events:
        matches = [one for one in known if one.startswith(given.lower())] if len(given) >= SHORTEST_PREFIX else []
        if len(matches) != 1:
            raise UsageError(
                "BW3042",
                f"{'several dead letters' if matches else 'no dead letter'} of {sink} begin with {given!r}",
                where=f"sink {sink}",
                why=f"at least {SHORTEST_PREFIX} characters, and enough to mean one",
                fix=f"busway events dead list --sink {sink}",
            )
        found += matches
    return found


def _row(letter: DeadLetter) -> tuple[str, ...]:
    event = letter.event
    about = " ".join(str(event.get(name)) for name in ("category", "entity_type", "entity_id") if event.get(name))
    return letter.sink, letter.event_id, local_time(letter.at_ns), shown(about), shown(letter.reason)


def _as_dict(letter: DeadLetter) -> dict[str, Any]:
    from busway.events.times import iso_time

    return {
        "sink": letter.sink,
        "event_id": letter.event_id,
        "reason": letter.reason,
        "at_ns": letter.at_ns,
        "at": iso_time(letter.at_ns),
        "event": letter.event,
    }
