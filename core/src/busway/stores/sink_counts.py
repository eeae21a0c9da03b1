"""What became of events, counted per sink and journal file."""

from __future__ import annotations

from collections.abc import Mapping

from busway.stores.process_database import ProcessDatabase

__all__ = ["SinkCounts"]

CLOSED = ""
"""In place of a file name: the sum over files that are gone."""


class SinkCounts:
    """Counts by outcome: ``delivered``, ``dead``, ``dropped:REASON``, and ``emitted`` for files that are gone."""

    def __init__(self, database: ProcessDatabase) -> None:
        self._database = database

    def add(self, sink: str, file: str, counts: Mapping[str, int]) -> None:
        """Adds to the counts of one file."""
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT INTO sink_counts (sink, file, outcome, count) VALUES (?, ?, ?, ?) "
                "ON CONFLICT DO UPDATE SET count = count + excluded.count",
                [(sink, file, outcome, count) for outcome, count in counts.items() if count],
            )

    def of(self, sink: str) -> dict[str, int]:
        """Outcome to count, over all files."""
        sql = "SELECT outcome, sum(count) FROM sink_counts WHERE sink = ? GROUP BY outcome"
        return {outcome: int(count) for outcome, count in self._database.rows(sql, (sink,))}

    def close_file(self, file: str, emitted: Mapping[str, int]) -> None:
        """Folds a file that is about to be deleted into the sum; ``emitted`` is what it held for each sink."""
        with self._database.transaction() as connection:
            sql = "SELECT sink, outcome, count FROM sink_counts WHERE file = ?"
            rows = connection.execute(sql, (file,)).fetchall()
            connection.execute("DELETE FROM sink_counts WHERE file = ?", (file,))
            for sink, outcome, count in rows:
                if sink in emitted:  # a sink no longer selected keeps no books
                    self.add(sink, CLOSED, {outcome: count})
            for sink, count in emitted.items():
                self.add(sink, CLOSED, {"emitted": count})
