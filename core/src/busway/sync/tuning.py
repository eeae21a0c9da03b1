"""The table ``[sync.<job>]``: limits of the brakes, and field policies changed for this deployment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from typing import Any

from busway.contracts.fields import FieldPolicy, FieldRule
from busway.contracts.jobs import Job
from busway.errors import ConfigurationError, Problem
from busway.sync.ports import Where

__all__ = ["AT_LEAST_ONE", "Limits", "Pace", "Tuning", "tune", "unknown_table"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a job may go. Percentages are 0 to 100; ``None`` = no limit."""

    allow_empty_source: bool = False
    """Lets a source without records through; without it that always holds."""
    max_source_drop_pct: float | None = 20
    """Fewer source records than the last good run had, in percent of those."""
    max_target_drop_pct: float | None = 20
    """Managed records that the target no longer has, in percent of those managed: an answer that looks whole and is
    not would else have everything created again."""
    max_creates: int | None = None
    max_updates_pct: float | None = 50
    """In percent of the target's records, from 20 updates on."""
    max_deactivations: int | None = None
    max_deactivations_pct: float | None = 5
    """In percent of the target's records."""
    max_consecutive_errors: int | None = 10
    """Failed writes in a row, while the plan is applied."""
    max_error_pct: float | None = 5
    """Failed writes in percent of those tried, from 20 tried and 5 failed on: below that, a percentage says nothing."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a job writes, and how long it bears with a target that does not serve."""

    concurrency: int = 0
    """Writes under way at once; 0 = what the job declares."""
    max_attempts: int = 3
    """Of one write, the first included."""
    retry_budget_seconds: float = 300
    """Waited for the target in one run, all writes of the job together."""
    max_unserved: int = 3
    """Records in a row that the account did not serve, until its jobs stop."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """What configuration says about one job."""

    limits: Limits
    rules: Mapping[str, FieldRule]
    """The job's managed fields, with the policies of ``[sync.<job>.fields]`` and those of ``clear_when_empty``."""
    pace: Pace = Pace()
    continue_with_stale_refs: bool = False
    """Runs the job also when one it depends on was held or ended early: what it refers to is then as the target has
    it, and what is not there yet waits for the next run."""


CLEARS = "clear_when_empty"
FLAGS = ("allow_empty_source", "continue_with_stale_refs")
LIMITS = tuple(one.name for one in fields(Limits))
PACE = tuple(one.name for one in fields(Pace))
AT_LEAST_ONE = frozenset({"max_attempts", "max_unserved", "concurrency"})


def tune(job: Job, table: Mapping[str, Any], where: Where) -> Tuning:
    """Reads ``table``. Raises ``ConfigurationError``: BW4010 for an unknown key, BW4011 for a wrong value."""
    chosen: dict[str, Any] = {}
    for key, value in table.items():
        place = where(job.name, key) or f"[sync.{job.name}]"
        if key in ("fields", CLEARS):
            continue
        if key not in (*LIMITS, *PACE, *FLAGS):
            raise _unknown("key", key, dict.fromkeys((*LIMITS, *PACE, *FLAGS, "fields", CLEARS)), place, job)
        chosen[key] = _checked(key, value, place)
    limits, pace = ({name: chosen[name] for name in names if name in chosen} for names in (LIMITS, PACE))
    return Tuning(
        replace(Limits(), **limits),
        _clearing(job, _rules(job, table.get("fields", {}), where), table.get(CLEARS, ()), where),
        replace(Pace(), **pace),
        chosen.get("continue_with_stale_refs", False),
    )


def unknown_table(name: str, jobs: Iterable[str], where: Where) -> Problem:
    """The problem of a table ``[sync.<name>]`` that no job reads."""
    known = tuple(jobs)
    near = get_close_matches(name, known, 1)
    return Problem(
        "BW4010",
        f"there is no job {name!r} for the table [sync.{name}]",
        where=where(name, "") or f"[sync.{name}]",
        why=f"jobs are: {', '.join(known) or 'none, since no plugin with jobs is selected'}",
        fix=f"did you mean [sync.{near[0]}]?" if near else f"take [sync.{name}] out",
    )


def _checked(key: str, value: Any, place: str) -> Any:
    if key in FLAGS:
        if isinstance(value, bool):
            return value
        raise _wrong(key, "true or false", place)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        raise _wrong(key, "a number of 0 or more", place)
    if key.endswith("_pct") and value > 100:
        raise _wrong(key, "a percentage from 0 to 100", place)
    if key in AT_LEAST_ONE and value < 1:
        raise _wrong(key, "a whole number of 1 or more", place)
    if not key.endswith(("_pct", "_seconds")) and not isinstance(value, int):
        raise _wrong(key, "a whole number", place)
    return value


def _rules(job: Job, policies: Any, where: Where) -> Mapping[str, FieldRule]:
    place = where(job.name, "fields") or f"[sync.{job.name}.fields]"
    if not isinstance(policies, Mapping):
        raise _wrong("fields", "a table of field = policy", place)
    rules = dict(job.fields)
    for name, policy in policies.items():
        if name not in rules:
            raise _unknown("field", name, rules, place, job)
        if policy not in set(FieldPolicy):
            raise _wrong(f"fields.{name}", "one of " + ", ".join(FieldPolicy), place)
        rules[name] = replace(rules[name], policy=FieldPolicy(policy))
    return rules


def _clearing(job: Job, rules: Mapping[str, FieldRule], names: Any, where: Where) -> Mapping[str, FieldRule]:
    """``rules``, in which those of ``names`` let an empty source value clear the target."""
    place = where(job.name, CLEARS) or f"[sync.{job.name}]"
    if isinstance(names, str) or not isinstance(names, Sequence):
        raise _wrong(CLEARS, "a list of fields", place)
    for name in names:
        if name not in rules:
            raise _unknown("field", name, rules, place, job)
        if name in job.match_on.fields or name in job.always_send or name == job.active_field:
            raise _wrong(CLEARS, f"a list without {name}, which the job cannot do without", place)
    return {name: rule.clearing() if name in names else rule for name, rule in rules.items()}


def _unknown(noun: str, name: str, known: Iterable[str], place: str, job: Job) -> ConfigurationError:
    known = tuple(known)
    near = get_close_matches(name, known, 1)
    return ConfigurationError(
        "BW4010",
        f"there is no {noun} {name!r} for job {job.name}",
        where=place,
        why=f"known are: {', '.join(known)}",
        fix=f"did you mean {near[0]}?" if near else f"take {name} out of [sync.{job.name}]",
    )


def _wrong(key: str, expected: str, place: str) -> ConfigurationError:
    return ConfigurationError("BW4011", f"{key} must be {expected}", where=place, fix=f"set {key} to {expected}")
