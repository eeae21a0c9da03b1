"""``busway jobs``: which jobs there are."""

from __future__ import annotations

import click

from busway.cli.invocation import invocation_of
from busway.cli.output import emit_result, json_option, print_table
from busway.cli.text import local_time

__all__ = ["jobs"]


@click.command()
@json_option
@click.pass_context
def jobs(ctx: click.Context, as_json: bool) -> None:
    """List the sync jobs in the order a run takes them."""
    with invocation_of(ctx).app(require=False) as app:
        app.require_plugins()
        rows = [
            {
                "job": job.name,
                "entity": job.entity,
                "depends_on": list(job.depends_on),
                "managed": len(app.state.managed.ids(job.name)),
                "last_good_run": app.state.last_good_run(job.name),
            }
            for job in app.sync.jobs()
        ]

    def text() -> None:
        if not rows:
            click.echo('No jobs are selected. In busway.toml:  [plugins]  jobs = ["safetyamp"]')
            return
        print_table(("JOB", "RECORDS", "AFTER", "MANAGED", "LAST GOOD RUN"), [_row(row) for row in rows], right={3})

    emit_result("busway.jobs/1", rows, as_json=as_json, text=text)


def _row(row: dict[str, object]) -> tuple[str, ...]:
    last = row["last_good_run"]
    when = local_time(int(last["at_ns"])) if isinstance(last, dict) else "never"
    after = row["depends_on"]
    names = ", ".join(after) if isinstance(after, list) and after else "-"
    return str(row["job"]), str(row["entity"]), names, f"{row['managed']:,}", when
