"""``busway jobs``: which jobs there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from busway.cli.invocation import invocation_of
from busway.cli.output import emit_result, json_option, print_table
from busway.cli.text import local_time

if TYPE_CHECKING:
    from busway.app import App
    from busway.sync.runner import JobInfo

__all__ = ["jobs"]


@click.command()
@json_option
@click.pass_context
def jobs(ctx: click.Context, as_json: bool) -> None:
    """List the sync jobs in the order a run takes them."""
    with invocation_of(ctx).app(require=False) as app:
        app.require_plugins()
        rows = [_row(app, job) for job in app.sync.jobs()]

    def text() -> None:
        if not rows:
            click.echo('No jobs are selected. In busway.toml:  [plugins]  jobs = ["safetyamp"]')
            return
        print_table(("JOB", "RECORDS", "AFTER", "MANAGED", "LAST GOOD RUN"), [_cells(row) for row in rows], right={3})

    emit_result("busway.jobs/1", rows, as_json=as_json, text=text)


def _row(app: App, job: JobInfo) -> dict[str, Any]:
    managed, last = len(app.state.managed.ids(job.name)), app.state.last_good_run(job.name)
    return {**job.as_dict(), "managed": managed, "last_good_run": last}


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    last = row["last_good_run"]
    when = local_time(last["at_ns"]) if last else "never"
    return row["name"], row["entity"], ", ".join(row["depends_on"]) or "-", f"{row['managed']:,}", when
