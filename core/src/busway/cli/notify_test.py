"""``busway notify test``: a marked digest to one sink, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import click

from busway.cli.events_view import shown
from busway.cli.invocation import invocation_of
from busway.cli.output import emit_error, emit_result, json_option
from busway.cli.sink_names import unknown_sink
from busway.contracts.events import Severity
from busway.errors import BuswayError, ConfigurationError, RefusedError, UnreachableError
from busway.views.history import event_policy

if TYPE_CHECKING:
    from busway.app import App

__all__ = ["test"]

Outcome = Literal["delivered", "dead", "pending"]
MESSAGE = "This is a test of notifications, sent by hand. Nothing is wrong."


@click.command()
@click.argument("sink")
@click.option("--seconds", type=click.FloatRange(0, 3_600), default=15.0, show_default=True, help="How long to wait.")
@json_option
@click.pass_context
def test(ctx: click.Context, sink: str, seconds: float, as_json: bool) -> int:
    """Send a digest, marked as a test, to SINK, and say what became of it.

    Exit 4 when the sink refused it, 5 when it was not taken in time; it is tried again later then.
    """
    with invocation_of(ctx).app(require=False) as app:
        _can_be_tested(app, sink)
        event_id = _send(app, sink)
        app.events.flush(seconds)
        outcome, why = _outcome(app, sink, event_id)
        warnings = app.warnings()
    error = _error(sink, outcome, why, seconds)
    data = {"sink": sink, "event_id": event_id, "outcome": outcome, "why": why}

    def text() -> None:
        if error is None:
            click.echo(f"{sink} took the test digest (event {event_id})")

    problem = error.problem if error is not None else None
    emit_result(
        "busway.notify-test/1", data, as_json=as_json, text=text, warnings=warnings, ok=error is None, problem=problem
    )
    if error is None:
        return 0
    if not as_json:
        emit_error(error, as_json=False)
    return error.exit_code


def _can_be_tested(app: App, sink: str) -> None:
    """Raises ``UsageError`` BW1017 for a sink not in use, and ``ConfigurationError`` BW3031 for one without digests."""
    from busway.contracts.sinks import SinkTraits

    found = {one.name: one.object for one in app.objects("sinks")}
    if sink not in found:
        raise unknown_sink(sink, list(found))
    if "digests" not in SinkTraits.of(found[sink]).receives:
        why, fix = "it receives events only", "see its settings: busway plugins show sinks." + sink
    elif not event_policy(app.boot).route(sink).takes("digest", 0, None):
        why, fix = "the categories of its route leave digests out", 'add "digest" to categories'
    else:
        return
    where = app.boot.deployment.where("events", "routes", sink)
    raise ConfigurationError("BW3031", f"sink {sink} is not told digests", where=where, why=why, fix=fix)


def _send(app: App, sink: str) -> str:
    now = app.clock.now_ns()
    group = {
        "fingerprint": "test",
        "kind": "test",
        "code": "",
        "message": MESSAGE,
        "examples": [MESSAGE],
        "entity_type": None,
        "job": None,
        "count": 1,
        "first_ns": now,
        "last_ns": now,
        "next_step": "busway notify status",
    }
    attributes: Mapping[str, Any] = {
        "kind": "hourly",
        "test": True,
        "since_ns": now,
        "until_ns": now,
        "errors": 0,
        "suppressed": 0,
        "groups": [group],
        "more_groups": 0,
        "only_for": [sink],
    }
    return app.events.emit("digest", severity=Severity.WARNING, attributes=attributes)


def _outcome(app: App, sink: str, event_id: str) -> tuple[Outcome, str]:
    for letter in app.events.dead_letters(sink):
        if letter.event_id == event_id:
            return "dead", shown(letter.reason)
    if app.events.pending().get(sink, 0):
        why = [text for title, text in app.events.troubles().items() if sink in title]
        return "pending", shown(why[0]) if why else "other events are delivered before it"
    return "delivered", ""


def _error(sink: str, outcome: Outcome, why: str, seconds: float) -> BuswayError | None:
    if outcome == "dead":
        fix = f"busway plugins show sinks.{sink}; then again: busway notify test {sink}"
        return RefusedError("BW3032", f"sink {sink} refused the test digest", where=f"sink {sink}", why=why, fix=fix)
    if outcome == "pending":
        what = f"sink {sink} has not taken the test digest within {seconds:g} s"
        return UnreachableError("BW3033", what, where=f"sink {sink}", why=why, fix="busway doctor --online")
    return None
