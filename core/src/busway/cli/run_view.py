"""How a run's report looks to a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import click

from busway.cli.output import style
from busway.cli.text import bar, duration, plural, rate, short_id
from busway.sync.report import Counts, JobReport, Outcome, RunReport

__all__ = ["print_ending", "print_job", "run_as_dict"]

SHOWN_FAILURES = 5
ALWAYS_SHOWN = frozenset({"created", "updated", "unchanged", "failed"})
COLOURS = {"created": "green", "updated": "cyan", "deactivated": "yellow", "reactivated": "green", "failed": "red"}


def print_job(report: JobReport) -> None:
    """The block of one job."""
    click.echo(_headline(report))
    if report.outcome is not Outcome.NOT_RUN:
        click.echo("  " + _counts_line(report.counts))
    for warning in report.warnings:
        click.echo(f"  {style('note', fg='yellow')}  {warning}")
    _print_failures(report)
    if report.problem is not None:
        click.echo(_indented(report.problem.render(_level(report))))


def print_ending(report: RunReport, books: Mapping[str, Any]) -> None:
    """The last line: the run, where its events are, the exit code."""
    parts = [f"run {short_id(report.run_id)}", _delivery(books), duration(report.seconds), f"exit {report.exit_code}"]
    click.echo(style("  ·  ".join(part for part in parts if part), dim=True))


def run_as_dict(report: RunReport, books: Mapping[str, Any]) -> dict[str, Any]:
    """The report for ``--json``."""
    return {
        "run_id": report.run_id,
        "seconds": round(report.seconds, 3),
        "jobs": [job.as_dict() for job in report.jobs],
        "events": dict(books),
        "exit_code": report.exit_code,
    }


def _headline(report: JobReport) -> str:
    name = style(f"{report.job:<11}", bold=True)
    if report.outcome is Outcome.DONE and not report.planned:
        return f"{name} nothing to change   {duration(report.seconds)}"
    if report.outcome is Outcome.DONE:
        speed, spent = rate(report.counts.written, report.seconds), duration(report.seconds)
        return f"{name} {bar(1, 1)} {report.planned:,}/{report.planned:,}   {speed}   {spent}"
    return f"{name} {style(report.outcome.value, fg='yellow', bold=True)}   {duration(report.seconds)}"


def _counts_line(counts: Counts) -> str:
    shown = [(name, number) for name, number in counts.as_dict().items() if number or name in ALWAYS_SHOWN]
    return "   ".join(style(f"{name} {number:,}", fg=COLOURS.get(name) if number else None) for name, number in shown)


def _print_failures(report: JobReport) -> None:
    for failure in report.failures[:SHOWN_FAILURES]:
        problem = failure.problem
        why = f": {problem.why}" if problem.why else ""
        click.echo(f"  {style('failed', fg='red')}  {failure.label}  {problem.what}{why}")
    rest = report.failures[SHOWN_FAILURES:]
    if rest:
        kinds = Counter(failure.problem.what for failure in rest)
        click.echo(
            f"          and {plural(len(rest), 'more', 'more')}: "
            + ", ".join(f"{what} ({n})" for what, n in kinds.most_common(3))
        )
    if report.failures:
        click.echo(f"          all of them: busway events errors --session {short_id(report.session_id)}")


def _delivery(books: Mapping[str, Any]) -> str:
    if not books:
        return ""
    pending = {name: book["pending"] for name, book in books.items() if book.get("pending")}
    sinks: Sequence[str] = [name for name in books if name not in pending]
    told = f"events: {', '.join(sinks)} delivered" if sinks else "events"
    waiting = ", ".join(f"{name} {number:,}" for name, number in pending.items())
    return f"{told}, " + (f"pending: {waiting} (busway events flush)" if pending else "nothing pending")


def _level(report: JobReport) -> str:
    return {Outcome.HELD: "held", Outcome.NOT_RUN: "not run", Outcome.STOPPED: "stopped"}.get(report.outcome, "error")


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.split("\n"))
