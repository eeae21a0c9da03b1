"""The command: sets the stage, runs the jobs on several days, and says what a person sees in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from busway.cli.notify_status import print_status, status_data
from busway.cli.output import emit_result, json_option, style
from busway.cli.plan_view import print_plan
from busway.cli.run_view import print_ending, print_job, print_summary, run_as_dict
from busway.cli.running import DELIVERY_SECONDS, carry_out, print_run
from busway.cli.stopping import SignalStop
from busway.cli.text import plural
from busway.sync.report import Outcome

if TYPE_CHECKING:
    from busway.app import App
    from busway.sync.report import RunReport
    from busway_safetyamp.demo.stage import Stage

__all__ = ["demo"]

LISTED_CHANGES = 3


@click.command()
@click.option("--people", type=click.IntRange(20, 5000), default=300, show_default=True, help="Size of the company.")
@click.option("--seed", default=2026, show_default=True, help="The same seed makes the same company.")
@json_option
def demo(people: int, seed: int, as_json: bool) -> int:
    """Make a synthetic company and stand-ins of SafetyAmp, Samsara and Entra ID, and run the real jobs between them.

    Needs no account, no network and no files; leaves one folder, which it names at the end.
    """
    from busway_safetyamp.demo.stage import Stage

    with SignalStop() as stop, Stage(people, seed) as stage:
        story = _Story(stage, stop, as_json)
        story.introduce(seed)
        for title, step in _STEPS:
            if stop.requested():
                break
            story.say(f"\n{style(title, bold=True)}")
            step(story)
        story.conclude()
    data = {"folder": str(stage.folder), "people": people, "seed": seed, "runs": story.runs, "mail": story.mail}
    emit_result("busway.demo/1", data, as_json=as_json, text=lambda: None)
    return 128 + stop.signal if stop.signal else 0


@dataclass(slots=True)
class _Story:
    """What is told, step by step."""

    stage: Stage
    stop: SignalStop
    as_json: bool
    runs: list[dict[str, Any]] = field(default_factory=list)
    mail: str = ""

    def say(self, text: str) -> None:
        """Prints ``text``; with --json only the result is printed."""
        if not self.as_json:
            click.echo(text)

    def introduce(self, seed: int) -> None:
        """Who is who."""
        stage, company = self.stage, self.stage.company
        title = style("Busway demo", bold=True)
        self.say(f"{title}: a synthetic company, stand-ins of the remote systems, the real jobs between them.\n")
        shape = f"{plural(len(company.active), 'person', 'people')}, {plural(len(company.departments), 'department')}"
        self.say(f"  company  {company.name}: {shape}, {plural(len(company.jobs), 'job')}  (seed {seed})")
        self.say(f"  payroll  Viewpoint Vista in {stage.vista.path}")
        if stage.stand_ins.graph is not None:
            self.say(f"  people   Microsoft Entra ID at {stage.stand_ins.graph.url}")
        vehicles = plural(len(stage.stand_ins.samsara.fleet.vehicles), "vehicle")
        self.say(f"  fleet    Samsara at {stage.stand_ins.samsara.url}, {vehicles}")
        users = plural(len(stage.sandbox.world.records("users")), "user")
        self.say(f"  target   SafetyAmp at {stage.sandbox.url}, {users} already there")

    def look(self) -> None:
        """A plan."""
        with self.app() as app:
            plans = app.sync.plans(())
        if not self.as_json:
            for plan in plans:
                print_plan(plan, LISTED_CHANGES)
        self.say("  nothing was written")

    def first_run(self) -> None:
        """A run, with everything that the command shows."""
        report, books = self._carry_out()
        if not self.as_json:
            print_run(report, books)

    def run(self) -> None:
        """A run, as far as it differs from the one before: without jobs that change nothing, and without notes."""
        report, books = self._carry_out()
        if self.as_json:
            return
        for job in report.jobs:
            if job.planned or job.outcome is not Outcome.DONE:
                print_job(replace(job, warnings=[]))
        print_summary(report)
        print_ending(report, books)

    def _carry_out(self) -> tuple[RunReport, Mapping[str, Any]]:
        with self.app() as app:
            work = partial(app.sync.run, (), stop=self.stop)
            report, books = carry_out(app, lambda progress: work(progress=progress), as_json=self.as_json)
        self.runs.append(run_as_dict(report, books))
        return report, books

    def mend(self) -> None:
        """What was in quarantine is mended, and goes through."""
        numbers = self.stage.somebody_mends_an_address()
        self.say(f"  employee {numbers} has an e-mail address now; all others are as they were\n")
        self.run()

    def a_day_later(self) -> None:
        """Changes of an ordinary day."""
        self.stage.a_day_passes()
        self.run()

    def a_bad_day(self) -> None:
        """A plan that must not be carried out, and is not."""
        lost = self.stage.payroll_loses_people()
        self.say(f"  payroll says that {plural(lost, 'person', 'people')} left overnight\n")
        self.run()
        self.stage.payroll_finds_them_again()

    def post(self) -> None:
        """The digest as it is mailed; as `busway notify status` shows it where there is no email sink."""
        office = self.stage.post_office
        with self.app() as app:
            if office is None:
                data = status_data(app)
                if not self.as_json:
                    print_status(data)
                self.say("  to have it mailed:  pip install busway-sink-email")
                return
            app.events.send_hourly_notification()
            app.events.flush(DELIVERY_SECONDS)
        if office.mails:
            self._show(office.mails[-1])

    def _show(self, mail: Any) -> None:
        self.mail = mail.get_body(("plain",)).get_content().rstrip().replace("\r\n", "\n")
        bar = style("│", dim=True)
        for name in ("From", "To", "Subject"):
            self.say(f"  {bar} {style(f'{name:8}', dim=True)} {mail[name]}")
        for line in ("", *self.mail.splitlines()):
            self.say(f"  {bar} {line}".rstrip())

    def conclude(self) -> None:
        """Where everything is, and what to do next."""
        stage, folder = self.stage, self.stage.folder
        writes = plural(len(stage.sandbox.ledger), "write")
        self.say(f"\n{style('Where everything is', bold=True)}")
        self.say(f"  {folder}/busway.toml, .env, vista.db and .busway/ (journal, ledger, state)")
        self.say(f"  SafetyAmp took {plural(stage.sandbox.calls, 'call')} and {writes}; the stand-ins are gone now")
        self.say(f"\n{style('Look around', bold=True)}")
        # uv sets this variable for what it runs; without it the command is on the PATH.
        busway = "uv run busway" if "UV" in os.environ else "busway"
        for command in _COMMANDS:
            self.say(f"  {busway} -C {folder} {command}")
        self.say(
            f"\n{style('Try it yourself', bold=True)}: docs/getting-started.md, from an empty folder to the first run"
        )

    def app(self) -> App:
        """The application, as each command opens it anew."""
        from busway.app import App

        # An empty environment: variables that point at a real account must never reach the demo.
        return App.from_config(self.stage.folder, {})


_COMMANDS = (
    "sessions list",
    "events changes --limit 5",
    "events errors",
    "plans list",
    "config explain SAFETYAMP_TOKEN",
)
_STEPS: tuple[tuple[str, Callable[[_Story], None]], ...] = (
    ("1  What would happen?   busway plan", _Story.look),
    ("2  Do it.   busway run", _Story.first_run),
    ("3  What failed waits in quarantine. Its record is mended, and goes through.   busway run", _Story.mend),
    ("4  A day later: one person left, one has a new title, two vehicles swapped gateways.", _Story.a_day_later),
    ("5  A bad day: too many would lose access. The plan is held, and nothing is written.", _Story.a_bad_day),
    ("6  Payroll is whole again: nothing is left to do.", _Story.run),
    ("7  What people are told: once an hour, all errors in one mail.   busway notify digest", _Story.post),
)
