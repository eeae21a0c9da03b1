"""The ledger, read: sessions, changes, errors and the latest events."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from busway.contracts.clock import Clock, SystemClock
from busway.errors import UsageError
from busway.events.ledger_catch_up import bring_up_to_date
from busway.events.ledger_rows import ChangeRow, ErrorRow, EventRow, SessionRow
from busway.events.ledger_schema import LEDGER_DB, LEDGER_MIGRATIONS
from busway.stores.process_database import ProcessDatabase

__all__ = ["Ledger", "bring_up_to_date"]

HOUR_NS = 3_600_000_000_000

_SESSIONS = """
SELECT s.session_id, s.name, s.correlation_id, s.state, s.started_ns, s.ended_ns, s.duration_seconds,
    coalesce(sum(e.operation = 'created'), 0), coalesce(sum(e.operation = 'updated'), 0),
    coalesce(sum(e.operation = 'deleted'), 0), coalesce(sum(e.category = 'skip'), 0),
    coalesce(sum(e.category = 'error'), 0)
FROM ({chosen}) AS s
LEFT JOIN events AS e ON e.session_id = s.session_id AND e.category IN ('change', 'skip', 'error')
GROUP BY s.session_id ORDER BY s.session_id DESC
"""


class Ledger:
    """History of one state folder, as far as it has been delivered; see :func:`bring_up_to_date`.

    Times are nanoseconds since the epoch. Every answer begins with the latest, except :meth:`tail`.
    """

    def __init__(self, state_dir: Path, clock: Clock | None = None) -> None:
        self._database = ProcessDatabase(state_dir / LEDGER_DB, LEDGER_MIGRATIONS)
        self._clock = clock or SystemClock()

    def sessions(self, limit: int = 20) -> list[SessionRow]:
        """The latest sessions with their counts."""
        sql = _SESSIONS.format(chosen="SELECT * FROM sessions ORDER BY session_id DESC LIMIT ?")
        return [SessionRow(*row) for row in self._rows(sql, (limit,))]

    def session(self, id_or_unique_prefix: str) -> SessionRow:
        """One session. Raises ``UsageError`` (BW3002) when none, or more than one, begins like that."""
        chosen = "SELECT * FROM sessions WHERE substr(session_id, 1, ?) = ? ORDER BY session_id DESC LIMIT 2"
        prefix = id_or_unique_prefix.strip().lower()
        rows = self._rows(_SESSIONS.format(chosen=chosen), (len(prefix), prefix)) if prefix else []
        if len(rows) != 1:
            raise UsageError(
                "BW3002",
                f"{'several sessions begin' if rows else 'no session begins'} with {prefix!r}",
                where=str(self._database.path),
                why="an id may be cut short, as long as only one session begins like that",
                fix="busway sessions list",
            )
        return SessionRow(*rows[0])

    def changes(
        self,
        hours: float | None = None,
        entity: str | None = None,
        operation: str | None = None,
        session: str | None = None,
        limit: int = 100,
    ) -> list[ChangeRow]:
        """Records created, updated or deleted; every given argument narrows the answer."""
        columns = "event_id, at_ns, operation, entity_type, entity_id, session_id, attributes"
        wanted = {"category": "change", "entity_type": entity, "operation": operation, "session_id": session}
        rows = self._select(columns, wanted, hours, limit)
        return [ChangeRow(*_decoded(row)) for row in rows]

    def errors(
        self,
        hours: float | None = None,
        entity: str | None = None,
        kind: str | None = None,
        session: str | None = None,
        limit: int = 100,
    ) -> list[ErrorRow]:
        """Errors; every given argument narrows the answer."""
        columns = (
            "event_id, at_ns, coalesce(error_kind, ''), coalesce(error_message, ''), coalesce(error_type, ''), "
            "coalesce(error_code, ''), entity_type, entity_id, session_id"
        )
        wanted = {"category": "error", "entity_type": entity, "error_kind": kind, "session_id": session}
        return [ErrorRow(*row) for row in self._select(columns, wanted, hours, limit)]

    def tail(self, n: int = 20) -> list[EventRow]:
        """The latest ``n`` events, oldest of them first."""
        columns = (
            "event_id, at_ns, severity, category, operation, entity_type, entity_id, session_id, "
            "error_kind, error_message, attributes"
        )
        rows = self._select(columns, {}, None, n)
        return [EventRow(*_decoded(row)) for row in reversed(rows)]

    def close(self) -> None:
        """Closes the database; the next question opens it again."""
        self._database.close()

    def _rows(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        # Reading creates nothing: before the first session there is no history, and no folder either.
        return self._database.rows(sql, values) if self._database.path.exists() else []

    def _select(
        self, columns: str, wanted: dict[str, str | None], hours: float | None, limit: int
    ) -> Sequence[tuple[Any, ...]]:
        given = {column: value for column, value in wanted.items() if value is not None}
        clauses, values = [f"{column} = ?" for column in given], list[Any](given.values())
        if hours is not None:
            clauses.append("at_ns >= ?")
            values.append(self._clock.now_ns() - int(hours * HOUR_NS))
        where = f"WHERE {' AND '.join(clauses)}" if clauses else ""
        # Column names come from this file; values are bound. Ids are UUIDv7, so their order is that of time.
        sql = f"SELECT {columns} FROM events {where} ORDER BY event_id DESC LIMIT ?"  # noqa: S608
        return self._rows(sql, (*values, limit))


def _decoded(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """The row with its last column, the attributes, as a dictionary."""
    return (*row[:-1], orjson.loads(row[-1]))
