"""``state.db``: what Busway has to remember between runs, apart from history."""

from __future__ import annotations

import sqlite3
import time
import weakref
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypedDict

import orjson

from busway.contracts.clock import Clock, SystemClock
from busway.stores.cursors import Cursors
from busway.stores.dead_letters import DeadLetters
from busway.stores.error_groups import ErrorGroups
from busway.stores.fences import Fences
from busway.stores.held_plans import HeldPlans
from busway.stores.job_progress import JobProgressStore
from busway.stores.open_sessions import OpenSessions
from busway.stores.pauses import Pauses
from busway.stores.presence import Presence
from busway.stores.process_database import ProcessDatabase
from busway.stores.quarantine import Quarantine
from busway.stores.record_ids import RecordIds
from busway.stores.run_requests import RunRequests
from busway.stores.schedule_slots import ScheduleSlots
from busway.stores.sink_counts import SinkCounts
from busway.stores.sink_leases import SinkLeases
from busway.stores.state_dir import LOCKS, STATE_DB, prepare_state_dir
from busway.stores.state_schema import STATE_MIGRATIONS
from busway.stores.writes_in_hand import WritesInHand

__all__ = ["GoodRun", "StateStore"]


class GoodRun(TypedDict):
    """The last run of a job that ended well."""

    source_count: int
    session_id: str
    at_ns: int


class StateStore:
    """The store of one state folder, shared by threads and processes. The database is opened at first use.

    Every method raises what :func:`busway.stores.database.open_database` raises (BW3101 to BW3104).

    :param clock: wall clock of the leases.
    """

    def __init__(self, state_dir: Path, clock: Clock | None = None) -> None:
        self.state_dir = prepare_state_dir(state_dir)
        self._database = ProcessDatabase(self.state_dir / STATE_DB, STATE_MIGRATIONS)
        self.cursors = Cursors(self._database)
        self.sink_counts = SinkCounts(self._database)
        self.dead_letters = DeadLetters(self._database)
        self.open_sessions = OpenSessions(self._database)
        self.presence = Presence(self.state_dir / LOCKS)
        """Tells other processes that this one lives, until the store is closed, or the process ends."""
        weakref.finalize(self, self.presence.close)
        self.sink_leases = SinkLeases(self._database, self.presence, clock or SystemClock())
        self.error_groups = ErrorGroups(self._database)
        self.managed = RecordIds(self._database, "managed_records")
        """Target records that Busway created or adopted, and may therefore deactivate."""
        self.deactivated = RecordIds(self._database, "deactivated_records")
        """Those of them that Busway deactivated, and may therefore reactivate."""
        self.quarantine = Quarantine(self._database)
        self.held_plans = HeldPlans(self._database)
        self.pauses = Pauses(self._database)
        self.writes_in_hand = WritesInHand(self._database)
        self.job_progress = JobProgressStore(self._database)
        self.fences = Fences(self._database)
        self.run_requests = RunRequests(self._database)
        self.schedule_slots = ScheduleSlots(self._database)

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """All writes of the block together, or none. Keep it short: other threads and processes wait for its end.

        A block must not span a call to a remote.
        """
        return self._database.transaction()

    def snapshot(self) -> AbstractContextManager[sqlite3.Connection]:
        """For a block that only reads: everything in it is of one moment."""
        return self._database.snapshot()

    def last_good_run(self, job: str) -> GoodRun | None:
        """The run that brakes compare with."""
        rows = self._database.rows("SELECT source_count, session_id, at_ns FROM good_runs WHERE job = ?", (job,))
        return GoodRun(source_count=rows[0][0], session_id=rows[0][1], at_ns=rows[0][2]) if rows else None

    def record_good_run(self, job: str, *, source_count: int, session_id: str, at_ns: int) -> None:
        """Replaces the last good run of ``job``."""
        with self.transaction() as connection:
            row = (job, source_count, session_id, at_ns)
            connection.execute("INSERT OR REPLACE INTO good_runs VALUES (?, ?, ?, ?)", row)

    def mark_plan_used(self, plan_id: str) -> bool:
        """True for the first caller; a plan is applied once."""
        with self.transaction() as connection:
            sql = "INSERT OR IGNORE INTO used_plans VALUES (?, ?)"
            return connection.execute(sql, (plan_id, time.time_ns())).rowcount > 0

    def get(self, namespace: str, key: str, default: Any = None) -> Any:
        """A small value kept with :meth:`put`."""
        sql = "SELECT value FROM key_values WHERE namespace = ? AND key = ?"
        rows = self._database.rows(sql, (namespace, key))
        return orjson.loads(rows[0][0]) if rows else default

    def put(self, namespace: str, key: str, value: Any) -> None:
        """Keeps a small JSON value; ``None`` removes it."""
        with self.transaction() as connection:
            if value is None:
                connection.execute("DELETE FROM key_values WHERE namespace = ? AND key = ?", (namespace, key))
                return
            row = (namespace, key, orjson.dumps(value))
            connection.execute("INSERT OR REPLACE INTO key_values VALUES (?, ?, ?)", row)

    def items(self, namespace: str) -> dict[str, Any]:
        """Everything kept in a namespace, by key."""
        rows = self._database.rows("SELECT key, value FROM key_values WHERE namespace = ? ORDER BY key", (namespace,))
        return {key: orjson.loads(value) for key, value in rows}

    def close(self) -> None:
        """Closes the database and ends our presence; the next use opens it again."""
        self.presence.close()
        self._database.close()
