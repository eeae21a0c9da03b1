"""What commands print: a result on stdout, everything else on stderr.

With ``--json`` the result is one object ``{schema, ok, data | error, warnings}`` and nothing else is on stdout.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import click

from busway.errors import BuswayError, Problem

__all__ = ["emit_error", "emit_result", "json_option", "print_table", "print_warning", "style"]

Command = TypeVar("Command", bound=Callable[..., Any])


def json_option(command: Command) -> Command:
    """Adds ``--json``; the command receives it as ``as_json``."""
    option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
    return option(command)


def emit_result(
    schema: str,
    data: Any,
    *,
    as_json: bool,
    text: Callable[[], None],
    warnings: Sequence[str] = (),
    ok: bool = True,
    problem: Problem | None = None,
) -> None:
    """Prints a command's result: ``data`` as JSON, or what ``text`` prints.

    :param schema: name and version of the data's shape, such as ``busway.plan/1``.
    :param ok: False when the command finished with something to act on; ``problem`` then says what.
    """
    if as_json:
        envelope = {"schema": schema, "ok": ok, "data": data, "warnings": list(warnings)}
        if problem is not None:
            envelope["error"] = problem.as_dict()
        _print_json(envelope)
        return
    text()
    for warning in warnings:
        print_warning(warning)


def emit_error(error: BuswayError, *, as_json: bool) -> None:
    """Prints an error: text on stderr, or the JSON envelope on stdout."""
    if as_json:
        problems = [problem.as_dict() for problem in error.problems]
        _print_json({"schema": "busway.error/1", "ok": False, "error": problems[0], "errors": problems, "warnings": []})
        return
    for problem in error.problems:
        click.echo(_coloured(problem), err=True)
    codes = sorted({problem.code for problem in error.problems})
    if codes:
        click.echo(style(f"  more  busway explain {' '.join(codes[:1])}", dim=True), err=True)


def print_warning(text: str) -> None:
    """One line on stderr."""
    click.echo(f"{style('warning', fg='yellow')}: {text}", err=True)


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]], *, right: Iterable[int] = ()) -> None:
    """Columns as wide as their widest cell; ``right`` lists the columns of numbers. The last column is not padded."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    numbers = frozenset(right)
    click.echo(style(_line(headings, widths, numbers), bold=True))
    for row in cells:
        click.echo(_line(row, widths, numbers))


def style(text: str, **how: Any) -> str:
    """``click.style``, for texts that ``click.echo`` strips of colour where there is no terminal."""
    return click.style(text, **how)


def _line(row: Sequence[str], widths: Sequence[int], numbers: frozenset[int]) -> str:
    parts = [
        cell.rjust(width) if at in numbers else cell.ljust(width)
        for at, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(parts).rstrip()


def _coloured(problem: Problem) -> str:
    head, *rest = problem.render().split("\n")
    label, _, what = head.partition(": ")
    return "\n".join([f"{style(label, fg='red', bold=True)}: {style(what, bold=True)}", *rest])


def _print_json(envelope: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(envelope, indent=2, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()
