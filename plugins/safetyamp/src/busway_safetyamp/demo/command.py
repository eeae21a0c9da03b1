"""The command: sets the stage, runs the jobs four times, and says what a person sees in it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from busway.cli.output import emit_result, json_option, style
from busway.cli.plan_view import print_plan
from busway.cli.run_view import run_as_dict
from busway.cli.running import carry_out, print_run
from busway.cli.stopping import SignalStop
from busway.cli.text import plural

if TYPE_CHECKING:
    from busway.app import App
    from busway_safetyamp.demo.stage import Stage

__all__ = ["demo"]

LISTED_CHANGES = 4


@click.command()
@click.option("--people", type=click.IntRange(20, 5000), default=300, show_default=True, help="Size of the company.")
@click.option("--seed", default=2026, show_default=True, help="The same seed makes the same company.")
@json_option
def demo(people: int, seed: int, as_json: bool) -> int:
    """Make a synthetic company and a stand-in of SafetyAmp, and run the real jobs between them.

    Needs no account, no network and no files; leaves one folder, which it names at the end.
    """
    from busway_safetyamp.demo.stage import Stage

    say = _nothing if as_json else click.echo
    runs: list[dict[str, Any]] = []
    with SignalStop() as stop, Stage(people, seed) as stage:
        _introduce(stage, seed, say)
        for title, step in _STEPS:
            if stop.requested():
                break
            say(f"\n{style(title, bold=True)}")
            runs += step(stage, stop, as_json)
        _conclude(stage, say)
    data = {"folder": str(stage.folder), "people": people, "seed": seed, "runs": runs}
    emit_result("busway.demo/1", data, as_json=as_json, text=lambda: None)
    return 128 + stop.signal if stop.signal else 0


def _introduce(stage: Stage, seed: int, say: Callable[[str], object]) -> None:
    company = stage.company
    say(
        style("Busway demo", bold=True)
        + ": a synthetic company, a stand-in of SafetyAmp, the real jobs between them.\n"
    )
    shape = f"{plural(len(company.active), 'person', 'people')}, {plural(len(company.departments), 'department')}"
    say(f"  company  {company.name}: {shape}, {plural(len(company.titles), 'title')}  (seed {seed})")
    say(f"  source   Viewpoint Vista in {stage.vista.path}")
    say(f"  target   SafetyAmp sandbox at {stage.sandbox.url}, {plural(stage.users, 'user')} already there")


def _look(stage: Stage, stop: SignalStop, as_json: bool) -> list[dict[str, Any]]:
    with _app(stage) as app:
        plans = app.sync.plans(())
    if not as_json:
        for plan in plans:
            print_plan(plan, LISTED_CHANGES)
        click.echo("  nothing was written")
    return []


def _run(stage: Stage, stop: SignalStop, as_json: bool) -> list[dict[str, Any]]:
    with _app(stage) as app:
        report, books = carry_out(app, lambda progress: app.sync.run((), progress=progress, stop=stop), as_json=as_json)
    if not as_json:
        print_run(report, books)
    return [run_as_dict(report, books)]


def _run_the_next_day(stage: Stage, stop: SignalStop, as_json: bool) -> list[dict[str, Any]]:
    stage.a_day_passes()
    return _run(stage, stop, as_json)


_STEPS: tuple[tuple[str, Callable[[Stage, SignalStop, bool], list[dict[str, Any]]]], ...] = (
    ("1  What would happen?   busway plan", _look),
    ("2  Do it.               busway run", _run),
    ("3  Again: nothing is left to change; what failed waits in quarantine.   busway run", _run),
    ("4  A day later: one person left, one has a new title.   busway run", _run_the_next_day),
)


def _app(stage: Stage) -> App:
    from busway.app import App

    # An empty environment: variables that point at a real account must never reach the demo.
    return App.from_config(stage.folder, {})


def _conclude(stage: Stage, say: Callable[[str], object]) -> None:
    ledger = stage.sandbox.ledger
    say(f"\n{style('Where everything is', bold=True)}")
    say(f"  {stage.folder}/busway.toml, .env, vista.db and .busway/ (journal, ledger, state)")
    say(f"  the sandbox took {plural(stage.sandbox.calls, 'call')} and {plural(len(ledger), 'write')}; it is gone now")
    say(f"\n{style('Look around', bold=True)}")
    # uv sets this variable for what it runs; without it the command is on the PATH.
    busway = "uv run busway" if "UV" in os.environ else "busway"
    for command in ("sessions list", "events changes --limit 5", "events errors", "config explain SAFETYAMP_TOKEN"):
        say(f"  {busway} -C {stage.folder} {command}")
    say(f"\n{style('Try it yourself', bold=True)}: docs/getting-started.md, from an empty folder to the first run")


def _nothing(text: str) -> None:
    """Says nothing: with --json only the result is printed."""
