"""The report as a person reads it: what would change, then what is left to do, by class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from busway.cli.output import style
from busway.cli.text import plural
from busway_migrate.diffs import diff_lines
from busway_migrate.findings import Finding, FindingKind
from busway_migrate.tree import Change, Migration

__all__ = ["print_changes", "print_diff", "print_findings", "print_summary"]

_TITLES = {
    FindingKind.HAND: "needs a hand",
    FindingKind.UNPARSABLE: "does not parse",
    FindingKind.DYNAMIC: "named while the program runs",
    FindingKind.OUTSIDE: "outside Python",
}
_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def print_diff(changes: Sequence[Change], top: Path) -> None:
    """A unified diff that ``git apply`` takes."""
    for change in changes:
        for line in diff_lines(shown(change.path, top), change.old, change.new):
            click.echo(style(line, fg=_COLOURS[line[0]]) if line[:1] in _COLOURS else line)


def print_changes(changes: Sequence[Change], top: Path) -> None:
    """The files that were written, a line each."""
    for change in changes:
        click.echo(f"{style('written', fg='green')}  {shown(change.path, top)}")


def print_findings(findings: Sequence[Finding], top: Path, *, with_changes: bool) -> None:
    """What is left, by class: file and line, what stands there, why it was left, what to do.

    :param with_changes: list what would be changed, too.
    """
    titles = {FindingKind.CHANGED: "can be changed: busway migrate --write", **_TITLES} if with_changes else _TITLES
    for kind, title in titles.items():
        found = [finding for finding in findings if finding.kind is kind]
        if found:
            click.echo(f"\n{style(title, bold=True)}")
        for finding in found:
            where = shown(finding.path, top).as_posix() + (f":{finding.line}" if finding.line else "")
            click.echo(f"  {style(where, bold=True)}  {finding.what}")
            for label, text in (("why", finding.why), ("fix", finding.fix)):
                if text:
                    click.echo(f"    {style(label, dim=True)}  {text}")


def print_summary(migration: Migration, *, written: bool) -> None:
    """One line of counts, and what to do next."""
    found = migration.findings
    done = sum(finding.kind is FindingKind.DONE for finding in found)
    left = sum(finding.kind in _TITLES for finding in found)
    verb = "written" if written else "to change"
    parts = [
        f"{plural(migration.files, 'Python file')} looked at",
        f"{len(migration.changes)} {verb}",
        f"{done} already done",
        f"{plural(left, 'place')} left to you",
    ]
    click.echo(f"\n{', '.join(parts)}")
    if migration.changes and not written:
        click.echo("nothing was written. Write it:  busway migrate --write PATH…")


def shown(path: Path, top: Path) -> Path:
    """``path`` from the top of the tree, where it lies in it."""
    return path.relative_to(top) if path.is_relative_to(top) else path
