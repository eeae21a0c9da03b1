"""Policy of events: how long they are kept, and which of them each sink is told."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from busway.contracts.durations import parse_duration
from busway.contracts.events import Severity
from busway.errors import ConfigurationError, Problem

__all__ = ["EventPolicy", "Route"]

Where = Callable[..., str]
"""From the keys below ``[events]`` to file and line."""
MEBIBYTE = 1024 * 1024
DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Route:
    """What one sink is told. Without a route it is told everything it receives."""

    severity: Severity = Severity.DEBUG
    """At least so severe. A digest always is."""
    categories: frozenset[str] = frozenset()
    """Only these; empty = all."""
    jobs: frozenset[str] = frozenset()
    """Only events of sessions of these jobs, and those of no session; empty = all."""
    first: bool = True
    """The first error of a group is told at once, by a digest of kind ``first``."""
    repeat_seconds: float = 14_400.0
    """A group that goes on is told again at once after so long."""

    def takes(self, category: str, severity: int, job: str | None) -> bool:
        """Whether the sink is told an event of this category, severity and job (``None``: it belongs to no session)."""
        if self.categories and category not in self.categories:
            return False
        if self.jobs and job is not None and job not in self.jobs:
            return False
        return category == "digest" or severity >= self.severity


@dataclass(frozen=True, slots=True)
class EventPolicy:
    """The ``[events]`` table of a deployment. Times are seconds, sizes are bytes."""

    digest_seconds: float = 3_600.0
    """How often errors are summed up for people."""
    retention_seconds: float = 7 * DAY
    """A journal older than this is deleted, also when a sink has not read it."""
    retention_bytes: int = 256 * MEBIBYTE
    """The journals together; above it the oldest are deleted."""
    segment_bytes: int = 16 * MEBIBYTE
    """A journal file of this size is followed by a new one."""
    ledger_seconds: float = 90 * DAY
    """How long the history keeps sessions, changes and errors."""
    routes: Mapping[str, Route] = field(default_factory=dict)
    """By the name of the sink."""

    @classmethod
    def from_table(cls, table: Mapping[str, Any], where: Where) -> EventPolicy:
        """The policy ``[events]`` describes. Raises ``ConfigurationError`` BW3030 with every problem of the table."""
        problems: list[Problem] = []
        values = _values(table, _READERS, where, (), problems)
        routes = values.pop("routes", {})
        values["routes"] = {name: _route(name, route, where, problems) for name, route in routes.items()}
        if problems:
            raise ConfigurationError.of(problems)
        return cls(**values)

    def route(self, sink: str) -> Route:
        """The route of ``sink``; one that leaves nothing out when it has none."""
        return self.routes.get(sink) or Route()


def _route(name: str, table: object, where: Where, problems: list[Problem]) -> Route:
    if not isinstance(table, Mapping):
        problems.append(_problem(f"[events.routes.{name}] is not a table", where("routes", name), _ROUTE_READERS))
        return Route()
    return Route(**_values(table, _ROUTE_READERS, where, ("routes", name), problems))


def _values(
    table: Mapping[str, Any],
    readers: Mapping[str, _Reader],
    where: Where,
    path: tuple[str, ...],
    problems: list[Problem],
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    title = ".".join(("events", *path))
    for key, value in table.items():
        reader = readers.get(key)
        if reader is None:
            near = difflib.get_close_matches(key, readers, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            problems.append(_problem(f"[{title}] {key} is not known{hint}", where(*path, key), readers))
            continue
        name, read = reader
        try:
            found[name] = read(value)
        except ValueError as error:
            problems.append(_problem(f"[{title}] {key}: {error}", where(*path, key), readers))
    return found


def _problem(what: str, where: str, known: Iterable[str]) -> Problem:
    return Problem("BW3030", what, where, fix=f"known here: {', '.join(known)}; see busway explain BW3030")


def _longer_than_nothing(value: object) -> float:
    seconds = parse_duration(value)
    if seconds == 0:
        raise ValueError("it must be longer than nothing")
    return seconds


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1_000_000:
        raise ValueError("a number above 0 and at most 1,000,000")
    return float(value)


def _days(value: object) -> float:
    return min(_number(value), 3_650.0) * DAY


def _mebibytes(value: object) -> int:
    return int(_number(value) * MEBIBYTE)


def _severity(value: object) -> Severity:
    name = value.strip().upper() if isinstance(value, str) else ""
    if name not in Severity.__members__:
        raise ValueError(f"one of {', '.join(one.lower() for one in Severity.__members__)}")
    return Severity[name]


def _names(value: object) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(name, str) and name for name in value):
        raise ValueError('a list of names, such as ["error", "digest"]')
    return frozenset(value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("either true or false")
    return value


def _table(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError("a table for each sink: [events.routes.email]")
    return value


_Reader = tuple[str, Callable[[object], Any]]
"""The name of the field, and what reads its value."""

_READERS: dict[str, _Reader] = {
    "digest": ("digest_seconds", _longer_than_nothing),
    "retention_days": ("retention_seconds", _days),
    "retention_mb": ("retention_bytes", _mebibytes),
    "segment_mb": ("segment_bytes", _mebibytes),
    "ledger_days": ("ledger_seconds", _days),
    "routes": ("routes", _table),
}

_ROUTE_READERS: dict[str, _Reader] = {
    "severity": ("severity", _severity),
    "categories": ("categories", _names),
    "jobs": ("jobs", _names),
    "first": ("first", _flag),
    "repeat": ("repeat_seconds", _longer_than_nothing),
}
