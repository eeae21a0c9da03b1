"""The moments a schedule means: pure functions of it and of the time.

A cron line is read in its time zone, the way Debian's cron does: a time that daylight saving skips comes right after
the gap, a time that it repeats comes once, and a line with ``*`` in the hour goes on by the hour. All times are
nanoseconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from busway.operation.schedule_policy import JobSchedule

__all__ = ["SECOND", "cron_fires", "latest_slot", "next_slot"]

SECOND = 1_000_000_000
COUNTED = 10_000
"""Missed slots are counted up to here: a service that stood still for a year need not know how many they were."""


def cron_fires(cron: str, zone: ZoneInfo, now_ns: int) -> bool:
    """Whether a cron line ever fires after ``now_ns``. Raises ``ValueError`` with a sentence when it cannot be read."""
    try:
        return next(_slots(cron, zone, now_ns), None) is not None
    except ValueError as error:
        minute, hour, day, _, weekday = _fields(cron) or [""] * 5
        try:
            next(_slots(f"{minute} {hour} {day} * {weekday}", zone, now_ns), None)
        except ValueError:
            raise ValueError(_sentence(error)) from error
        return False  # it can be read, and no month that it names has such a day


def _fields(cron: str) -> list[str]:
    fields = cron.split()
    return fields if len(fields) == 5 else []


def _sentence(error: ValueError) -> str:
    return str(error).rstrip(".").replace("Bad ", "unusable ").replace("Wrong number", "wrong number")


def next_slot(schedule: JobSchedule, after_ns: int) -> int | None:
    """The first moment after ``after_ns`` at which the job is to run; ``None`` for one that only people start."""
    if schedule.interval_seconds:
        return after_ns + round(schedule.interval_seconds * SECOND)
    if not schedule.cron:
        return None
    return next(_slots(schedule.cron, _zone(schedule.timezone), after_ns), None)


def latest_slot(schedule: JobSchedule, after_ns: int, now_ns: int) -> tuple[int, int]:
    """The last moment in (``after_ns``, ``now_ns``] at which the job was to run, and how many there were.

    ``(after_ns, 0)`` when there was none.
    """
    if schedule.interval_seconds:
        step = round(schedule.interval_seconds * SECOND)
        passed = max(0, now_ns - after_ns) // step
        return after_ns + passed * step, passed
    found, passed = after_ns, 0
    slot = next_slot(schedule, found)
    while slot is not None and slot <= now_ns:
        found, passed = slot, passed + 1
        if passed == COUNTED:
            return _last_day(schedule, found, now_ns), passed
        slot = next_slot(schedule, found)
    return found, passed


def _last_day(schedule: JobSchedule, found: int, now_ns: int) -> int:
    """The last slot of a span that holds more than are counted: only its last day is walked through."""
    slots = _slots(schedule.cron, _zone(schedule.timezone), max(found, now_ns - 86_400 * SECOND))
    for slot in slots:
        if slot > now_ns:
            break
        found = slot
    return found


def _slots(cron: str, zone: ZoneInfo, after_ns: int) -> Iterator[int]:
    # Imported here: only who runs by a cron line needs it.
    from cronsim import CronSim, CronSimError

    moment = datetime.fromtimestamp(after_ns // SECOND, tz=UTC).astimezone(zone)
    try:
        slots = CronSim(cron, moment)
    except CronSimError as error:
        raise ValueError(str(error)) from error
    for slot in slots:
        at_ns = round(slot.timestamp()) * SECOND
        if at_ns > after_ns:
            yield at_ns


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
