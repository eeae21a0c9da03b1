"""``busway apply``: do what a saved plan says."""

from __future__ import annotations

from pathlib import Path

import click

from busway.cli.invocation import invocation_of
from busway.cli.output import json_option
from busway.cli.running import carry_out, tell_run
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
        report, books = carry_out(
            app, lambda progress: app.sync.apply_saved(file, progress=progress, stop=stop), as_json=as_json
        )
        warnings = app.warnings()
    return tell_run(report, books, warnings, as_json=as_json)
