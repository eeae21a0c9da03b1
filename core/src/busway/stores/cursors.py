"""How far each sink has read in each journal file."""

from __future__ import annotations

from collections.abc import Mapping

from busway.stores.process_database import ProcessDatabase

__all__ = ["Cursors"]


class Cursors:
    """Byte offsets by sink and file name; everything before one is settled."""

    def __init__(self, database: ProcessDatabase) -> None:
        self._database = database

    def of(self, sink: str) -> dict[str, int]:
        """File name to offset; a file not in it is at 0."""
        rows = self._database.rows("SELECT file, offset FROM cursors WHERE sink = ?", (sink,))
        return dict(rows)

    def advance(self, sink: str, offsets: Mapping[str, int]) -> None:
        """Moves cursors; forward only, so that a late writer cannot make a sink repeat what is settled."""
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT INTO cursors (sink, file, offset) VALUES (?, ?, ?) "
                "ON CONFLICT DO UPDATE SET offset = max(offset, excluded.offset)",
                [(sink, file, offset) for file, offset in offsets.items()],
            )

    def forget(self, file: str) -> None:
        """Drops the cursors of a file that is gone."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM cursors WHERE file = ?", (file,))
