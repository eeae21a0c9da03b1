"""Events a sink can never deliver, kept with the reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from busway.stores.process_database import ProcessDatabase

__all__ = ["DeadLetter", "DeadLetters"]


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
    """The dead letters of all sinks."""

    def __init__(self, database: ProcessDatabase) -> None:
        self._database = database

    def add(self, letters: Iterable[DeadLetter]) -> None:
        """Keeps ``letters``; one that is there already stays as it is."""
        rows = [(one.sink, one.event_id, one.reason, orjson.dumps(one.event), one.at_ns) for one in letters]
        with self._database.transaction() as connection:
            connection.executemany("INSERT OR IGNORE INTO dead_letters VALUES (?, ?, ?, ?, ?)", rows)

    def of(self, sink: str | None = None, limit: int = 100) -> list[DeadLetter]:
        """The latest first, of one sink or of all."""
        sql = "SELECT sink, event_id, reason, event, at_ns FROM dead_letters WHERE ? IS NULL OR sink = ?"
        rows = self._database.rows(f"{sql} ORDER BY at_ns DESC, event_id DESC LIMIT ?", (sink, sink, limit))
        return [DeadLetter(name, key, reason, orjson.loads(event), at) for name, key, reason, event, at in rows]

    def count(self, sink: str) -> int:
        """How many there are of one sink."""
        return int(self._database.rows("SELECT count(*) FROM dead_letters WHERE sink = ?", (sink,))[0][0])
