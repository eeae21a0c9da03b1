"""Secrets as a person reads them: their states, a check, who read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from busway.cli.config_view import width, wrapped
from busway.cli.output import style
from busway.cli.text import local_time, plural

if TYPE_CHECKING:
    from busway.configuration.audit import SecretAccess
    from busway.configuration.secret_state import SecretState

__all__ = ["access_row", "print_accesses", "print_check", "print_states", "state_row"]

_STATES: dict[str, dict[str, Any]] = {
    "fresh": {"fg": "green"},
    "set": {"fg": "green"},
    "expired": {"fg": "red"},
    "stale": {"fg": "yellow"},
    "unset": {"dim": True},
    "unread": {"dim": True},
}
_OUTCOMES: dict[str, dict[str, Any]] = {"missing": {"dim": True}, "stale": {"fg": "yellow"}, "failed": {"fg": "red"}}
_VERDICTS: dict[str, dict[str, Any]] = {
    "ok": {"fg": "green"},
    "warning": {"fg": "yellow"},
    "problem": {"fg": "red", "bold": True},
    "unset": {"dim": True},
}


def state_row(state: SecretState, length: str) -> dict[str, Any]:
    """A state for ``--json``, with the length class of a secret that was read."""
    return {
        "name": state.name,
        "state": state.state,
        "set": state.is_set,
        "source": state.source,
        "place": state.place,
        "version": state.version,
        "age_seconds": state.age_seconds,
        "fresh_for_seconds": state.fresh_for_seconds,
        "length": length,
        "maskable": state.maskable,
        "expires_at_ns": state.expires_at_ns,
        "not_before_ns": state.not_before_ns,
        "reason": state.reason,
        "owner": state.owner,
    }


def print_states(rows: Sequence[Mapping[str, Any]], *, asked: bool) -> None:
    """A table; a reason stands below its row."""
    from busway.configuration.explanation import length_text

    if not rows:
        click.echo("No secret is declared.")
        return
    table = [
        (
            row["name"],
            _state(row),
            row["source"] or "-",
            _place(row),
            _version(row["version"]),
            _age(row["age_seconds"]),
            length_text(row["length"]) if row["length"] else "-",
            row["owner"],
        )
        for row in rows
    ]
    headings = ("SECRET", "STATE", "SOURCE", "PLACE", "VERSION", "READ", "LENGTH", "OWNER")
    reasons = [str(row["reason"]) if row["state"] == "stale" or "BW" in row["reason"] else "" for row in rows]
    _print_table(headings, table, 1, _STATES, cut=3, below=reasons)
    if not asked and any(_state(row) == "unread" for row in rows):
        click.echo(
            style("unread: a vault may have it, and was not asked.  Ask it:  busway secrets list --ask", dim=True)
        )


def print_check(rows: Sequence[Mapping[str, Any]]) -> None:
    """A line for each secret: the verdict, then why and what to do about it, or where the value is."""
    if not rows:
        click.echo("No secret is declared.")
        return
    names = max(len(row["name"]) for row in rows)
    start = 9 + names + 2
    for row in rows:
        front = f"{style(row['verdict'].ljust(7), **_VERDICTS[row['verdict']])}  {row['name']:<{names}}  "
        told = [(one, "problem") for one in row["problems"]] + [(one, "warning") for one in row["warnings"]]
        if not told:
            click.echo((front + wrapped(_found(row), start)).rstrip())
        for at, (problem, _) in enumerate(told):
            diagnosis = f"{problem['code']}: {problem['what']}" + (
                f" ({_first(problem['why'])})" if problem["why"] else ""
            )
            click.echo((front if at == 0 else " " * start) + wrapped(diagnosis, start))
            for line_at, line in enumerate(problem["fix"].split("\n") if problem["fix"] else ()):
                click.echo(" " * start + (style("fix ", dim=True) if line_at == 0 else "    ") + line)
    click.echo(_verdicts(rows))


def access_row(access: SecretAccess) -> dict[str, Any]:
    """An access for ``--json``."""
    return {
        "name": access.name,
        "at_ns": access.at_ns,
        "outcome": access.outcome,
        "source": access.source,
        "version": access.version,
        "reader": access.reader,
        "count": access.count,
    }


def print_accesses(rows: Sequence[Mapping[str, Any]], hours: float) -> None:
    """A table, as it was noted."""
    if not rows:
        click.echo(f"No secret was read in the last {hours:g} hours, as far as this installation knows.")
        return
    headings = ("WHEN", "SECRET", "OUTCOME", "SOURCE", "VERSION", "TIMES", "READER")
    table = [
        (
            local_time(row["at_ns"]),
            row["name"],
            row["outcome"],
            row["source"] or "-",
            _version(row["version"]),
            str(row["count"]),
            row["reader"],
        )
        for row in rows
    ]
    _print_table(headings, table, 2, _OUTCOMES)


def _print_table(
    headings: Sequence[str],
    table: Sequence[Sequence[str]],
    styled: int,
    styles: Mapping[str, Mapping[str, Any]],
    *,
    cut: int | None = None,
    below: Sequence[str] = (),
) -> None:
    """Rows with the column ``styled`` in colour; on a terminal the column ``cut`` gives way when there is no room.

    :param below: a text for each row, printed under it where there is one.
    """
    widths = [max(map(len, column)) for column in zip(headings, *table, strict=True)]
    columns = width()
    if columns is not None and cut is not None:
        others = sum(widths) - widths[cut] + 2 * (len(widths) - 1)
        widths[cut] = max(len(headings[cut]), min(widths[cut], columns - others))
    click.echo(
        style("  ".join(cell.ljust(wide) for cell, wide in zip(headings, widths, strict=True)).rstrip(), bold=True)
    )
    for at, cells in enumerate(table):
        parts = [_cut(cell, wide).ljust(wide) for cell, wide in zip(cells, widths, strict=True)]
        parts[styled] = style(parts[styled], **styles.get(cells[styled], {}))
        click.echo("  ".join(parts).rstrip())
        if at < len(below) and below[at]:
            click.echo("  " + wrapped(below[at], 2))


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"


def _state(row: Mapping[str, Any]) -> str:
    """The state for people: to them one that a near source has is set, whoever has read it."""
    return "set" if row["state"] == "unread" and row["set"] else str(row["state"])


def _place(row: Mapping[str, Any]) -> str:
    """The place without the name of the secret, which stands at the beginning of the line."""
    bare = str(row["place"]).removeprefix("environment variable ")
    name = row["name"]
    return " ".join(part for part in bare.split(" ") if part not in (name, name.replace("_", "-"))) or "-"


def _found(row: Mapping[str, Any]) -> str:
    from busway.configuration.explanation import length_text

    if not row["set"]:
        return "optional, and not set"
    version = f"version {_version(row['version'])}" if row["version"] else ""
    return ", ".join(part for part in (f"{row['source']}: {row['place']}", version, length_text(row["length"])) if part)


def _verdicts(rows: Sequence[Mapping[str, Any]]) -> str:
    counts = {verdict: sum(row["verdict"] == verdict for row in rows) for verdict in _VERDICTS}
    words = {verdict: plural(count, verdict) if verdict in ("warning", "problem") else f"{count} {verdict}"
             for verdict, count in counts.items() if count}  # fmt: skip
    told = [style(text, **_VERDICTS[verdict]) for verdict, text in words.items()]
    return f"{plural(len(rows), 'secret')}: {', '.join(told)}"


def _version(version: str) -> str:
    return f"{version[:4]}…" if len(version) > 8 else version or "-"


def _age(seconds: float | None) -> str:
    from busway.configuration.explanation import seconds_text

    if seconds is None:
        return "-"
    return "just now" if seconds < 1 else f"{seconds_text(seconds)} ago"


def _first(text: str) -> str:
    return text.partition("\n")[0]
