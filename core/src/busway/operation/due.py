"""Which jobs are to run now, next, and since when one is late: pure functions of schedules, slots and time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from busway.operation.calendar import SECOND, latest_slot, next_slot
from busway.operation.schedule_policy import JobSchedule
from busway.stores.schedule_slots import JobSlot

__all__ = ["Firing", "due_jobs", "late_since_ns", "moved_back", "next_run_ns", "settled_slots"]

FORGIVEN_NS = 3 * 3_600 * SECOND
"""A clock that was set back by less goes through hours it has been through: what ran at their times does not run again.
Set back by more it was wrong before, as cron sees it."""


@dataclass(frozen=True, slots=True)
class Firing:
    """One job that is to run now."""

    job: str
    slot_ns: int
    """The moment it was to run at, without jitter; of several that were missed the last."""
    missed: int = 0
    """How many earlier ones this run stands for, too."""


def due_jobs(
    schedules: Mapping[str, JobSchedule],
    depends_on: Mapping[str, Sequence[str]],
    slots: Mapping[str, JobSlot],
    now_ns: int,
) -> list[Firing]:
    """The jobs that are to run now, one firing each, however many were missed.

    A job waits for those it depends on that are of the same moment and still have jitter before them, so that they run
    in one cycle.

    :param slots: for each job that fires, as :func:`settled_slots` makes them.
    """
    reached = {job: found for job in slots if (found := _reached(schedules[job], slots[job], now_ns))}
    ripe = {job for job, found in reached.items() if _begins_ns(schedules[job], found.slot_ns) <= now_ns}
    return [reached[job] for job in slots if job in ripe and not _awaited(job, depends_on, reached, ripe)]


def settled_slots(
    schedules: Mapping[str, JobSchedule], known: Mapping[str, JobSlot], now_ns: int
) -> dict[str, JobSlot]:
    """The slots to go on from: those known, and one for each job that is new.

    A new job with an interval runs at once; one with a cron line at its next time. A slot that lies ahead is of a clock
    that was wrong: an interval begins now, a cron line keeps what is less than three hours ahead.
    """
    settled = {}
    for job, schedule in schedules.items():
        if not schedule.fires:
            continue
        slot = known.get(job) or JobSlot(job, since_ns=now_ns, slot_ns=_first(schedule, now_ns))
        ahead = slot.slot_ns - now_ns
        if ahead > (0 if schedule.interval_seconds else FORGIVEN_NS):
            slot = replace(slot, slot_ns=now_ns)
        settled[job] = replace(slot, since_ns=min(slot.since_ns, now_ns))
    return settled


def moved_back(schedules: Mapping[str, JobSchedule], slots: Iterable[JobSlot], by_ns: int) -> list[JobSlot]:
    """The slots after the clock was set back: time that has passed counts for an interval, whatever the clock says."""
    return [
        replace(slot, slot_ns=slot.slot_ns - by_ns) if schedules[slot.job].interval_seconds else slot for slot in slots
    ]


def next_run_ns(schedule: JobSchedule, slot: JobSlot | None, now_ns: int) -> int | None:
    """When the job runs next by itself: at once, which is now, when it was missed; ``None`` when it never does."""
    if not schedule.fires:
        return None
    after = slot.slot_ns if slot is not None else _first(schedule, now_ns)
    upcoming = next_slot(schedule, after)
    return None if upcoming is None else max(now_ns, _begins_ns(schedule, upcoming))


def late_since_ns(schedule: JobSchedule, slot: JobSlot | None, good_ns: int, now_ns: int) -> int | None:
    """The moment since which the job is late; ``None`` while it is not, or nobody has watched its schedule yet.

    :param good_ns: when it last ended well; 0 = never.
    """
    if slot is None or not schedule.fires:
        return None
    # The moment watching began is a moment to run at for an interval, and none for a cron line.
    start = slot.since_ns - (round(schedule.interval_seconds * SECOND) if schedule.interval_seconds else 0)
    expected = next_slot(schedule, max(good_ns, start))
    if expected is None:
        return None
    late = expected + round(schedule.late_seconds * SECOND)
    return late if late <= now_ns else None


def _first(schedule: JobSchedule, now_ns: int) -> int:
    return now_ns - round(schedule.interval_seconds * SECOND)


def _reached(schedule: JobSchedule, slot: JobSlot, now_ns: int) -> Firing | None:
    found, number = latest_slot(schedule, slot.slot_ns, now_ns)
    return Firing(slot.job, found, number - 1) if number else None


def _begins_ns(schedule: JobSchedule, slot_ns: int) -> int:
    """With its jitter, which the moment alone decides: nobody has to remember it, and a restart does not change it."""
    if not schedule.jitter_seconds:
        return slot_ns
    drawn = int.from_bytes(hashlib.blake2b(str(slot_ns).encode(), digest_size=4).digest(), "big") / 2**32
    return slot_ns + round(drawn * schedule.jitter_seconds * SECOND)


def _awaited(
    job: str, depends_on: Mapping[str, Sequence[str]], reached: Mapping[str, Firing], ripe: Iterable[str]
) -> bool:
    """Whether a job it depends on is of the same moment, and has still to wait."""
    ripe = frozenset(ripe)
    at_ns = reached[job].slot_ns
    first = [one for one in depends_on.get(job, ()) if one in reached and reached[one].slot_ns == at_ns]
    return any(one not in ripe or _awaited(one, depends_on, reached, ripe) for one in first)
