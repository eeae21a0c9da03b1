"""``busway plan``: what a run would change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from busway.cli.invocation import invocation_of
from busway.cli.output import emit_result, json_option
from busway.cli.plan_view import plan_as_dict, print_plan

if TYPE_CHECKING:
    from busway.sync.plan import Plan

__all__ = ["plan"]

CHANGES_PRESENT = 10


@click.command()
@click.argument("names", nargs=-1, metavar="[JOB]...")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Save the plan to this file.")
@click.option("--limit", default=10, show_default=True, help="Changes to list per job.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 10 when there is something to change.")
@json_option
@click.pass_context
def plan(
    ctx: click.Context, names: tuple[str, ...], output: Path | None, limit: int, detailed_exitcode: bool, as_json: bool
) -> int:
    """Show what a run of the jobs named would change; without a name, of all jobs. Nothing is written."""
    with invocation_of(ctx).app() as app:
        plans = app.sync.plans(names)
        saved = app.sync.save(plans, output) if output else ""
        warnings = app.warnings()
    changes = sum(len(one.changes) for one in plans)
    code = _exit_code(plans, changes, detailed_exitcode)
    data: dict[str, Any] = {
        "plans": [plan_as_dict(one) for one in plans],
        "changes": changes,
        "saved": str(output or ""),
    }

    def text() -> None:
        for one in plans:
            print_plan(one, limit)
        longest = max((len(one.changes) for one in plans), default=0)
        if longest > limit:
            click.echo("all of them:  " + " ".join(["busway plan", *names, f"--limit {longest}"]))
        if output:
            click.echo(f"saved as {output} (plan {saved[:13]}, good for 24 h).  Do it:  busway apply {output}")
        elif changes:
            click.echo("nothing was written.  Do it:  " + " ".join(["busway run", *names]))

    emit_result("busway.plan/1", data, as_json=as_json, text=text, warnings=warnings)
    return code


def _exit_code(plans: list[Plan], changes: int, detailed: bool) -> int:
    if any(one.held for one in plans):
        return 7
    return CHANGES_PRESENT if detailed and changes else 0
