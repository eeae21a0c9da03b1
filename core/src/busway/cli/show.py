"""``busway show``: a saved plan."""

from __future__ import annotations

from pathlib import Path

import click

from busway.cli.output import emit_result, json_option, print_table
from busway.cli.text import local_time, short_id

__all__ = ["show"]


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def show(file: Path, as_json: bool) -> None:
    """Show what a saved plan holds: counts and field names per job. It holds no personal data."""
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
        click.echo(f"Do it:  busway apply {file}   (refused if either side has moved on since)")

    emit_result("busway.saved-plan/1", plan.as_dict(), as_json=as_json, text=text)
