"""``busway run``: plan, hold or apply, account."""

from __future__ import annotations

import click

from busway.cli.invocation import invocation_of
from busway.cli.output import emit_result, json_option
from busway.cli.progress import make_progress
from busway.cli.run_view import print_ending, print_job, run_as_dict
from busway.cli.stopping import SignalStop

__all__ = ["run"]


@click.command()
@click.argument("names", nargs=-1, metavar="[JOB]...")
@json_option
@click.pass_context
def run(ctx: click.Context, names: tuple[str, ...], as_json: bool) -> int:
    """Plan and apply the jobs named, in dependency order; without a name, all of them.

    Ctrl-C once finishes the record in hand and stops; twice stops at once.
    """
    with invocation_of(ctx).app() as app, SignalStop() as stop:
        with make_progress(as_json=as_json) as progress:
            report = app.sync.run(names, progress=progress, stop=stop)
        report.stopped_by = stop.signal
        app.events.flush(5.0)
        books, warnings = app.events.books(), app.warnings()

    def text() -> None:
        for job in report.jobs:
            print_job(job)
        print_ending(report, books)

    data = run_as_dict(report, books)
    emit_result("busway.run/1", data, as_json=as_json, text=text, warnings=warnings, ok=report.exit_code == 0)
    return report.exit_code
