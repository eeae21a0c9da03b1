"""Configuration as a person reads it: explanations, the table of all settings, problems with their fixes."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from busway.cli.output import style
from busway.cli.text import plural

if TYPE_CHECKING:
    from busway.configuration.explanation import Explanation
    from busway.errors import Problem

__all__ = [
    "print_briefly",
    "print_explanations",
    "print_problem",
    "print_problems",
    "print_settings",
    "summary",
    "width",
    "wrapped",
]

NARROWEST = 40
"""Columns that a text gets at least, however narrow the terminal is."""
_LABELS: dict[str, dict[str, Any]] = {
    "wins": {"fg": "green"},
    "failed": {"fg": "red"},
    "shadowed": {"fg": "yellow"},
    "not set": {"dim": True},
    "not asked": {"dim": True},
}
_LEVELS = {"error": "red", "warning": "yellow"}


def width() -> int | None:
    """Columns of the terminal; ``None`` where there is none, so that each line can be searched for as a whole."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def wrapped(text: str, start: int) -> str:
    """``text`` that begins in column ``start``, broken to the terminal with its later lines in the same column."""
    columns = width()
    if columns is None:
        return text
    room = max(NARROWEST, columns - start)
    return ("\n" + " " * start).join(textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""])


def print_explanations(explanations: Iterable[Explanation]) -> None:
    """One block for each, with a blank line between them."""
    for at, explanation in enumerate(explanations):
        if at:
            click.echo()
        _print_explanation(explanation)


def _print_explanation(explanation: Explanation) -> None:
    name, *parts = explanation.headline()
    click.echo(f"{style(name, bold=True)}{_headline(parts, len(name))}")
    rows = list(explanation.rows())
    layers = max((9, *(len(layer) for _, layer, _ in rows)))
    start = 2 + 9 + 1 + layers + 2
    for label, layer, text in rows:
        front = f"  {style(label.ljust(9), **_LABELS[label])} {layer:<{layers}}  "
        click.echo((front + wrapped(text, start)).rstrip())
    if explanation.doc:
        click.echo(f"  {style('about'.ljust(9), dim=True)} {wrapped(explanation.doc, 12)}")
    if explanation.problem is not None:
        print_problem(explanation.problem, "error")


def _headline(parts: Sequence[str], used: int) -> str:
    """The parts after the name; those that do not fit stand below it, whole."""
    columns, text = width(), ""
    for part in parts:
        fits = columns is None or used + 3 + len(part) <= columns
        text += f"   {part}" if fits else f"\n  {part}"
        used = used + 3 + len(part) if fits else 2 + len(part)
    return text


def print_problems(problems: Iterable[Problem], level: str = "error") -> None:
    """Each with a blank line behind it."""
    for problem in problems:
        print_problem(problem, level)
        click.echo()


def print_briefly(warnings: Sequence[Problem]) -> None:
    """A line for each, and the command that says more."""
    for warning in warnings:
        label = style(f"warning[{warning.code}]", fg=_LEVELS["warning"])
        click.echo(f"{label}: {warning.what}  {style(f'({warning.where})', dim=True)}")
    if warnings:
        click.echo(style("what to do about them:  busway config check", dim=True))
        click.echo()


def print_problem(problem: Problem, level: str) -> None:
    """Code, what, where, why and fix. A fix is never broken over lines by us: it is there to be pasted."""
    label = f"{level}[{problem.code}]"
    click.echo(f"{style(label, fg=_LEVELS[level], bold=True)}: {style(problem.what, bold=True)}")
    for name, text in (("where", problem.where), ("why", problem.why), ("fix", problem.fix)):
        for at, line in enumerate(text.split("\n") if text else ()):
            front = style(name.ljust(6), dim=True) if at == 0 else " " * 6
            click.echo(f"  {front}{line if name == 'fix' else wrapped(line, 8)}")


def print_settings(settings: Sequence[Mapping[str, Any]], not_known: Iterable[str]) -> None:
    """A table of all settings, by owner: the value as it may be shown, the layer and the place it comes from."""
    unknown = frozenset(not_known)
    told = [(row, _value(row, unknown)) for row in settings]
    names = max((len(row["name"]) for row in settings), default=0)
    layers = max((7, *(len(row["source"] or "") for row in settings)))
    places = max((5, *(len(_place(row)) for row in settings)))
    columns = width()
    longest = max((5, *(len(text) for _, (text, _) in told)))
    room = longest if columns is None else min(longest, max(12, columns - names - layers - places - 8))
    click.echo(style(f"  {'SETTING':<{names}}  {'VALUE':<{room}}  {'FROM':<{layers}}  PLACE", bold=True))
    for owner in dict.fromkeys(row["owner"] for row in settings):
        click.echo(style(owner, bold=True))
        for row, (text, how) in (one for one in told if one[0]["owner"] == owner):
            value = style(_cut(text, room).ljust(room), **how)
            click.echo(f"  {row['name']:<{names}}  {value}  {row['source'] or '-':<{layers}}  {_place(row)}".rstrip())


def _value(row: Mapping[str, Any], unknown: frozenset[str]) -> tuple[str, dict[str, Any]]:
    from busway.configuration.explanation import length_text
    from busway.configuration.values import shown_text

    if row["name"] in unknown:
        return "not known", {"fg": "red"}
    if not row["set"] and row["required"]:
        return "missing", {"fg": "red"}
    if not row["valid"]:
        return "not valid", {"fg": "red"}
    if row["class"] == "secret":
        return (f"set ({length_text(row['length'])})", {}) if row["set"] else ("-", {"dim": True})
    text = "" if row["value"] is None else shown_text(row["value"])
    return text.replace("\n", " ") or "-", {} if row["set"] else {"dim": True}


def _place(row: Mapping[str, Any]) -> str:
    """The place without the name of the setting, which stands at the beginning of the line."""
    name = row["name"]
    bare = str(row["place"]).removeprefix("environment variable ")
    return " ".join(part for part in bare.split(" ") if part not in (name, name.replace("_", "-")))


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"


def summary(found: Mapping[str, Any], problems: int, text: str) -> str:
    """The last line: the verdict on a status, then ``text``."""
    told = [style(f"{problems} to mend", fg="red") if problems else style("valid", fg="green")]
    if found["not_known"]:
        told.append(f"{plural(len(found['not_known']), 'setting')} not known")
    if found["warnings"]:
        told.append(style(plural(len(found["warnings"]), "warning"), fg="yellow"))
    return f"configuration: {', '.join([*told, text])}"


def sources_text(sources: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The layers in their order, without the defaults."""
    yield from (str(source["name"]) for source in sources if source["name"] != "default")
