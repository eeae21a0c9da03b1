"""Pauses: runs that must not begin, because somebody said so."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from busway.stores.process_database import ProcessDatabase

__all__ = ["Pause", "Pauses"]


@dataclass(frozen=True, slots=True)
class Pause:
    """Who stopped a job, or all of them, why and for how long. Times are nanoseconds since the epoch."""

    job: str
    """Empty = all jobs."""
    actor: str
    reason: str
    since_ns: int
    until_ns: int = 0
    """0 = until somebody resumes."""

    def holds(self, now_ns: int) -> bool:
        """Whether it still does."""
        return not self.until_ns or now_ns < self.until_ns

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)


class Pauses:
    """The pauses of one state folder. Whoever cannot read them must not run: what cannot be asked is not allowed."""

    def __init__(self, database: ProcessDatabase) -> None:
        self._database = database

    def set(self, pause: Pause) -> None:
        """Pauses a job or all of them, in place of an earlier pause of the same."""
        row = (pause.job, pause.actor, pause.reason, pause.since_ns, pause.until_ns)
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO pauses VALUES (?, ?, ?, ?, ?)", row)

    def end(self, job: str) -> bool:
        """Ends the pause of a job, or that of all; False when there was none."""
        with self._database.transaction() as connection:
            return connection.execute("DELETE FROM pauses WHERE job = ?", (job,)).rowcount > 0

    def all(self, now_ns: int) -> list[Pause]:
        """Those that hold at ``now_ns``, that of all jobs first."""
        rows = self._database.rows("SELECT job, actor, reason, since_ns, until_ns FROM pauses ORDER BY job")
        return [pause for pause in (Pause(*row) for row in rows) if pause.holds(now_ns)]

    def of(self, job: str, now_ns: int) -> Pause | None:
        """What keeps ``job`` from running at ``now_ns``: its own pause, or that of all jobs."""
        found = [pause for pause in self.all(now_ns) if pause.job in ("", job)]
        return found[-1] if found else None
