"""What ``[sync]`` says about the engine as a whole, beside the tables of the jobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any

from busway.errors import ConfigurationError, Problem
from busway.sync.ports import Where

__all__ = ["PERSONAL", "EngineSettings", "job_tables"]

PERSONAL = ("hidden", "shown")
"""What ``personal_fields`` may be."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """The plain keys of ``[sync]``."""

    parallel_jobs: int = 4
    """Jobs at work at the same time, where they do not depend on each other."""
    personal_fields: str = "hidden"
    """Values of personal fields in plans on a terminal: ``hidden`` or ``shown``. They are never saved, logged or in
    ``--json``."""

    @classmethod
    def from_table(cls, table: Mapping[str, Any], where: Where) -> EngineSettings:
        """Reads ``[sync]``. Raises ``ConfigurationError``: BW4010 for unknown keys, BW4011 for wrong values."""
        problems = cls.problems(table, where)
        if problems:
            raise ConfigurationError.of(problems)
        return cls(**_plain(table))

    @classmethod
    def problems(cls, table: Mapping[str, Any], where: Where) -> list[Problem]:
        """Everything that is wrong with the plain keys."""
        known = tuple(one.name for one in fields(cls))
        found = (_problem(key, value, known, where) for key, value in _plain(table).items())
        return [problem for problem in found if problem is not None]


def job_tables(table: Mapping[str, Any]) -> list[str]:
    """The names of the tables ``[sync.<job>]``."""
    return [name for name, value in table.items() if isinstance(value, Mapping)]


def _plain(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if not isinstance(value, Mapping)}


def _problem(key: str, value: Any, known: tuple[str, ...], where: Where) -> Problem | None:
    place = where(key, "") or "[sync]"
    if key not in known:
        near = get_close_matches(key, known, 1)
        fix = f"did you mean {near[0]}?" if near else f"take {key} out of [sync]; limits of a job go to [sync.JOB]"
        return Problem("BW4010", f"there is no key {key!r} in [sync]", place, f"known are: {', '.join(known)}", fix)
    if key == "parallel_jobs" and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        return _wrong(key, "a whole number of 1 or more", place)
    if key == "personal_fields" and value not in PERSONAL:
        return _wrong(key, "one of " + ", ".join(PERSONAL), place)
    return None


def _wrong(key: str, expected: str, place: str) -> Problem:
    return Problem("BW4011", f"{key} must be {expected}", place, fix=f"set {key} to {expected}")
