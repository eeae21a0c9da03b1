"""Digests that were composed and are not known to be in the journal yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from busway.stores.state import StateStore

__all__ = ["UnsentDigests"]


class UnsentDigests:
    """Whoever composes a digest keeps it here in the same transaction, so that no count is lost between the two."""

    def __init__(self, state: StateStore) -> None:
        self._state = state

    def add(self, record: Mapping[str, Any]) -> None:
        """Keeps one event record."""
        with self._state.transaction() as connection:
            row = (record["event_id"], orjson.dumps(record))
            connection.execute("INSERT OR IGNORE INTO unsent_digests VALUES (?, ?)", row)

    def all(self) -> list[dict[str, Any]]:
        """Oldest first."""
        with self._state.snapshot() as connection:
            rows = connection.execute("SELECT record FROM unsent_digests ORDER BY event_id").fetchall()
        return [orjson.loads(row[0]) for row in rows]

    def remove(self, event_ids: Iterable[str]) -> None:
        """They are in the journal."""
        with self._state.transaction() as connection:
            connection.executemany("DELETE FROM unsent_digests WHERE event_id = ?", [(one,) for one in event_ids])
