"""Target records that Busway created or adopted, and may therefore deactivate."""

from __future__ import annotations

from collections.abc import Iterable

from busway.stores.process_database import ProcessDatabase

__all__ = ["ManagedRecords"]


class ManagedRecords:
    """Ids of managed target records by job. Many :meth:`add` calls belong into one ``store.transaction()``."""

    def __init__(self, database: ProcessDatabase) -> None:
        self._database = database

    def add(self, job: str, target_id: str) -> None:
        """Makes one record managed; again is nothing."""
        self.add_many(job, (target_id,))

    def add_many(self, job: str, target_ids: Iterable[str]) -> None:
        """Makes many records managed, in one transaction."""
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO managed_records VALUES (?, ?)", [(job, target_id) for target_id in target_ids]
            )

    def remove(self, job: str, target_id: str) -> bool:
        """Lets one go; False when it was not managed."""
        sql = "DELETE FROM managed_records WHERE job = ? AND target_id = ?"
        with self._database.transaction() as connection:
            return connection.execute(sql, (job, target_id)).rowcount > 0

    def ids(self, job: str) -> frozenset[str]:
        """All managed ids of a job."""
        rows = self._database.rows("SELECT target_id FROM managed_records WHERE job = ?", (job,))
        return frozenset(row[0] for row in rows)
