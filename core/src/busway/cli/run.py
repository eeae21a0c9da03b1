"""``busway run``: plan, hold or apply, account."""

from __future__ import annotations

from uuid import UUID

import click

from busway.cli.invocation import invocation_of
from busway.cli.output import json_option
from busway.cli.running import carry_out, tell_run
from busway.cli.single_record import only_job, run_single, single_options
from busway.cli.stopping import SignalStop

__all__ = ["run"]


@click.command()
@click.argument("names", nargs=-1, metavar="[JOB]...")
@single_options
@click.option("--run-id", type=click.UUID, help="The id of this run, for whoever asked for it; else a new one.")
@json_option
@click.pass_context
def run(
    ctx: click.Context, names: tuple[str, ...], only: str | None, trace: bool, run_id: UUID | None, as_json: bool
) -> int:
    """Plan and apply the jobs named, in dependency order; without a name, all of them.

    With --only one record of one job, in quarantine or not. Ctrl-C once finishes the record in hand and stops; twice
    stops at once.
    """
    job = only_job(names, only, trace, "busway run")
    if only is not None:
        return run_single(ctx, job, only, trace, as_json=as_json)
    own_id = str(run_id) if run_id else None
    with invocation_of(ctx).app() as app, SignalStop() as stop:
        report, books = carry_out(
            app, lambda progress: app.sync.run(names, progress=progress, stop=stop, run_id=own_id), as_json=as_json
        )
        warnings = app.warnings()
    return tell_run(report, books, warnings, as_json=as_json)
