"""``busway pause`` and ``busway resume``: runs that must not begin, because somebody said so."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from busway.cli.deciding import actor_of, actor_option, decisions_of, open_state, reason_option
from busway.cli.events_view import shown
from busway.cli.invocation import invocation_of
from busway.cli.output import emit_result, json_option, print_table
from busway.cli.text import local_time
from busway.cli.times import until_ns

if TYPE_CHECKING:
    from busway.app import App
    from busway.stores.pauses import Pause

__all__ = ["pause", "print_pauses", "resume", "until_text"]


@click.command()
@click.argument("names", nargs=-1, metavar="[JOB]...")
@reason_option
@click.option(
    "--until",
    metavar="SPAN|TIME",
    help="When it ends by itself: 2h, 30m, 2026-12-01 or 2026-12-01T06:00, by this clock.",
)
@actor_option
@click.option("--list", "listed", is_flag=True, help="Only show what is paused.")
@json_option
@click.pass_context
def pause(
    ctx: click.Context, names: tuple[str, ...], reason: str, until: str | None, actor: str, listed: bool, as_json: bool
) -> None:
    """Keep the jobs named from running, until somebody resumes; without a name, all of them.

    A run that is under way finishes the record in hand. A pause outlives restarts; looking (busway plan) is never
    paused.
    """
    if listed:
        _list(ctx, names, as_json=as_json)
        return
    with invocation_of(ctx).app(require=False) as app:
        _refuse_unknown(app, names)
        end = until_ns(until, app.clock.now_ns()) if until is not None else 0
        decisions, who = decisions_of(app), actor_of(app, actor)
        paused = [decisions.pause(name, who, reason, end) for name in dict.fromkeys(names) or ("",)]
        warnings = app.warnings()

    def text() -> None:
        for one in paused:
            subject = f"{one.job} is" if one.job else "all jobs are"
            click.echo(f"{subject} paused {until_text(one)}, by {shown(one.actor)}: {shown(one.reason)}")
        click.echo("a run that is under way stops after the record in hand")
        click.echo(" ".join(["go on:  busway resume", *(one.job for one in paused)]).rstrip())

    data = [one.as_dict() for one in paused]
    emit_result("busway.pauses/1", data, as_json=as_json, text=text, warnings=warnings)


@click.command()
@click.argument("names", nargs=-1, metavar="[JOB]...")
@click.option("--reason", default="resumed", show_default=True, help="Why; it is kept with the decision.")
@actor_option
@json_option
@click.pass_context
def resume(ctx: click.Context, names: tuple[str, ...], reason: str, actor: str, as_json: bool) -> None:
    """Let the jobs named run again; without a name, end the pause of all jobs.

    A pause of all jobs and that of one are two: each is ended by itself.
    """
    with invocation_of(ctx).app(require=False) as app:
        decisions, who = decisions_of(app), actor_of(app, actor)
        known = {one.job for one in app.state.pauses.all(app.clock.now_ns())}
        _refuse_unknown(app, [name for name in names if name not in known])
        chosen = dict.fromkeys(names) or ("",)
        ended = {name: decisions.resume(name, who, reason) and name in known for name in chosen}
        left = decisions.pauses()
        warnings = app.warnings()

    def text() -> None:
        for name, was_paused in ended.items():
            what = name or "all jobs"
            click.echo(f"the pause of {what} has ended" if was_paused else f"there was no pause of {what}")
        for one in left:
            click.echo(f"still paused: {one.job or 'all jobs'}, {until_text(one)}: busway resume {one.job}".rstrip())

    data = {
        "resumed": [name or "all" for name, was_paused in ended.items() if was_paused],
        "left": [one.as_dict() for one in left],
    }
    emit_result("busway.resumed/1", data, as_json=as_json, text=text, warnings=warnings)


def until_text(pause: Pause) -> str:
    """``until 2026-12-01 06:00:00``, local time, or until somebody resumes."""
    return f"until {local_time(pause.until_ns)} (local time)" if pause.until_ns else "until somebody resumes"


def print_pauses(pauses: Sequence[Pause]) -> None:
    """A table, or a sentence when there is none."""
    if not pauses:
        click.echo("Nothing is paused.")
        return
    rows = [
        (one.job or "(all jobs)", local_time(one.since_ns), local_time(one.until_ns) if one.until_ns else "resumed",
         shown(one.actor), shown(one.reason))
        for one in pauses
    ]  # fmt: skip
    print_table(("PAUSED", "SINCE", "UNTIL", "BY", "REASON"), rows)


def _list(ctx: click.Context, names: Sequence[str], *, as_json: bool) -> None:
    with open_state(ctx) as store:
        pauses = [one for one in store.pauses.all(time.time_ns()) if not names or one.job in ("", *names)]
    data = [one.as_dict() for one in pauses]
    emit_result("busway.pauses/1", data, as_json=as_json, text=lambda: print_pauses(pauses))


def _refuse_unknown(app: App, names: Sequence[str]) -> None:
    """Raises ``UsageError`` BW4003 for a name that no selected job has, so that nobody believes a typo.

    Where the plugin of a job is broken, that is what is told; the pause of all jobs needs no plugin.
    """
    known = {job.name for job in app.jobs} if names else set()
    missing = [name for name in names if name not in known]
    if missing:
        from busway.sync.graph import select

        app.require_plugins()
        select(app.jobs, missing)
