"""Plugins as a person reads them: a table whose last column may have several lines."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import click

from busway.cli.output import style

if TYPE_CHECKING:
    from busway.plugins.report import PluginStatus

__all__ = ["COLOURS", "age_text", "load_text", "note_lines", "owner_text", "print_noted_table"]

COLOURS = {
    "ready": "green",
    "degraded": "yellow",
    "shadowed": "yellow",
    "failed": "red",
    "missing": "red",
    "incompatible": "red",
    "ambiguous": "red",
}
_BREAK = "\n"
NARROWEST = 40
"""Columns that a note gets at least, however narrow the terminal is."""

Row = tuple[Sequence[str], Sequence[str]]
"""The cells, and the lines of the last column."""


def print_noted_table(headings: Sequence[str], rows: Iterable[Row], *, right: Iterable[int] = ()) -> None:
    """Columns as wide as their widest cell, then the notes of each row, one below the other.

    On a terminal notes are broken to its width; elsewhere each is one line, so that it can be searched for.
    """
    rows = list(rows)
    *columns, last = headings
    widths = [max(map(len, column)) for column in zip(columns, *(cells for cells, _ in rows), strict=True)]
    numbers = frozenset(right)
    click.echo(style("  ".join([*_padded(columns, widths, numbers), last]).rstrip(), bold=True))
    start = sum(widths) + 2 * len(widths)
    for cells, notes in rows:
        told = [line for note in notes for line in _broken(note, start)]
        front = "  ".join(
            style(padded, fg=COLOURS[cell]) if cell in COLOURS else padded
            for cell, padded in zip(cells, _padded(cells, widths, numbers), strict=True)
        )
        first, *rest = told or [""]
        click.echo(f"{front}  {first}".rstrip())
        for line in rest:
            click.echo(" " * start + line)


def note_lines(status: PluginStatus) -> list[str]:
    """Why the plugin is as it is, what mends it, and what else should be known."""
    lines: list[str] = []
    if len(status.details) > 1:
        lines += [f"{problem.what}; fix: {problem.fix.partition(_BREAK)[0]}" for problem in status.details]
    elif status.cause or status.remedy:
        lines += status.cause.split(_BREAK) if status.cause else []
        lines += (f"fix: {fix}" if at == 0 else f"     {fix}" for at, fix in enumerate(status.fixes))
    if lines and status.failed and status.entry_point:
        lines = [*lines[:-1], *_with_entry_point(lines[-1], status)]
    return [*lines, *(f"note: {note}" for note in status.notes)]


def owner_text(status: PluginStatus) -> str:
    """Distribution and version; what speaks another contract than ours shows that too."""
    owner = f"{status.distribution} {status.version}".strip() or "-"
    return f"{owner} (contract v{status.contract})" if status.state == "incompatible" else owner


def load_text(seconds: float) -> str:
    """How long an import took; ``-`` when there was none."""
    if not seconds:
        return "-"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def age_text(seconds: float | None) -> str:
    """``4 min ago``; ``-`` for never."""
    if seconds is None:
        return "-"
    if seconds < 2:
        return "just now"
    for unit, length, limit in (("s", 1, 60), ("min", 60, 60), ("h", 3600, 48)):
        if seconds < limit * length:
            return f"{int(seconds // length)} {unit} ago"
    return f"{int(seconds // 86400)} days ago"


def _with_entry_point(line: str, status: PluginStatus) -> Iterator[str]:
    point = f"entry point busway.v{status.contract}.{status.kind}: {status.name} = {status.entry_point}"
    where = f"({point}, {status.origin})" if status.origin else f"({point})"
    if line.startswith("fix: "):
        yield f"{line}   {where}"
    else:
        yield from (line, where)


def _padded(cells: Sequence[str], widths: Sequence[int], numbers: frozenset[int]) -> list[str]:
    return [
        cell.rjust(width) if at in numbers else cell.ljust(width)
        for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]


def _broken(line: str, start: int) -> list[str]:
    if not sys.stdout.isatty():
        return [line]
    room = max(NARROWEST, shutil.get_terminal_size().columns - start)
    indent = "     " if line.startswith(("fix: ", "     ")) else ""
    return textwrap.wrap(line, room, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False) or [""]
