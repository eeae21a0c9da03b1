"""How a run's report looks to a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import click

from busway.cli.output import print_table, style
from busway.cli.text import bar, duration, plural, rate, short_id
from busway.errors import Problem
from busway.sync.plan import IN_WORDS
from busway.sync.report import Counts, JobReport, Outcome, RunReport

__all__ = ["counts_line", "print_ending", "print_job", "print_problems", "print_summary", "run_as_dict"]

SHOWN_FAILURES = 5
ALWAYS_SHOWN = frozenset({"created", "updated", "unchanged", "failed"})
COLOURS = {"created": "green", "updated": "cyan", "deactivated": "yellow", "reactivated": "green", "failed": "red"}


def print_job(report: JobReport) -> None:
    """The block of one job."""
    click.echo(_headline(report))
    if report.outcome not in (Outcome.NOT_RUN, Outcome.HELD):
        click.echo("  " + counts_line(report.counts))
    for warning in report.warnings:
        click.echo(f"  {style('note', fg='yellow')}  {warning}")
    _print_failures(report)
    _print_waiting(report)
    print_problems(report)


def print_problems(report: JobReport, indent: int = 2) -> None:
    """Why the job was held, ended early or was not run; for a held plan what to do about it."""
    problems = [one for one in (report.problem, *report.others) if one is not None]
    for problem in problems:
        told = replace(problem, fix="") if report.held_id else problem
        click.echo(_indented(_coloured(told, _level(report)), indent))
    if report.held_id:
        plan = short_id(report.held_id)
        click.echo(_indented(f"nothing was written. See it:    busway show {plan}", indent))
        click.echo(_indented(f'                     Allow it:  busway plans allow {plan} --reason "..."', indent))


def print_summary(report: RunReport) -> None:
    """A table of several jobs; columns in which nothing happened are left out."""
    if len(report.jobs) < 2:
        return
    rows = [job.counts.as_dict() for job in report.jobs]
    names = [name for name in Counts().as_dict() if name in ALWAYS_SHOWN or any(row[name] for row in rows)]
    headings = ["JOB", "ENDED", *(IN_WORDS.get(name, name).upper() for name in names), "TOOK"]
    table = [
        (job.job, job.outcome.value, *(f"{row[name]:,}" for name in names), duration(job.seconds))
        for job, row in zip(report.jobs, rows, strict=True)
    ]
    click.echo()
    print_table(headings, table, right=range(2, 2 + len(names)))


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


def counts_line(counts: Counts, always: Collection[str] = ALWAYS_SHOWN) -> str:
    """``created 12   updated 40   unchanged 1,821   in quarantine 2   failed 0``; zeros only of those in ``always``."""
    shown = [(name, number) for name, number in counts.as_dict().items() if number or name in always]
    return "   ".join(
        style(f"{IN_WORDS.get(name, name)} {number:,}", fg=COLOURS.get(name) if number else None)
        for name, number in shown
    )


def _print_waiting(report: JobReport) -> None:
    """Records that were not sent, or not as a whole, and where they are listed."""
    number, partial, command = report.counts.quarantined, report.partial, f"busway records list --job {report.job}"
    if number:
        verb = "waits" if number == 1 else "wait"
        click.echo(f"  {plural(number, 'record')} {verb} for a reason to be tried again: {command}")
    if partial:
        verb = "is" if partial == 1 else "are"
        click.echo(f"  {plural(partial, 'record')} {verb} in the target without a field it does not take: {command}")


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


def _coloured(problem: Problem, level: str) -> str:
    head, colon, rest = problem.render(level).partition(": ")
    return style(head, fg="red" if level == "error" else "yellow", bold=True) + colon + rest


def _indented(text: str, width: int = 2) -> str:
    return "\n".join(" " * width + line for line in text.split("\n"))
