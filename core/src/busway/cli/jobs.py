"""``busway jobs``: which jobs there are, and what keeps them from running."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from busway.cli.events_view import shown
from busway.cli.invocation import invocation_of
from busway.cli.output import emit_result, json_option, print_table
from busway.cli.pause import until_text
from busway.cli.text import local_time, short_id
from busway.views.jobs import job_rows

if TYPE_CHECKING:
    from busway.stores.pauses import Pause

__all__ = ["jobs"]

HEADINGS = ("JOB", "RECORDS", "AFTER", "MANAGED", "QUARANTINE", "STATE", "LAST GOOD RUN", "SCHEDULE", "NEXT")


@click.command()
@json_option
@click.pass_context
def jobs(ctx: click.Context, as_json: bool) -> None:
    """List the sync jobs in the order a run takes them, with what is paused, held, late and in quarantine.

    NEXT is known while a service (busway serve) watches the schedule.
    """
    with invocation_of(ctx).app(require=False) as app:
        app.require_plugins()
        rows = job_rows(app)
        pauses = app.state.pauses.all(app.clock.now_ns())

    def text() -> None:
        if not rows:
            click.echo('No jobs are selected. In busway.toml:  [plugins]  jobs = ["safetyamp"]')
            return
        print_table(HEADINGS, [_cells(row) for row in rows], right={3, 4})
        _print_next_steps(rows, pauses)

    emit_result("busway.jobs/1", rows, as_json=as_json, text=text)


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    last = row["last_good_run"]
    words = (("paused", row["paused"]), ("held", row["held"]), ("late", row["late_since_ns"] is not None))
    state = [word for word, is_so in words if is_so]
    return (
        row["name"],
        row["entity"],
        ", ".join(row["depends_on"]) or "-",
        f"{row['managed']:,}",
        f"{row['quarantined']:,}",
        ", ".join(state) or "ready",
        local_time(last["at_ns"]) if last else "never",
        row["schedule"],
        local_time(row["next_ns"]) if row["next_ns"] else "-",
    )


def _print_next_steps(rows: Sequence[dict[str, Any]], pauses: Sequence[Pause]) -> None:
    for pause in pauses:
        click.echo(
            f"paused: {pause.job or 'all jobs'}, {until_text(pause)}, by {shown(pause.actor)}: {shown(pause.reason)}"
            f"   (busway resume {pause.job}".rstrip()
            + ")"
        )
    for row in rows:
        if row["late_since_ns"] is not None:
            click.echo(f"late:   {row['name']}, since {local_time(row['late_since_ns'])}   (busway sessions list)")
        if row["held"]:
            click.echo(f"held:   {row['name']}, waits for a decision   (busway show {short_id(row['held'])})")
    if any(row["quarantined"] for row in rows):
        click.echo("in quarantine:  busway records list")
