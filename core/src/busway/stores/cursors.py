"""How far each sink has read in each journal file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from busway.stores.process_database import ProcessDatabase

__all__ = ["Ahead", "Cursors"]


class Ahead(NamedTuple):
    """A line that is settled although one before it is not: a crash must not make the sink take it again."""

    file: str
    end: int
    """Byte offset behind the line."""
    outcome: str
    reason: str = ""


class Cursors:
    """Byte offsets by sink and file name; everything before one is settled."""

    def __init__(self, database: ProcessDatabase) -> None:
        self._database = database

    def of(self, sink: str) -> dict[str, int]:
        """File name to offset; a file not in it is at 0."""
        rows = self._database.rows("SELECT file, offset FROM cursors WHERE sink = ?", (sink,))
        return dict(rows)

    def offset(self, sink: str, file: str) -> int:
        """How far it has read in one file."""
        rows = self._database.rows("SELECT offset FROM cursors WHERE sink = ? AND file = ?", (sink, file))
        return int(rows[0][0]) if rows else 0

    def ahead(self, sink: str) -> list[Ahead]:
        """What is settled beyond the cursors."""
        sql = "SELECT file, end_offset, outcome, reason FROM settled_ahead WHERE sink = ?"
        return [Ahead(*row) for row in self._database.rows(sql, (sink,))]

    def advance(self, sink: str, offsets: Mapping[str, int], ahead: Iterable[Ahead] = ()) -> None:
        """Moves cursors; forward only, so that a late writer cannot make a sink repeat what is settled.

        :param ahead: what is settled beyond them; forgotten once the cursor has passed it.
        """
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT INTO cursors (sink, file, offset) VALUES (?, ?, ?) "
                "ON CONFLICT DO UPDATE SET offset = max(offset, excluded.offset)",
                [(sink, file, offset) for file, offset in offsets.items()],
            )
            connection.executemany(
                "DELETE FROM settled_ahead WHERE sink = ? AND file = ? AND end_offset <= ?",
                [(sink, file, offset) for file, offset in offsets.items()],
            )
            connection.executemany(
                "INSERT OR REPLACE INTO settled_ahead VALUES (?, ?, ?, ?, ?)", [(sink, *line) for line in ahead]
            )

    def forget(self, file: str) -> None:
        """Drops the cursors of a file that is gone."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM cursors WHERE file = ?", (file,))
            connection.execute("DELETE FROM settled_ahead WHERE file = ?", (file,))
