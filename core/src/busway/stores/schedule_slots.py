"""How far each schedule has come: what keeps a restart from running a job twice for one moment, or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from busway.stores.process_database import ProcessDatabase

__all__ = ["JobSlot", "ScheduleSlots"]


@dataclass(frozen=True, slots=True)
class JobSlot:
    """Where the schedule of one job stands. Times are nanoseconds since the epoch."""

    job: str
    since_ns: int
    """When somebody first watched the schedule."""
    slot_ns: int
    """The last moment the job was to run at that a run was asked for."""
    late_told_ns: int = 0
    """Since when it was late when that was told; 0 = it is not told of."""


class ScheduleSlots:
    """The slots of all jobs."""

    def __init__(self, database: ProcessDatabase) -> None:
        self._database = database

    def all(self) -> dict[str, JobSlot]:
        """By the name of the job."""
        rows = self._database.rows("SELECT job, since_ns, slot_ns, late_told_ns FROM schedule_slots ORDER BY job")
        return {row[0]: JobSlot(*row) for row in rows}

    def put(self, slots: Iterable[JobSlot]) -> None:
        """Keeps ``slots`` in place of what was known of their jobs."""
        rows = [(one.job, one.since_ns, one.slot_ns, one.late_told_ns) for one in slots]
        with self._database.transaction() as connection:
            connection.executemany("INSERT OR REPLACE INTO schedule_slots VALUES (?, ?, ?, ?)", rows)
