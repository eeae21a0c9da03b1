"""Progress, told by one thread at a time."""

from __future__ import annotations

import threading

from busway.sync.plan import Plan
from busway.sync.report import Counts, JobReport, Progress

__all__ = ["OneAtATime"]


class OneAtATime:
    """Lets jobs in several threads tell a :class:`busway.sync.report.Progress` that knows of one."""

    def __init__(self, told: Progress) -> None:
        self._told = told
        self._lock = threading.Lock()

    def started(self, job: str) -> None:
        """A job begins to read."""
        with self._lock:
            self._told.started(job)

    def planned(self, plan: Plan) -> None:
        """The plan stands."""
        with self._lock:
            self._told.planned(plan)

    def advanced(self, job: str, done: int, total: int, counts: Counts) -> None:
        """One more change was tried."""
        with self._lock:
            self._told.advanced(job, done, total, counts)

    def finished(self, report: JobReport) -> None:
        """The job ended."""
        with self._lock:
            self._told.finished(report)
