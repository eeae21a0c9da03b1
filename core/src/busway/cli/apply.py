"""``busway apply``: do what a saved plan says."""

from __future__ import annotations

from pathlib import Path

import click

from busway.cli.invocation import invocation_of
from busway.cli.output import emit_result, json_option
from busway.cli.progress import make_progress
from busway.cli.run_view import print_ending, print_job, run_as_dict
from busway.cli.stopping import SignalStop

__all__ = ["apply"]


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@json_option
@click.pass_context
def apply(ctx: click.Context, file: Path, as_json: bool) -> int:
    """Do exactly what the plan in FILE says.

    Both sides are read and planned again; a single difference to the saved plan, and nothing is written.
    """
    with invocation_of(ctx).app() as app, SignalStop() as stop:
        with make_progress(as_json=as_json) as progress:
            report = app.sync.apply_saved(file, progress=progress, stop=stop)
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
