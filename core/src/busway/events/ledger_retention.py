"""How long the ledger keeps its history."""

from __future__ import annotations

import sqlite3

from busway.contracts.clock import Clock
from busway.events.ledger_database import LedgerDatabase

__all__ = ["LedgerRetention"]

EVERY_SECONDS = 3_600.0
CHUNK = 5_000
"""Rows of one transaction, so that nobody waits long for it."""

_OLD_EVENTS = "DELETE FROM events WHERE event_id IN (SELECT event_id FROM events WHERE at_ns < ? LIMIT ?)"
_OLD_SESSIONS = "DELETE FROM sessions WHERE started_ns < ? AND state <> 'running'"


class LedgerRetention:
    """Forgets events older than ``keep_seconds``, at most once an hour; with ``None`` it keeps them all."""

    def __init__(self, database: LedgerDatabase, clock: Clock, keep_seconds: float | None) -> None:
        self.keep_seconds = keep_seconds
        self._database = database
        self._clock = clock
        self._done: float | None = None

    def apply(self) -> int:
        """How many events were forgotten; 0 when it is not time yet."""
        now = self._clock.monotonic()
        if self.keep_seconds is None:
            return 0
        if self._done is not None and now - self._done < EVERY_SECONDS:
            return 0
        self._done = now
        before, gone = self._clock.now_ns() - int(self.keep_seconds * 1e9), 0
        while True:
            deleted = self._database.write(lambda connection: _forget(connection, before))
            gone += deleted
            if deleted < CHUNK:
                return gone


def _forget(connection: sqlite3.Connection, before_ns: int) -> int:
    deleted = connection.execute(_OLD_EVENTS, (before_ns, CHUNK)).rowcount
    if deleted < CHUNK:
        connection.execute(_OLD_SESSIONS, (before_ns,))
    return deleted
