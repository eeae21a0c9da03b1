"""Policy: how long the data of a domain or entity is good, where it may be stored, and how it is handed out."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from busway.contracts.durations import parse_duration
from busway.data.names import Name, parse_name
from busway.errors import BuswayError, ConfigurationError, Problem

__all__ = ["Policies", "Policy"]

SHORTEST_LEASE, LONGEST_LEASE = 0.1, 600.0
"""Seconds."""

Where = Callable[[str], str]
"""From what is asked about (a key of a table, or the title of a table under ``[data]``) to its place for people."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules for the entries of one domain or entity. Times are seconds."""

    ttl: float = 3_600.0
    """How long an entry is fresh."""
    jitter: float = 0.1
    """Share of ``ttl`` by which it is shortened at random, at most, so that entries do not expire together."""
    stale_on_error: float = 0.0
    """How much longer an entry may be served when its loader fails; 0 = never."""
    isolation: Literal["copy", "share"] = "copy"
    """Whether the plan's methods hand out copies, or the shared value, read-only by contract."""
    sensitive: bool = False
    """Never stored on a level that stores in clear."""
    soft_timeout: float = 0.0
    """How long a caller waits for a load while there is a stale value to serve instead; 0 = to its end.

    The load goes on in the background and its value is stored. With either time-out loaders run in another thread.
    """
    hard_timeout: float = 0.0
    """How long a caller waits for a load at all; then it gets a stale value, else BW2012; 0 = to its end."""
    negative_ttl: float | None = None
    """How long it is remembered that a loader returned ``None``; unset = like any value; 0 = not at all."""
    negative_errors: bool = False
    """Whether a load that failed is remembered for ``negative_ttl``, too: its exception is raised again."""
    retry_after: float = 5.0
    """After a load failed and a stale value was served: how long it is served without another attempt."""
    lease: float = 2.0
    """Of the lock that lets one process load at a time: a holder that was killed is replaced after that long.

    It is renewed while the load lasts, at a third of it.
    """

    @classmethod
    def from_table(cls, table: Mapping[str, Any], where: Where, base: Policy | None = None) -> Policy:
        """The policy a ``[data.*]`` table describes, over ``base`` (the built-in defaults without one).

        :param where: says, for a key of the table, where it is written.

        Raises ``ConfigurationError`` BW2002 with every problem of the table.
        """
        values: dict[str, Any] = {}
        problems: list[Problem] = []
        for key, value in table.items():
            try:
                values[key] = _read(key, value)
            except ValueError as error:
                problems.append(_problem(f"{key}: {error}", where(key)))
        policy = replace(base or cls(), **values)
        if not problems:
            problems = [_problem(f"{key}: {text}", where(key)) for key, text in _contradictions(policy, table)]
        if problems:
            raise ConfigurationError.of(problems)
        return policy


def _contradictions(policy: Policy, table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What makes no sense beside the rest, part of which may come from the domain: a key of ``table``, and why."""
    soft, hard = policy.soft_timeout, policy.hard_timeout
    if 0 < hard <= soft:
        key = "soft_timeout" if "soft_timeout" in table else "hard_timeout"
        yield key, f"soft_timeout ({soft:g} s) is to be less than hard_timeout ({hard:g} s)"
    if policy.negative_errors and not policy.negative_ttl:
        key = "negative_errors" if "negative_errors" in table else "negative_ttl"
        yield key, "negative_errors needs a negative_ttl above 0: how long a failed load is remembered"


def _problem(what: str, where: str) -> Problem:
    known = ", ".join(field.name for field in fields(Policy))
    return Problem("BW2002", what, where, fix=f"a [data] table knows {known}; see busway explain BW2002")


def _read(key: str, value: object) -> Any:
    reader = _READERS.get(key)
    if reader is not None:
        return reader(value)
    if isinstance(value, Mapping):
        raise ValueError('not a key of a policy; write the entity quoted: [data."domain.entity"]')
    near = difflib.get_close_matches(key, _READERS, n=1)
    raise ValueError(f"not a key of a policy{f'; did you mean {near[0]}?' if near else ''}")


def _ttl(value: object) -> float:
    seconds = parse_duration(value)
    if seconds == 0:
        raise ValueError("a time to live is more than 0")
    return seconds


def _jitter(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise ValueError("the share of the ttl that may be cut off: a number from 0 to below 1")
    return float(value)


def _isolation(value: object) -> str:
    if value not in ("copy", "share"):
        raise ValueError("either copy or share")
    return str(value)


def _lease(value: object) -> float:
    seconds = parse_duration(value)
    if not SHORTEST_LEASE <= seconds <= LONGEST_LEASE:
        raise ValueError("from 100ms to 10m: shorter, and it is lost in a pause of the process")
    return seconds


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("either true or false")
    return value


_READERS: dict[str, Callable[[object], Any]] = {
    "ttl": _ttl,
    "jitter": _jitter,
    "stale_on_error": parse_duration,
    "isolation": _isolation,
    "sensitive": _flag,
    "soft_timeout": parse_duration,
    "hard_timeout": parse_duration,
    "negative_ttl": parse_duration,
    "negative_errors": _flag,
    "retry_after": parse_duration,
    "lease": _lease,
}

BUILT_IN: dict[str, dict[str, Any]] = {
    # The records behind get_employees() and its kin are mostly about people.
    "source": {"sensitive": True},
}


class Policies:
    """The policies of a deployment, found by name: the entity's table over its domain's over the defaults.

    Tables are laid over each other, so that ``ttl`` for an entity does not drop ``sensitive`` of its domain.
    """

    def __init__(self, tables: Mapping[str, Mapping[str, Any]], where: Where) -> None:
        self._by_name: dict[Name, Policy] = {}
        problems: list[Problem] = []
        # Domains (no dot) sort before their entities, so that an entity finds its base.
        for title in sorted({*BUILT_IN, *tables}, key=lambda text: ("." in text, text)):
            try:
                self._add(title, tables.get(title, {}), where)
            except BuswayError as error:
                problems.extend(error.problems)
        if problems:
            raise ConfigurationError.of(problems)

    def of(self, name: Name) -> Policy:
        """The policy for ``name``."""
        return self._by_name.get(name) or self._by_name.get(Name(name.domain)) or Policy()

    def _add(self, title: str, table: Mapping[str, Any], where: Where) -> None:
        path = f'data."{title}"' if "." in title else f"data.{title}"
        try:
            name = parse_name(title)
        except BuswayError as error:
            problem = _problem(f"[{path}] names no domain or entity", where(title))
            raise ConfigurationError.of([problem]) from error
        if not isinstance(table, Mapping):
            raise ConfigurationError.of([_problem(f"[{path}] is not a table", where(title))])
        merged = {**BUILT_IN.get(title, {}), **table}
        self._by_name[name] = Policy.from_table(merged, lambda key: f"{where(title)}, {path}.{key}", self.of(name))
