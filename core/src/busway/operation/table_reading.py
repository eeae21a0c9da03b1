"""Reads a table of ``busway.toml`` key by key, and collects everything that is wrong in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from busway.configuration.nearest import did_you_mean
from busway.errors import Problem

__all__ = ["Readers", "TableReading", "Where", "flag", "text"]

Where = Callable[..., str]
"""From the keys below the table to file and line."""
Readers = Mapping[str, tuple[str, Callable[[object], Any]]]
"""Key to the name of the field, and to what reads its value or raises ``ValueError`` with a sentence for people."""


@dataclass(slots=True)
class TableReading:
    """One pass over a table.

    :param title: how the table is called, such as ``schedule``.
    :param code: of the problems found.
    """

    title: str
    code: str
    where: Where
    problems: list[Problem] = field(default_factory=list)

    def values(self, table: Mapping[str, Any], readers: Readers, path: tuple[str, ...] = ()) -> dict[str, Any]:
        """The fields that ``table`` sets; what cannot be read is a problem, and left out."""
        found: dict[str, Any] = {}
        for key, value in table.items():
            if key not in readers:
                self.add(f"{key} is not known", (*path, key), did_you_mean(key, readers, "remove it"), readers)
                continue
            name, read = readers[key]
            try:
                found[name] = read(value)
            except ValueError as error:
                self.add(f"{key}: {error}", (*path, key))
        return found

    def add(self, what: str, path: tuple[str, ...], fix: str = "", known: Iterable[str] = ()) -> None:
        """Notes a problem with the key at ``path``."""
        title = ".".join((self.title, *path[:-1]))
        why = f"known here: {', '.join(known)}" if known else ""
        fix = fix or f"see busway explain {self.code}"
        self.problems.append(Problem(self.code, f"[{title}] {what}", self.where(*path), why, fix))


def flag(value: object) -> bool:
    """Reads true or false."""
    if not isinstance(value, bool):
        raise ValueError("either true or false")
    return value


def text(value: object) -> str:
    """Reads text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("text that is not empty")
    return value.strip()
