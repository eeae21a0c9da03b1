"""The table ``[schedule]``: when each job runs by itself."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from busway.configuration.nearest import did_you_mean
from busway.contracts.durations import parse_duration
from busway.errors import ConfigurationError, Problem
from busway.operation.calendar import cron_fires
from busway.operation.table_reading import Readers, TableReading, Where, flag, text

__all__ = ["SHORTEST_INTERVAL", "JobSchedule", "SchedulePolicy"]

SHORTEST_INTERVAL = 1.0


@dataclass(frozen=True, slots=True)
class JobSchedule:
    """When one job runs. Times are seconds."""

    interval_seconds: float = 0.0
    """So long after it was last begun; 0 = not by an interval."""
    cron: str = ""
    """A line of cron with five fields, in ``timezone``; empty = not by one."""
    timezone: str = "UTC"
    jitter_seconds: float = 0.0
    """It begins up to so much later: the same for all jobs of one moment, so that they still run in one cycle."""
    late_seconds: float = 3_600.0
    """It counts as late when it has not ended well so long after it was to run."""
    stop_seconds: float = 0.0
    """A run that takes longer is asked to stop, and then made to; 0 = it may take as long as it takes."""
    manual: bool = False
    """Only people start it, whatever ``[schedule]`` says of all jobs."""

    @property
    def fires(self) -> bool:
        """Whether it ever runs by itself."""
        return not self.manual and bool(self.interval_seconds or self.cron)

    def as_text(self) -> str:
        """For people: ``every 15m``, ``cron 0 6 * * * (America/Denver)`` or ``by hand``."""
        if not self.fires:
            return "by hand"
        if self.cron:
            return f"cron {self.cron} ({self.timezone})"
        return f"every {_span(self.interval_seconds)}"


@dataclass(frozen=True, slots=True)
class SchedulePolicy:
    """The schedules of a deployment by the name of the job."""

    jobs: Mapping[str, JobSchedule] = field(default_factory=dict)

    def of(self, job: str) -> JobSchedule:
        """The schedule of ``job``; one that never fires when nothing is said of it."""
        return self.jobs.get(job) or JobSchedule()

    @classmethod
    def from_table(
        cls, table: Mapping[str, Any], jobs: Sequence[str], where: Where, now_ns: int | None = None
    ) -> SchedulePolicy:
        """What ``[schedule]`` says of ``jobs``. Raises ``ConfigurationError`` with everything that is wrong: BW8101 for
        a key or value, BW8102 for a table of no selected job, BW8103 for a schedule that never fires."""
        reading = _Reading(where, time.time_ns() if now_ns is None else now_ns)
        schedules = reading.schedules(table, jobs)
        if reading.problems:
            raise ConfigurationError.of(reading.problems)
        return cls(schedules)


class _Reading:
    def __init__(self, where: Where, now_ns: int) -> None:
        self._table = TableReading("schedule", "BW8101", where)
        self._where = where
        self._now_ns = now_ns

    @property
    def problems(self) -> list[Problem]:
        return self._table.problems

    def schedules(self, table: Mapping[str, Any], jobs: Sequence[str]) -> dict[str, JobSchedule]:
        general = {key: value for key, value in table.items() if not isinstance(value, Mapping)}
        shared = self._values(general, ())
        found = dict.fromkeys(jobs, shared)
        for job, own in table.items():
            if not isinstance(own, Mapping):
                continue
            values = self._values(own, (job,))
            if job not in found:
                self.problems.append(_stray(job, jobs, self._where(job)))
            else:
                found[job] = _merged(shared, values)
        return {job: JobSchedule(**values) for job, values in found.items()}

    def _values(self, table: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
        values = self._table.values(table, _READERS, path)
        if "interval_seconds" in values and "cron" in values:
            self._table.add("interval and cron exclude each other", (*path, "cron"), "keep one of them")
        if "cron" in values:
            self._check_cron(values["cron"], values.get("timezone", "UTC"), path)
        return values

    def _check_cron(self, cron: str, zone: str, path: tuple[str, ...]) -> None:
        try:
            fires = cron_fires(cron, ZoneInfo(zone), self._now_ns)
        except ValueError as error:
            fix = 'five fields: minute hour day month weekday, such as "0 6 * * mon-fri"'
            self._table.add(f"cron: {error}", (*path, "cron"), fix)
            return
        if not fires:
            self.problems.append(_never(cron, ".".join(("schedule", *path)), self._where(*path, "cron")))


def _merged(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """What a job says of itself, over what is said of all; its own cron or interval replaces either of all."""
    kept = dict(shared)
    if "cron" in own or "interval_seconds" in own:
        kept = {key: value for key, value in kept.items() if key not in ("cron", "interval_seconds")}
    return {**kept, **own}


def _stray(job: str, jobs: Sequence[str], where: str) -> Problem:
    known = f"selected: {', '.join(jobs) or 'none'}"
    return Problem(
        "BW8102", f"[schedule.{job}] is of no selected job", where, known, did_you_mean(job, jobs, "remove it")
    )


def _never(cron: str, title: str, where: str) -> Problem:
    return Problem(
        "BW8103",
        f"[{title}] never fires",
        where,
        f"no day fits the cron line {cron!r}",
        "correct the day or the month, or write manual = true for a job that only people start",
    )


def _interval(value: object) -> float:
    seconds = parse_duration(value)
    if seconds < SHORTEST_INTERVAL:
        raise ValueError("at least one second")
    return seconds


def _zone(value: object) -> str:
    name = text(value)
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone of this machine; write one such as America/Denver") from None
    return name


def _span(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:g}s"


_READERS: Readers = {
    "interval": ("interval_seconds", _interval),
    "cron": ("cron", text),
    "timezone": ("timezone", _zone),
    "jitter": ("jitter_seconds", parse_duration),
    "late_after": ("late_seconds", _interval),
    "stop_after": ("stop_seconds", _interval),
    "manual": ("manual", flag),
}
