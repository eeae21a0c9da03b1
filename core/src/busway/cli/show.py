"""``busway show``: a saved plan, or a held one."""

from __future__ import annotations

import re
import time
from pathlib import Path

import click

from busway.cli.deciding import open_state
from busway.cli.output import emit_result, json_option, print_table
from busway.cli.text import local_time, short_id

__all__ = ["show"]

HELD_ID = re.compile(r"[0-9a-f]{4,8}(-[0-9a-f-]{0,27})?")


@click.command()
@click.argument("plan", metavar="FILE_OR_ID")
@json_option
@click.pass_context
def show(ctx: click.Context, plan: str, as_json: bool) -> None:
    """Show a saved plan by its FILE, or a held one by its ID (or the beginning of it).

    Counts, field names and, of a held plan, why it was held and the first changes. No personal data.
    """
    if HELD_ID.fullmatch(plan) and not Path(plan).exists():
        _show_held(ctx, plan, as_json=as_json)
    else:
        _show_saved(Path(plan), as_json=as_json)


def _show_held(ctx: click.Context, text: str, *, as_json: bool) -> None:
    from busway.cli.held_view import print_held
    from busway.sync.decisions import find_held_plan
    from busway.views.held_plans import held_as_dict

    with open_state(ctx) as store:
        held = find_held_plan(store.held_plans, text)
    emit_result(
        "busway.held-plan/1", held_as_dict(held), as_json=as_json, text=lambda: print_held(held, time.time_ns())
    )


def _show_saved(file: Path, *, as_json: bool) -> None:
    from busway.sync import saved_plan

    plan = saved_plan.load(file)

    def text() -> None:
        made, until = local_time(plan.created_at_ns), local_time(plan.expires_at_ns)
        click.echo(f"plan {short_id(plan.plan_id)}, made {made}, good until {until}")
        rows = [
            (job.job, *(f"{n:,}" for n in job.counts.values()), ", ".join(sorted(job.field_names())))
            for job in plan.jobs
        ]
        names = list(plan.jobs[0].counts) if plan.jobs else []
        print_table(("JOB", *(name.upper() for name in names), "FIELDS"), rows, right=range(1, len(names) + 1))
        for job in plan.jobs:
            if job.holds:
                click.echo(f"{job.job} would be held: {', '.join(job.holds)}")
        click.echo(f"Do it:  busway apply {file}   (refused if either side has moved on since)")

    emit_result("busway.saved-plan/1", plan.as_dict(), as_json=as_json, text=text)
