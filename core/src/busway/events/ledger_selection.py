"""Which events of the ledger a question is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Selection"]

HOUR_NS = 3_600_000_000_000


@dataclass(frozen=True, slots=True)
class Selection:
    """Every field that is given narrows the answer."""

    hours: float | None = None
    """Only of the last so many."""
    category: str | None = None
    entity: str | None = None
    """Kind of record, such as ``employee``."""
    entity_id: str | None = None
    operation: str | None = None
    kind: str | None = None
    """Kind of error."""
    job: str | None = None
    session: str | None = None

    def where(self, now_ns: int) -> tuple[str, list[Any]]:
        """The condition in SQL, with its values. Column names come from this file; values are bound."""
        columns = {
            "category": self.category,
            "entity_type": self.entity,
            "entity_id": self.entity_id,
            "operation": self.operation,
            "error_kind": self.kind,
            "session_id": self.session,
        }
        given = {column: value for column, value in columns.items() if value is not None}
        clauses, values = [f"{column} = ?" for column in given], list[Any](given.values())
        if self.job is not None:
            clauses.append("session_id IN (SELECT session_id FROM sessions WHERE name = ?)")
            values.append(self.job)
        if self.hours is not None:
            clauses.append("at_ns >= ?")
            values.append(now_ns - int(self.hours * HOUR_NS))
        return " AND ".join(clauses) or "TRUE", values
