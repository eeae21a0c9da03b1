"""The breaker of an account: when it has stopped answering, nobody goes on knocking."""

from __future__ import annotations

import threading

from busway.contracts.jobs import Job
from busway.errors import Problem, UnreachableError

__all__ = ["TargetBreakers"]


class TargetBreakers:
    """Counts records in a row that an account did not serve, over all jobs of one run. Safe to use from many threads.

    A single record that meets no answer fails alone; several in a row mean that the account is away, and each of the
    others would spend its retries on finding that out.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._in_a_row: dict[str, int] = {}
        self._open: dict[str, Problem] = {}

    def served(self, job: Job) -> None:
        """The account of ``job`` has answered."""
        with self._lock:
            self._in_a_row[account_of(job)] = 0

    def missed(self, job: Job, limit: int, error: UnreachableError) -> bool:
        """It did not serve a record; True when that was one too many, and the breaker is open from now on."""
        name = account_of(job)
        with self._lock:
            self._in_a_row[name] = self._in_a_row.get(name, 0) + 1
            if self._in_a_row[name] >= limit:
                self._open.setdefault(name, error.problem)
            return name in self._open

    def why_open(self, job: Job) -> Problem | None:
        """The error that opened the breaker of its account; ``None`` while it is closed."""
        with self._lock:
            return self._open.get(account_of(job))


def account_of(job: Job) -> str:
    """The account of ``job``; one without a name is its own."""
    return job.account or f"job {job.name}"
