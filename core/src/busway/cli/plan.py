"""``busway plan``: what a run would change."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from busway.cli.invocation import invocation_of
from busway.cli.output import emit_result, json_option
from busway.cli.plan_view import plan_as_dict, print_plan, shows_personal
from busway.cli.progress import make_progress
from busway.cli.single_record import only_job, plan_single, single_options
from busway.cli.text import short_id
from busway.errors import UsageError

if TYPE_CHECKING:
    from busway.sync.plan import Plan

__all__ = ["plan"]

CHANGES_PRESENT = 10


@click.command()
@click.argument("names", nargs=-1, metavar="[JOB]...")
@single_options
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Save the plan to this file.")
@click.option("--limit", default=10, show_default=True, help="Changes to list per job.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 10 when there is something to change.")
@json_option
@click.pass_context
def plan(
    ctx: click.Context, names: tuple[str, ...], only: str | None, trace: bool, output: Path | None, limit: int,
    detailed_exitcode: bool, as_json: bool,
) -> int:  # fmt: skip
    """Show what a run of the jobs named would change; without a name, of all jobs. Nothing is written.

    With --only for one record of one job, in quarantine or not. Exit 7 when a brake would hold a plan.
    """
    job = only_job(names, only, trace, "busway plan")
    if only is not None:
        if output is not None:
            raise _not_saved()
        return _exit_code([plan_single(ctx, job, only, trace, as_json=as_json)], detailed_exitcode)
    with invocation_of(ctx).app() as app:
        with make_progress(as_json=as_json) as progress:
            progress.started(" ".join(names) or "all jobs")
            plans = app.sync.plans(names)
        saved = app.sync.save(plans, output) if output else ""
        personal = shows_personal(app.sync.settings.personal_fields)
        waiting = {one.job: one.hold_id for one in app.state.held_plans.of(states=("held",))}
        warnings = app.warnings()

    def text() -> None:
        for one in plans:
            print_plan(one, limit, personal=personal, held_id=waiting.get(one.job, ""))
        _print_next_steps(plans, names, limit, output, saved)

    data: dict[str, Any] = {
        "plans": [plan_as_dict(one) for one in plans],
        "changes": sum(len(one.changes) for one in plans),
        "saved": str(output or ""),
    }
    emit_result("busway.plan/1", data, as_json=as_json, text=text, warnings=warnings)
    return _exit_code(plans, detailed_exitcode)


def _print_next_steps(plans: Sequence[Plan], names: Sequence[str], limit: int, output: Path | None, saved: str) -> None:
    longest = max((len(one.changes) for one in plans), default=0)
    if longest > limit:
        click.echo("all of them:  " + " ".join(["busway plan", *names, f"--limit {longest}"]))
    if output:
        click.echo(f"saved as {output} (plan {short_id(saved)}, good for 24 h).  Do it:  busway apply {output}")
    elif any(one.changes and not one.held for one in plans):
        click.echo("nothing was written.  Do it:  " + " ".join(["busway run", *names]))


def _exit_code(plans: Sequence[Plan], detailed: bool) -> int:
    if any(one.held for one in plans):
        return 7
    return CHANGES_PRESENT if detailed and any(one.changes for one in plans) else 0


def _not_saved() -> UsageError:
    return UsageError(
        "BW4019",
        "a plan of one record is not saved",
        where="busway plan",
        why="a saved plan is about whole jobs",
        fix="busway run JOB --only KEY, or busway plan JOB -o FILE",
    )
