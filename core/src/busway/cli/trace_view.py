"""How the trace of a single record looks to a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from busway.cli.events_view import shown
from busway.cli.output import style
from busway.cli.run_view import counts_line, print_problems
from busway.sync.report import JobReport, Outcome

if TYPE_CHECKING:
    from busway.sync.trace import FieldTrace, Step, Trace

__all__ = ["print_outcome", "print_trace"]

STEP_WIDTH = 9
HEADINGS = ("FIELD", "SENT", "HOLDS", "FROM", "WHY")


def print_trace(trace: Trace, asked: str) -> None:
    """A line for each step, and under ``map`` one for each field; ``asked`` is how the record was called."""
    click.echo(f"{style(trace.job, bold=True)}   {shown(asked)}")
    for step in trace.steps:
        _print_step(step)
        if step.name == "map" and trace.fields:
            _print_fields(trace.fields)


def print_outcome(report: JobReport) -> None:
    """What became of it, with the error in its place."""
    words = report.outcome.value if report.outcome is not Outcome.DONE else counts_line(report.counts, always=())
    _print_step_line("outcome", words or "nothing written", good=not (report.failures or report.problem))
    for warning in report.warnings:
        click.echo(_indented(f"{style('note', fg='yellow')}  {warning}"))
    for failure in report.failures:
        click.echo(_indented(failure.problem.render()))
    print_problems(report, STEP_WIDTH + 3)


def _print_step(step: Step) -> None:
    _print_step_line(step.name, shown(step.said), good=step.good)


def _print_step_line(name: str, said: str, *, good: bool) -> None:
    label = style(f"{name:<{STEP_WIDTH}}", fg=None if good else "red", bold=not good)
    click.echo(f"  {label} {said}")


def _print_fields(fields: Sequence[FieldTrace]) -> None:
    rows = [HEADINGS, *(_cells(one) for one in fields)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for at, row in enumerate(rows):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        click.echo(" " * (STEP_WIDTH + 3) + style(line, dim=at == 0 or row[1] == "no"))


def _cells(one: FieldTrace) -> tuple[str, ...]:
    return one.name, "yes" if one.sent else "no", shown(one.holds), one.origin, one.why


def _indented(text: str) -> str:
    return "\n".join(" " * (STEP_WIDTH + 3) + line for line in text.split("\n"))
