"""Sets of target records by job: those Busway manages, and those it has deactivated."""

from __future__ import annotations

from collections.abc import Iterable

from busway.stores.process_database import ProcessDatabase

__all__ = ["RecordIds"]


class RecordIds:
    """Ids of target records by job, in one table. Many :meth:`add` calls belong into one ``store.transaction()``."""

    def __init__(self, database: ProcessDatabase, table: str) -> None:
        # The table's name comes from the store, never from outside; SQLite has no way to bind one.
        self._database = database
        self._insert = f"INSERT OR IGNORE INTO {table} VALUES (?, ?)"  # noqa: S608
        self._delete = f"DELETE FROM {table} WHERE job = ? AND target_id = ?"  # noqa: S608
        self._select = f"SELECT target_id FROM {table} WHERE job = ?"  # noqa: S608
        self._count = f"SELECT count(*) FROM {table} WHERE job = ?"  # noqa: S608

    def add(self, job: str, target_id: str) -> None:
        """Adds one record; again is nothing."""
        self.add_many(job, (target_id,))

    def add_many(self, job: str, target_ids: Iterable[str]) -> None:
        """Adds many records, in one transaction."""
        with self._database.transaction() as connection:
            connection.executemany(self._insert, [(job, target_id) for target_id in target_ids])

    def remove(self, job: str, target_id: str) -> bool:
        """Takes one out; False when it was not there."""
        with self._database.transaction() as connection:
            return connection.execute(self._delete, (job, target_id)).rowcount > 0

    def remove_many(self, job: str, target_ids: Iterable[str]) -> None:
        """Takes many out, in one transaction."""
        with self._database.transaction() as connection:
            connection.executemany(self._delete, [(job, target_id) for target_id in target_ids])

    def count(self, job: str) -> int:
        """How many a job has."""
        return int(self._database.rows(self._count, (job,))[0][0])

    def ids(self, job: str) -> frozenset[str]:
        """All ids of a job."""
        return frozenset(row[0] for row in self._database.rows(self._select, (job,)))
