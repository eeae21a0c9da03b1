"""``busway plans``: plans that a brake held, and what becomes of them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from busway.cli.deciding import actor_of, actor_option, decisions_of, open_state, reason_option
from busway.cli.held_view import print_decided, print_held_list
from busway.cli.invocation import invocation_of
from busway.cli.output import emit_result, json_option
from busway.cli.run_view import run_as_dict
from busway.cli.running import carry_out, tell_run
from busway.cli.stopping import SignalStop
from busway.cli.text import short_id
from busway.views.held_plans import good_until_ns, held_as_dict, held_plans

if TYPE_CHECKING:
    from busway.app import App
    from busway.stores.held_plans import HeldPlan
    from busway.sync.report import RunReport

__all__ = ["plans"]


@click.group()
def plans() -> None:
    """Plans that a brake held: nothing of them was written, and they wait for somebody to decide."""


@plans.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that were decided, used or replaced (90 days).")
@click.option("--job", help="Only of this job.")
@json_option
@click.pass_context
def list_(ctx: click.Context, everything: bool, job: str | None, as_json: bool) -> None:
    """What waits for a decision."""
    with open_state(ctx) as store:
        known = held_plans(store, job=job, everything=True)
        found = held_plans(store, job=job, everything=everything)
    now_ns = time.time_ns()
    allowed = [] if everything else [one for one in known if good_until_ns(one) > now_ns]

    def text() -> None:
        if found:
            print_held_list(found, now_ns)
        else:
            click.echo("No plan was ever held." if not known else "No plan waits for a decision.")
        for one in allowed:
            click.echo(f"{short_id(one.hold_id)} is allowed and not used yet: busway run {one.job}")

    data = [held_as_dict(one) for one in found]
    emit_result("busway.held-plans/1", data, as_json=as_json, text=text)


@plans.command(short_help="Let the next run pass the brakes that held a plan.")
@click.argument("plan")
@reason_option
@actor_option
@click.option("--now", is_flag=True, help="Run the job at once.")
@json_option
@click.pass_context
def allow(ctx: click.Context, plan: str, reason: str, actor: str, now: bool, as_json: bool) -> int:
    """Let the job's next run within 24 hours pass the brakes that held PLAN, up to the counts that were held.

    PLAN is its id, or the beginning of it. Exit as busway run with --now.
    """
    with invocation_of(ctx).app(require=now) as app:
        held = decisions_of(app).allow(plan, actor_of(app, actor), reason)
        if not now:
            return _tell(held, app.warnings(), as_json=as_json)
        if not as_json:
            print_decided(held, next_step=False)
        report, books = _run(app, held.job, as_json=as_json)
        warnings = app.warnings()
    if as_json:
        return _tell(held, warnings, as_json=True, report=report, books=books)
    return tell_run(report, books, warnings, as_json=False)


@plans.command(short_help="Note that a plan must not pass.")
@click.argument("plan")
@reason_option
@actor_option
@json_option
@click.pass_context
def reject(ctx: click.Context, plan: str, reason: str, actor: str, as_json: bool) -> int:
    """Note that PLAN must not pass. The job's next run plans anew, and is held again where it would do as much."""
    with invocation_of(ctx).app(require=False) as app:
        held = decisions_of(app).reject(plan, actor_of(app, actor), reason)
        return _tell(held, app.warnings(), as_json=as_json)


def _run(app: App, job: str, *, as_json: bool) -> tuple[RunReport, Mapping[str, Any]]:
    with SignalStop() as stop:
        return carry_out(app, lambda progress: app.sync.run([job], progress=progress, stop=stop), as_json=as_json)


def _tell(
    held: HeldPlan,
    warnings: Sequence[str],
    *,
    as_json: bool,
    report: RunReport | None = None,
    books: Mapping[str, Any] | None = None,
) -> int:
    data = held_as_dict(held)
    if report is not None:
        data["run"] = run_as_dict(report, books or {})
    code = 0 if report is None else report.exit_code
    emit_result(
        "busway.held-plan/1", data, as_json=as_json, text=lambda: print_decided(held), warnings=warnings, ok=code == 0
    )
    return code
