"""``--only`` and ``--trace``: one record of one job."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from busway.cli.invocation import invocation_of
from busway.cli.output import emit_result
from busway.cli.plan_view import plan_as_dict, print_plan, shows_personal
from busway.cli.progress import make_progress
from busway.cli.run_view import print_ending, run_as_dict
from busway.cli.running import carry_out, print_run
from busway.cli.stopping import SignalStop
from busway.cli.trace_view import print_outcome, print_trace
from busway.errors import UsageError

if TYPE_CHECKING:
    from busway.sync.plan import Plan
    from busway.sync.report import Progress, RunReport
    from busway.sync.trace import Trace

__all__ = ["only_job", "plan_single", "run_single", "single_options"]

Command = TypeVar("Command", bound=Callable[..., Any])


def single_options(command: Command) -> Command:
    """``--only`` and ``--trace``."""
    for option in (
        click.option("--trace", is_flag=True, help="With --only: what happens to it step by step, and why."),
        click.option("--only", metavar="KEY", help="This record alone, by its match key or label, as plans show it."),
    ):
        command = option(command)
    return command


def only_job(names: Sequence[str], only: str | None, trace: bool, where: str) -> str:
    """The job that ``--only`` is about; empty when it was not given.

    Raises ``UsageError`` BW4019 for no job or several, and for ``--trace`` without ``--only``.
    """
    if only is None:
        if trace:
            raise _unclear("a trace is of one record", "--trace goes with --only", where)
        return ""
    if len(names) == 1:
        return names[0]
    why = "several jobs are named" if names else "no job is named"
    raise _unclear("one record belongs to one job", why, where)


def run_single(ctx: click.Context, job: str, only: str, traced: bool, *, as_json: bool) -> int:
    """Plans and applies one record, tells it, and returns the exit code."""
    traces: list[Trace] = []
    with invocation_of(ctx).app() as app, SignalStop() as stop:

        def work(progress: Progress) -> RunReport:
            report, trace = app.sync.run_one(job, only, progress=progress, stop=stop)
            traces.extend([trace] if traced and trace is not None else [])
            return report

        report, books = carry_out(app, work, as_json=as_json)
        warnings = app.warnings()
    data = run_as_dict(report, books)
    if traced:
        data["trace"] = traces[0].as_dict() if traces else None

    def text() -> None:
        _print_traced_run(report, books, traces[0], only) if traces else print_run(report, books)

    emit_result("busway.run/1", data, as_json=as_json, text=text, warnings=warnings, ok=report.exit_code == 0)
    return report.exit_code


def plan_single(ctx: click.Context, job: str, only: str, traced: bool, *, as_json: bool) -> Plan:
    """Plans one record and tells what would become of it."""
    with invocation_of(ctx).app() as app:
        with make_progress(as_json=as_json) as progress:
            progress.started(job)
            plan, trace = app.sync.plan_one(job, only)
        personal = shows_personal(app.sync.settings.personal_fields)
        warnings = app.warnings()
    data: dict[str, Any] = {"plans": [plan_as_dict(plan)], "changes": len(plan.changes), "saved": ""}
    if traced:
        data["trace"] = trace.as_dict()

    def text() -> None:
        if traced:
            print_trace(trace, only)
        else:
            print_plan(plan, 1, personal=personal)
        if plan.changes and not plan.held:
            click.echo(f"nothing was written.  Do it:  busway run {job} --only {shlex.quote(only)}")

    emit_result("busway.plan/1", data, as_json=as_json, text=text, warnings=warnings)
    return plan


def _print_traced_run(report: RunReport, books: Mapping[str, Any], trace: Trace, only: str) -> None:
    print_trace(trace, only)
    for job in report.jobs:
        print_outcome(job)
    print_ending(report, books)


def _unclear(what: str, why: str, where: str) -> UsageError:
    return UsageError("BW4019", what, where=where, why=why, fix=f"{where} JOB --only KEY")
