"""Events a sink can never deliver, kept with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from busway.stores.process_database import ProcessDatabase

__all__ = ["DeadLetter", "DeadLetters"]

SELECT = "SELECT sink, event_id, reason, event, at_ns FROM dead_letters WHERE waits_again = "


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One event one sink gave up on."""

    sink: str
    event_id: str
    reason: str
    event: dict[str, Any]
    """The event as it is in the journal (redacted)."""
    at_ns: int
    """When it was given up, nanoseconds since the epoch."""


class DeadLetters:
    """The dead letters of all sinks. One that is to be delivered once more waits apart, and is not among the dead."""

    def __init__(self, database: ProcessDatabase) -> None:
        self._database = database

    def add(self, letters: Iterable[DeadLetter]) -> None:
        """Keeps ``letters``; one that is there already stays as it is."""
        rows = [(one.sink, one.event_id, one.reason, orjson.dumps(one.event), one.at_ns) for one in letters]
        with self._database.transaction() as connection:
            sql = "INSERT OR IGNORE INTO dead_letters (sink, event_id, reason, event, at_ns) VALUES (?, ?, ?, ?, ?)"
            connection.executemany(sql, rows)

    def of(self, sink: str | None = None, limit: int | None = 100) -> list[DeadLetter]:
        """The latest first, of one sink or of all. Without a limit, all there are."""
        sql = f"{SELECT} 0 AND (? IS NULL OR sink = ?) ORDER BY at_ns DESC, event_id DESC LIMIT ?"
        return self._select(sql, (sink, sink, -1 if limit is None else limit))

    def count(self, sink: str) -> int:
        """How many there are of one sink."""
        return self._count(sink, waits_again=0)

    def revive(self, sink: str, event_ids: Sequence[str] | None = None) -> int:
        """Lets them wait for one more delivery: those named, or all of the sink; returns how many."""
        return self._change("UPDATE dead_letters SET waits_again = 1", sink, event_ids)

    def remove(self, sink: str, event_ids: Sequence[str] | None = None) -> int:
        """Forgets them: those named, or all of the sink; returns how many."""
        return self._change("DELETE FROM dead_letters", sink, event_ids)

    def waiting(self, sink: str, limit: int) -> list[DeadLetter]:
        """Those to be delivered once more, in the order in which they happened."""
        return self._select(f"{SELECT} 1 AND sink = ? ORDER BY event_id LIMIT ?", (sink, limit))

    def count_waiting(self, sink: str) -> int:
        """How many are to be delivered once more."""
        return self._count(sink, waits_again=1)

    def arrived(self, sink: str, event_ids: Iterable[str]) -> None:
        """Forgets those that were delivered after all."""
        with self._database.transaction() as connection:
            sql = "DELETE FROM dead_letters WHERE sink = ? AND event_id = ?"
            connection.executemany(sql, [(sink, event_id) for event_id in event_ids])

    def bury(self, letters: Iterable[DeadLetter]) -> None:
        """Those that failed once more are dead again, with the new reason and time."""
        rows = [(one.reason, one.at_ns, one.sink, one.event_id) for one in letters]
        with self._database.transaction() as connection:
            sql = "UPDATE dead_letters SET waits_again = 0, reason = ?, at_ns = ? WHERE sink = ? AND event_id = ?"
            connection.executemany(sql, rows)

    def _change(self, what: str, sink: str, event_ids: Sequence[str] | None) -> int:
        with self._database.transaction() as connection:
            if event_ids is None:
                return connection.execute(f"{what} WHERE waits_again = 0 AND sink = ?", (sink,)).rowcount
            sql = f"{what} WHERE waits_again = 0 AND sink = ? AND event_id = ?"
            return sum(connection.execute(sql, (sink, event_id)).rowcount for event_id in event_ids)

    def _count(self, sink: str, waits_again: int) -> int:
        sql = "SELECT count(*) FROM dead_letters WHERE sink = ? AND waits_again = ?"
        return int(self._database.rows(sql, (sink, waits_again))[0][0])

    def _select(self, sql: str, values: Sequence[Any]) -> list[DeadLetter]:
        rows = self._database.rows(sql, values)
        return [DeadLetter(name, key, reason, orjson.loads(event), at) for name, key, reason, event, at in rows]
