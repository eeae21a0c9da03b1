"""What commands that run jobs have in common: progress while it lasts, delivery at the end, one way to tell it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from busway.cli.output import emit_result
from busway.cli.progress import make_progress
from busway.cli.run_view import print_ending, print_job, print_summary, run_as_dict

if TYPE_CHECKING:
    from busway.app import App
    from busway.sync.report import Progress, RunReport

__all__ = ["carry_out", "print_run", "tell_run"]

DELIVERY_SECONDS = 5.0
"""How long the end of a command waits for sinks; what is still pending then is said, and delivered later."""


def carry_out(app: App, work: Callable[[Progress], RunReport], *, as_json: bool) -> tuple[RunReport, Mapping[str, Any]]:
    """Runs ``work`` with progress, delivers its events, and returns the report and the books of the sinks."""
    with make_progress(as_json=as_json) as progress:
        report = work(progress)
    app.events.flush(DELIVERY_SECONDS)
    return report, app.events.books()


def print_run(report: RunReport, books: Mapping[str, Any]) -> None:
    """The blocks of the jobs, their sums where they are several, and the last line."""
    for job in report.jobs:
        print_job(job)
    print_summary(report)
    print_ending(report, books)


def tell_run(report: RunReport, books: Mapping[str, Any], warnings: Sequence[str], *, as_json: bool) -> int:
    """Prints the result of a run and returns its exit code."""
    emit_result(
        "busway.run/1",
        run_as_dict(report, books),
        as_json=as_json,
        text=lambda: print_run(report, books),
        warnings=warnings,
        ok=report.exit_code == 0,
    )
    return report.exit_code
