"""Cached data as a person reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from busway.cli.config_view import wrapped
from busway.cli.output import style
from busway.cli.text import local_time, plural
from busway.configuration.explanation import seconds_text

__all__ = ["print_entries", "print_entry", "print_stats", "print_warmed", "warmed_line"]

Row = Mapping[str, Any]

STYLES: dict[str, dict[str, Any]] = {
    "up": {"fg": "green"},
    "away": {"fg": "red", "bold": True},
    "failed": {"fg": "red", "bold": True},
    "stale": {"fg": "yellow"},
}
UNKNOWN = "-"
LEVELS = ("LEVEL", "STATE", "ENTRIES", "SIZE", "FROM")
NAMES = ("NAME", "ENTRIES", "FRESH", "STALE", "SIZE", "AGE", "ON")


def print_stats(data: Mapping[str, Any]) -> None:
    """The levels, why one does not answer, and what is cached on those that do."""
    levels: Sequence[Row] = data["levels"]
    _print_table(LEVELS, [_level(row) for row in levels], right={2, 3}, below=[_note(row) for row in levels])
    click.echo()
    if data["names"]:
        _print_table(NAMES, [_name(row) for row in data["names"]], right={1, 2, 3, 4})
    else:
        click.echo("Nothing is cached on a level that answers.")
    if data["degraded"]:
        click.echo(f"{style('degraded', fg='red', bold=True)}: {_degraded(levels)}")


def print_entries(rows: Sequence[Row], total: int) -> None:
    """A line for each entry and level."""
    if not rows:
        click.echo("Nothing is cached that fits, on the levels that answer.")
        return
    table = [
        (printable(row["key"]), row["level"], _ago(row["age_seconds"]), _left(row), size_text(row["size"]))
        for row in rows
    ]
    _print_table(("KEY", "LEVEL", "AGE", "FRESH FOR", "SIZE"), table, right={4})
    if total > len(rows):
        click.echo(style(f"{len(rows):,} of {total:,}; more with --limit {total}", dim=True))


def print_entry(data: Mapping[str, Any]) -> None:
    """Provenance, then each level that has the entry, then the value if it was asked for."""
    key = "" if data["key"] is None else f" / {printable(data['key'])}"
    if not data["found"]:
        where = ", on the levels that answer" if data["degraded"] else ""
        click.echo(f"Nothing is cached under {data['name']}{key}{where}.")
        return
    click.echo(style(f"{data['name']}{key}", bold=True))
    for label, text in _provenance(data):
        click.echo(f"  {style(label.ljust(8), dim=True)}  {text}")
    if data["value_shown"]:
        click.echo(f"  {style('value', dim=True)}")
        click.echo(_value(data["value"]))


def warmed_line(row: Row, wide: int) -> str:
    """One loaded name, when its load has ended."""
    if not row["ok"]:
        error = row["error"]
        return f"{row['name']:<{wide}}  {style('failed', **STYLES['failed'])}  {error['code']}: {error['what']}"
    told = f"{plural(row['records'], 'record')} in {row['seconds']:.1f} s"
    return f"{row['name']:<{wide}}  {style('loaded', fg='green')}  {told}, kept by {' and '.join(row['levels'])}"


def print_warmed(rows: Sequence[Row]) -> None:
    """What became of all of them, where there were several."""
    failed = sum(not row["ok"] for row in rows)
    if not rows:
        click.echo("No job is selected, so there is nothing to load.")
    elif len(rows) > 1:
        click.echo(f"{len(rows) - failed} of {len(rows)} loaded")


def size_text(size: int | None) -> str:
    """``812 B``, ``3.4 KB``, ``12 MB``; a dash where it is not known."""
    if size is None:
        return UNKNOWN
    number, unit = float(size), "B"
    for unit in ("B", "KB", "MB", "GB"):
        if number < 1000 or unit == "GB":
            break
        number /= 1000
    return f"{number:.0f} {unit}" if unit == "B" or number >= 10 else f"{number:.1f} {unit}"


def printable(text: str) -> str:
    """``text`` with everything escaped that a terminal would act on."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def _level(row: Row) -> tuple[str, ...]:
    known = row["entries"] is not None
    return (
        row["level"],
        row["state"],
        f"{row['entries']:,}" if known else UNKNOWN,
        size_text(row["bytes"]),
        f"{row['distribution']} {row['version']}".strip() or UNKNOWN,
    )


def _note(row: Row) -> str:
    """What is to be known of a level beside its numbers."""
    if row["why"]:
        return str(row["why"])
    if row["in_process"]:
        return "each process has its own, and this command has none of theirs"
    return "" if row["takes_sensitive"] else "stores in clear: no sensitive domain is kept here"


def _name(row: Row) -> tuple[str, ...]:
    newest, oldest = _ago(row["newest_age_seconds"]), _ago(row["oldest_age_seconds"])
    return (
        row["name"],
        f"{row['entries']:,}",
        f"{row['fresh']:,}",
        f"{row['stale']:,}",
        size_text(row["bytes"]),
        newest if newest == oldest else f"{newest} to {oldest}",
        ", ".join(f"{level} {count:,}" for level, count in row["levels"].items()),
    )


def _degraded(levels: Sequence[Row]) -> str:
    out = [row["level"] for row in levels if row["state"] != "up"]
    serving = [row["level"] for row in levels if row["state"] == "up" and not row["in_process"]]
    who = f"{' and '.join(out)} {'does' if len(out) == 1 else 'do'} not answer; "
    if serving:
        return f"{who}{' and '.join(serving)} {'serves' if len(serving) == 1 else 'serve'}"
    return f"{who}each process loads for itself"


def _provenance(data: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    stale = data["state"] == "stale"
    state = style("stale", **STYLES["stale"]) if stale else f"fresh for {seconds_text(data['fresh_for_seconds'])}"
    then = ": served only when its loader fails" if stale else f" of {seconds_text(data['ttl_seconds'])}"
    yield "state", f"{state}{then}"
    yield "made", f"{local_time(data['created_at_ns'])}, {_ago(data['age_seconds'])} ago"
    yield "source", printable(data["source"]) or UNKNOWN
    yield "schema", str(data["schema_version"])
    metadata = data["metadata"]
    if metadata:
        pairs = metadata if isinstance(metadata, list) else [f"{key}={value!r}" for key, value in metadata.items()]
        yield "metadata", printable(", ".join(pairs))
    for row in data["levels"]:
        yield "on", f"{row['level']}: {size_text(row['size'])}, {_ago(row['age_seconds'])} old"
    if not data["value_shown"]:
        why = "its domain is sensitive" if data["sensitive"] else "--show-value prints it"
        yield "value", f"not shown; {'it is stale' if stale and not data['sensitive'] else why}"


def _value(value: Any) -> str:
    import json

    return json.dumps(value, indent=2, ensure_ascii=True)


def _ago(seconds: float) -> str:
    return seconds_text(seconds)


def _left(row: Row) -> str:
    left = row["fresh_for_seconds"]
    return seconds_text(left) if left > 0 else "stale"


def _print_table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Iterable[int] = (),
    below: Sequence[str] = (),
) -> None:
    """Columns as wide as their widest cell, states in colour; a text of ``below`` stands under its row."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    numbers = frozenset(right)

    def line(cells: Sequence[str]) -> str:
        padded = [
            cell.rjust(wide) if at in numbers else cell.ljust(wide)
            for at, (cell, wide) in enumerate(zip(cells, widths, strict=True))
        ]
        pairs = zip(cells, padded, strict=True)
        return "  ".join(style(pad, **STYLES[cell]) if cell in STYLES else pad for cell, pad in pairs).rstrip()

    click.echo(style(line(headings), bold=True))
    for at, cells in enumerate(rows):
        click.echo(line(cells))
        if at < len(below) and below[at]:
            click.echo("  " + wrapped(printable(below[at]), 2))
