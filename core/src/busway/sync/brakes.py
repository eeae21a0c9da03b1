"""Brakes: checks that hold a plan before anything is written, and stop a job in which too much fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from busway.errors import HeldError, Problem
from busway.sync.plan import Action, Hold, Plan
from busway.sync.ports import Where
from busway.sync.tuning import Limits

__all__ = ["ErrorBrake", "check", "held_error"]

SETTING_OF = {
    "deactivate_percent": "max_deactivations_pct",
    "deactivate_count": "max_deactivations",
    "empty_source": "allow_empty_source",
    "source_drop_percent": "max_source_drop_pct",
    "target_drop_percent": "max_target_drop_pct",
    "create_count": "max_creates",
    "update_percent": "max_updates_pct",
}
"""Brake name to the key of ``[sync.<job>]`` that sets it, in the order in which holds are told."""

MIN_TRIED, MIN_FAILED = 20, 5
"""A percentage of errors counts only from here on."""
MIN_UPDATES = 20
"""A percentage of updates counts only from here on: half of a small target is soon changed."""
MIN_MISSING = 5
"""A percentage of missing records counts only from here on: people do delete records by hand."""


def check(
    plan: Plan, limits: Limits, last_good: Mapping[str, Any] | None, where: Where, *, zone: tzinfo | None = None
) -> list[Hold]:
    """The brakes that hold ``plan``; the one that harms most comes first.

    ``last_good`` is what ``SyncState.last_good_run`` remembers; ``zone`` is where the reader lives (default: here).
    """
    why = _history(plan, last_good, zone)
    return [
        Hold(brake, what, why, _place(plan.job, brake, where), count)
        for brake, what, count in _tripped(plan, limits, last_good)
    ]


def held_error(plan: Plan, fix: str = "") -> HeldError:
    """The error (BW7001) that says why ``plan`` is held, one problem for each brake.

    :param fix: what to do about it; by default to look at the plan.
    """
    fix = fix or f"look at it: busway plan {plan.job}"
    problems = [Problem("BW7001", hold.what, hold.where, hold.why, fix) for hold in plan.holds]
    error = HeldError("BW7001", problems[0].what, where=problems[0].where, why=problems[0].why, fix=problems[0].fix)
    error.others = tuple(problems[1:])
    return error


def _tripped(plan: Plan, limits: Limits, last_good: Mapping[str, Any] | None) -> Iterator[tuple[str, str, int]]:
    """Name, sentence and number of records of each brake that holds."""
    yield from _deactivating(plan, limits)
    yield from _shrunken(plan, limits, last_good)
    creates = plan.count(Action.CREATE)
    if limits.max_creates is not None and creates > limits.max_creates:
        yield "create_count", f"{plan.job} would create {_over(creates, limits.max_creates)}", creates
    updates = plan.count(Action.UPDATE) + plan.count(Action.REACTIVATE)
    if updates >= MIN_UPDATES and (text := _over_percent(updates, plan.target_count, limits.max_updates_pct)):
        yield "update_percent", f"{plan.job} would update {text}", updates


def _deactivating(plan: Plan, limits: Limits) -> Iterator[tuple[str, str, int]]:
    number = plan.count(Action.DEACTIVATE)
    if (text := _over_percent(number, plan.target_count, limits.max_deactivations_pct)) is not None:
        yield "deactivate_percent", f"{plan.job} would deactivate {text}", number
    if limits.max_deactivations is not None and number > limits.max_deactivations:
        yield "deactivate_count", f"{plan.job} would deactivate {_over(number, limits.max_deactivations)}", number


def _shrunken(plan: Plan, limits: Limits, last_good: Mapping[str, Any] | None) -> Iterator[tuple[str, str, int]]:
    """Either side holds fewer records than it is known to have."""
    before = 0 if last_good is None else int(last_good["source_count"])
    if plan.source_count == 0:
        if not limits.allow_empty_source:
            yield "empty_source", f"{plan.job} read a source without a single record.", before
    elif (text := _over_percent(before - plan.source_count, before, limits.max_source_drop_pct)) is not None:
        yield "source_drop_percent", f"the source of {plan.job} has lost {text}", before - plan.source_count
    missing = len(plan.missing)
    if missing >= MIN_MISSING and (text := _over_percent(missing, plan.managed, limits.max_target_drop_pct)):
        yield "target_drop_percent", f"the target of {plan.job} has lost {text}", missing


def _over_percent(part: int, whole: int, limit: float | None) -> str | None:
    """``412 of 1,877 (22 %); the limit is 5 %.``, or ``None`` when the limit is kept."""
    if limit is None or part <= 0 or whole <= 0 or part * 100 <= limit * whole:
        return None
    return f"{part:,} of {whole:,} ({_percent(part * 100 / whole, limit)} %); the limit is {limit:g} %."


def _percent(value: float, limit: float) -> str:
    """Rounded as far as it still reads as more than the limit: "5 %; the limit is 5 %" would puzzle."""
    for digits in range(4):
        if round(value, digits) > limit:
            return f"{value:.{digits}f}"
    return f"more than {limit:g}"


def _over(number: int, limit: int) -> str:
    return f"{number:,} {'record' if number == 1 else 'records'}; the limit is {limit:,}."


def _history(plan: Plan, last_good: Mapping[str, Any] | None, zone: tzinfo | None) -> str:
    now = f"the source returned {plan.source_count:,} {'record' if plan.source_count == 1 else 'records'}"
    if last_good is None:
        return f"{now}; there was no good run before"
    session = str(last_good["session_id"])[:11]
    when = _when(int(last_good["at_ns"]), plan.created_at_ns, zone)
    return f"{now}; the last good run had {int(last_good['source_count']):,} (session {session}, {when})"


def _when(at_ns: int, now_ns: int, zone: tzinfo | None) -> str:
    then, now = (datetime.fromtimestamp(ns / 1e9, tz=UTC).astimezone(zone) for ns in (at_ns, now_ns))
    for days, word in ((0, "today"), (1, "yesterday")):
        if then.date() == now.date() - timedelta(days=days):
            return f"{word} {then:%H:%M}"
    return f"{then:%Y-%m-%d %H:%M}"


def _place(job: str, brake: str, where: Where) -> str:
    line = where(job, SETTING_OF[brake]) or f"default of {SETTING_OF[brake]}"
    return f"job {job}, brake {brake} ({line})"


class ErrorBrake:
    """Counts failed writes while a plan is applied."""

    __slots__ = ("_failed", "_in_a_row", "_job", "_limits", "_tried", "_where")

    def __init__(self, job: str, limits: Limits, where: Where) -> None:
        self._job, self._limits, self._where = job, limits, where
        self._tried = self._failed = self._in_a_row = 0

    def tried(self, *, failed: bool) -> Problem | None:
        """Counts one write; the problem (BW6003) once too many have failed."""
        self._tried += 1
        if not failed:
            self._in_a_row = 0
            return None
        self._failed += 1
        self._in_a_row += 1
        return self._over_row() or self._over_share()

    def _over_row(self) -> Problem | None:
        limit = self._limits.max_consecutive_errors
        if limit is None or self._in_a_row < limit:
            return None
        return self._problem(f"stopped after {self._in_a_row} failed records in a row", "max_consecutive_errors")

    def _over_share(self) -> Problem | None:
        if self._tried < MIN_TRIED or self._failed < MIN_FAILED:
            return None
        text = _over_percent(self._failed, self._tried, self._limits.max_error_pct)
        return None if text is None else self._problem(f"stopped: failed {text}", "max_error_pct")

    def _problem(self, what: str, setting: str) -> Problem:
        line = self._where(self._job, setting) or f"default of {setting}"
        return Problem(
            "BW6003",
            f"{self._job} {what}",
            f"job {self._job}, brake {setting} ({line})",
            "so many failures have one cause; what was written before stays and is counted",
            "look at the failures: busway events errors --job " + self._job,
        )
