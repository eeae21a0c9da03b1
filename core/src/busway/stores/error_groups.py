"""Errors since the last digest, counted by kind and wording."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from busway.stores.process_database import ProcessDatabase

__all__ = ["ErrorGroup", "ErrorGroups"]


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """Errors that read the same once their numbers are taken out."""

    fingerprint: str
    kind: str
    message: str
    """The first one's wording, redacted."""
    entity_type: str | None
    count: int
    first_ns: int
    last_ns: int


class ErrorGroups:
    """The groups a digest is made of."""

    def __init__(self, database: ProcessDatabase) -> None:
        self._database = database

    def add(self, groups: Iterable[ErrorGroup]) -> None:
        """Merges ``groups`` into those counted so far."""
        rows = [(g.fingerprint, g.kind, g.message, g.entity_type, g.count, g.first_ns, g.last_ns) for g in groups]
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT INTO error_groups VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                "count = count + excluded.count, first_ns = min(first_ns, excluded.first_ns), "
                "last_ns = max(last_ns, excluded.last_ns)",
                rows,
            )

    def take(self) -> list[ErrorGroup]:
        """All groups, most frequent first; afterwards there are none."""
        with self._database.transaction() as connection:
            sql = "SELECT fingerprint, kind, message, entity_type, count, first_ns, last_ns FROM error_groups"
            rows = connection.execute(f"{sql} ORDER BY count DESC, first_ns").fetchall()
            connection.execute("DELETE FROM error_groups")
        return [ErrorGroup(*row) for row in rows]
