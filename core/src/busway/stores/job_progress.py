"""How far the last run of each job came, and when the job last wrote."""

from __future__ import annotations

from dataclasses import dataclass

from busway.stores.process_database import ProcessDatabase

__all__ = ["JobProgress", "JobProgressStore"]


@dataclass(frozen=True, slots=True)
class JobProgress:
    """The last run of one job that came to writing. Times are nanoseconds since the epoch."""

    job: str
    run_id: str
    session_id: str
    planned: int
    done: int
    """Changes that were tried."""
    started_ns: int
    ended_ns: int
    """0 = it did not end by itself: it runs, or was killed."""
    wrote_ns: int
    """When the job last wrote anything, in this run or an earlier one; 0 = never."""


class JobProgressStore:
    """One row for each job."""

    def __init__(self, database: ProcessDatabase) -> None:
        self._database = database

    def of(self, job: str) -> JobProgress | None:
        """The last run of ``job``."""
        sql = (
            "SELECT job, run_id, session_id, planned, done, started_ns, ended_ns, wrote_ns FROM job_progress "
            "WHERE job = ?"
        )
        rows = self._database.rows(sql, (job,))
        return JobProgress(*rows[0]) if rows else None

    def begin(self, job: str, run_id: str, session_id: str, planned: int, at_ns: int) -> None:
        """A run begins to write."""
        row = (job, run_id, session_id, planned, at_ns, job)
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO job_progress VALUES (?, ?, ?, ?, 0, ?, 0, "
                "coalesce((SELECT wrote_ns FROM job_progress WHERE job = ?), 0))",
                row,
            )

    def advance(self, job: str, tried: int, wrote_ns: int) -> None:
        """So many more changes were tried; ``wrote_ns`` is 0 when none of them wrote."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE job_progress SET done = done + ?, wrote_ns = max(wrote_ns, ?) WHERE job = ?",
                (tried, wrote_ns, job),
            )

    def end(self, job: str, at_ns: int) -> None:
        """The run has ended by itself."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE job_progress SET ended_ns = ? WHERE job = ?", (at_ns, job))
