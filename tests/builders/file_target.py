"""A target in an SQLite file, which outlives the process that writes to it, and writes down every write."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from busway.contracts.records import Complete, Record

__all__ = ["FileTarget"]


class FileTarget:
    """People by number. A write is committed before it is answered.

    :param step: called before and after each commit; what it raises, or a kill in it, loses the answer.
    """

    def __init__(self, path: Path, step: Callable[[str], None] = lambda _: None) -> None:
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("CREATE TABLE IF NOT EXISTS people (id INTEGER PRIMARY KEY, record TEXT)")
        self._database.execute("CREATE TABLE IF NOT EXISTS writes (operation TEXT, id INTEGER, number TEXT)")
        self._step = step
        self._lock = threading.Lock()

    def read(self) -> Complete[Record]:
        return Complete(self._records())

    def find(self, number: str) -> Record | None:
        return next((record for record in self._records() if record["number"] == number), None)

    def create(self, record: Record) -> Record:
        return self._write("create", None, {"active": 1, **record})

    def change(self, operation: str, target_id: str, changes: Record) -> Record:
        row = self._database.execute("SELECT record FROM people WHERE id = ?", (int(target_id),)).fetchone()
        return self._write(operation, int(target_id), {**json.loads(row[0]), **changes})

    def writes(self) -> list[tuple[str, str, str]]:
        """Operation, id and number of every write that was committed."""
        rows = self._database.execute("SELECT operation, id, number FROM writes ORDER BY rowid")
        return [(operation, str(target_id), number) for operation, target_id, number in rows]

    def close(self) -> None:
        self._database.close()

    def _records(self) -> Iterator[Record]:
        with self._lock:
            rows = self._database.execute("SELECT id, record FROM people ORDER BY id").fetchall()
        for target_id, record in rows:
            yield {**json.loads(record), "id": str(target_id)}

    def _write(self, operation: str, target_id: int | None, record: Record) -> Record:
        self._step(f"target before {operation}")
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            sql = "INSERT OR REPLACE INTO people VALUES (?, ?)"
            new_id = self._database.execute(sql, (target_id, json.dumps(record))).lastrowid
            self._database.execute("INSERT INTO writes VALUES (?, ?, ?)", (operation, new_id, record["number"]))
            self._database.execute("COMMIT")
        self._step(f"target after {operation}")
        return {**record, "id": str(new_id)}
