"""Runs that were asked for: by a schedule or by a person, waiting, under way, or ended."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from busway.stores.process_database import ProcessDatabase

__all__ = ["RunRequest", "RunRequests"]

COLUMNS = (
    "run_id, jobs, origin, actor, reason, requested_ns, missed, state, attempts, holder, started_ns, ended_ns, "
    "exit_code, outcome, report"
)
SELECT = f"SELECT {COLUMNS} FROM run_requests"  # noqa: S608 - the columns are ours
INSERT = f"INSERT INTO run_requests ({COLUMNS}) VALUES ({', '.join('?' * 15)})"  # noqa: S608
KEPT_NS = 90 * 24 * 3600 * 1_000_000_000
"""Ended ones are kept for 90 days."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """One run that was asked for. Times are nanoseconds since the epoch; 0 = not yet."""

    run_id: str
    """UUIDv7; the sessions of the run have it as their correlation id."""
    jobs: tuple[str, ...]
    origin: str
    """``schedule`` or ``trigger``."""
    actor: str
    """Who asked for it."""
    reason: str
    requested_ns: int
    missed: int = 0
    """Moments of the schedule that this run makes up for, besides its own."""
    state: str = "waiting"
    """``waiting``, ``running`` or ``ended``."""
    attempts: int = 0
    """How often it was begun: a run whose process was killed is begun again."""
    holder: str = ""
    """The process that runs it, or ran it."""
    started_ns: int = 0
    ended_ns: int = 0
    exit_code: int | None = None
    outcome: str = ""
    """How it ended: ``ok``, ``records failed``, ``held``, ``stopped``, ``failed``, ``overdue``, ``abandoned``."""
    report: Mapping[str, Any] = field(default_factory=dict)
    """Of the run, as ``busway run --json`` gives it, in brief: jobs with outcome, counts, session and problem."""

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "run_id": self.run_id,
            "jobs": list(self.jobs),
            **{name: getattr(self, name) for name in ("origin", "actor", "reason", "requested_ns", "missed", "state")},
            **{name: getattr(self, name) for name in ("attempts", "holder", "started_ns", "ended_ns", "exit_code")},
            "outcome": self.outcome,
            "report": dict(self.report),
        }


class RunRequests:
    """The queue and its history. One run is under way at a time, whoever takes it."""

    def __init__(self, database: ProcessDatabase) -> None:
        self._database = database

    def add(self, request: RunRequest) -> None:
        """Puts a request at the end of the queue, and forgets what ended long ago."""
        with self._database.transaction() as connection:
            old = request.requested_ns - KEPT_NS
            connection.execute("DELETE FROM run_requests WHERE state = 'ended' AND ended_ns < ?", (old,))
            connection.execute(INSERT, _row(request))

    def open(self) -> list[RunRequest]:
        """What is under way, and what waits, in its order."""
        return self._read("WHERE state != 'ended' ORDER BY state = 'waiting', requested_ns, run_id")

    def recent(self, limit: int, job: str | None = None) -> list[RunRequest]:
        """The latest requests in any state, the newest first."""
        found = self._read("ORDER BY requested_ns DESC, run_id DESC LIMIT ?", (limit if job is None else -1,))
        return [one for one in found if job is None or job in one.jobs][:limit]

    def find(self, text: str) -> list[RunRequest]:
        """Those whose id begins with ``text``."""
        return self._read("WHERE substr(run_id, 1, ?) = ? ORDER BY run_id", (len(text), text))

    def take(self, run_id: str, holder: str, now_ns: int) -> bool:
        """Begins a run that waits; False when it does not wait any more, or another one is under way."""
        sql = (
            "UPDATE run_requests SET state = 'running', holder = ?, started_ns = ?, attempts = attempts + 1 "
            "WHERE run_id = ? AND state = 'waiting' "
            "AND NOT EXISTS (SELECT 1 FROM run_requests WHERE state = 'running')"
        )
        with self._database.transaction() as connection:
            return connection.execute(sql, (holder, now_ns, run_id)).rowcount > 0

    def wait_again(self, run_id: str, *, counted: bool = True) -> bool:
        """Puts a run that was begun back where it was in the queue.

        :param counted: off when it never got to work, so that it was no attempt.
        """
        sql = (
            "UPDATE run_requests SET state = 'waiting', attempts = attempts - ? WHERE run_id = ? AND state = 'running'"
        )
        with self._database.transaction() as connection:
            return connection.execute(sql, (0 if counted else 1, run_id)).rowcount > 0

    def end(
        self,
        run_id: str,
        outcome: str,
        now_ns: int,
        exit_code: int | None = None,
        report: Mapping[str, Any] | None = None,
    ) -> bool:
        """Notes how a run ended; False when that is known already."""
        sql = (
            "UPDATE run_requests SET state = 'ended', outcome = ?, ended_ns = ?, exit_code = ?, report = ? "
            "WHERE run_id = ? AND state != 'ended'"
        )
        values = (outcome, now_ns, exit_code, json.dumps(dict(report or {})), run_id)
        with self._database.transaction() as connection:
            return connection.execute(sql, values).rowcount > 0

    def _read(self, rest: str, values: Sequence[Any] = ()) -> list[RunRequest]:
        return [_request(row) for row in self._database.rows(f"{SELECT} {rest}", values)]


def _request(row: tuple[Any, ...]) -> RunRequest:
    decoded = {"jobs": tuple(json.loads(row[1])), "report": json.loads(row[14])}
    return RunRequest(**(dict(zip(COLUMNS.split(", "), row, strict=True)) | decoded))


def _row(one: RunRequest) -> tuple[Any, ...]:
    head = (one.run_id, json.dumps(one.jobs), one.origin, one.actor, one.reason, one.requested_ns, one.missed)
    rest = (one.state, one.attempts, one.holder, one.started_ns, one.ended_ns, one.exit_code, one.outcome)
    return (*head, *rest, json.dumps(dict(one.report)))
