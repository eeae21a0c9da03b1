"""The ledger, read: sessions, changes, errors and the latest events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from busway.contracts.clock import Clock, SystemClock
from busway.errors import UsageError
from busway.events.ledger_catch_up import bring_up_to_date
from busway.events.ledger_database import LedgerDatabase, Rebuilt
from busway.events.ledger_news import tell_rebuilt
from busway.events.ledger_rows import ChangeRow, ErrorRow, EventRow, SessionRow
from busway.events.ledger_selection import HOUR_NS, Selection
from busway.events.policy import EventPolicy

__all__ = ["Ledger", "Selection", "bring_up_to_date"]

PAGE = 1_000

_SESSIONS = """
SELECT s.session_id, s.name, s.correlation_id, s.state, s.started_ns, s.ended_ns, s.duration_seconds,
    coalesce(sum(e.operation = 'created'), 0), coalesce(sum(e.operation = 'updated'), 0),
    coalesce(sum(e.operation = 'deleted'), 0), coalesce(sum(e.category = 'skip'), 0),
    coalesce(sum(e.category = 'error'), 0)
FROM ({chosen}) AS s
LEFT JOIN events AS e ON e.session_id = s.session_id AND e.category IN ('change', 'skip', 'error')
GROUP BY s.session_id ORDER BY s.session_id DESC
"""
_CHOSEN = """
SELECT * FROM sessions WHERE (:job IS NULL OR name = :job) AND (:after IS NULL OR started_ns >= :after)
AND ((:entity IS NULL AND :operation IS NULL) OR EXISTS (
    SELECT 1 FROM events WHERE events.session_id = sessions.session_id
    AND (:entity IS NULL OR entity_type = :entity) AND (:operation IS NULL OR operation = :operation)
)) ORDER BY session_id DESC LIMIT :limit
"""
_JOB = "(SELECT name FROM sessions WHERE sessions.session_id = events.session_id)"
_CHANGE = f"event_id, at_ns, operation, entity_type, entity_id, session_id, {_JOB}, attributes"
_ERROR = (
    "event_id, at_ns, coalesce(error_kind, ''), coalesce(error_message, ''), coalesce(error_type, ''), "
    f"coalesce(error_code, ''), entity_type, entity_id, session_id, {_JOB}"
)
_EVENT = (
    "event_id, at_ns, severity, category, operation, entity_type, entity_id, session_id, "
    f"error_kind, error_message, error_code, {_JOB}, attributes"
)


class Ledger:
    """History of one state folder, as far as it has been delivered; see :func:`bring_up_to_date`.

    Times are nanoseconds since the epoch. Every answer begins with the latest, except :meth:`tail` and :meth:`each`.
    """

    def __init__(self, state_dir: Path, clock: Clock | None = None, policy: EventPolicy | None = None) -> None:
        """
        :param policy: has the route of the ledger, for the case that it has to be made anew.
        """
        self._clock = clock or SystemClock()
        self._state_dir = state_dir
        self._database = LedgerDatabase(state_dir, self._clock, self._note, policy)
        self.notices: list[str] = []
        """What a person who reads should know: that the file was damaged and what became of it."""

    def sessions(
        self,
        limit: int = 20,
        *,
        hours: float | None = None,
        job: str | None = None,
        entity: str | None = None,
        operation: str | None = None,
    ) -> list[SessionRow]:
        """The latest sessions with all their counts; of one job, of the last so many hours, and of those that had to do
        with one kind of record, or changed any in one way."""
        after = None if hours is None else self._clock.now_ns() - int(hours * HOUR_NS)
        values = {"job": job, "after": after, "limit": limit, "entity": entity, "operation": operation}
        return [SessionRow(*row) for row in self._database.rows(_SESSIONS.format(chosen=_CHOSEN), values)]

    def session(self, id_or_unique_prefix: str) -> SessionRow:
        """One session. Raises ``UsageError`` (BW3002) when none, or more than one, begins like that."""
        chosen = "SELECT * FROM sessions WHERE substr(session_id, 1, ?) = ? ORDER BY session_id DESC LIMIT 2"
        prefix = id_or_unique_prefix.strip().lower()
        sql = _SESSIONS.format(chosen=chosen)
        rows = self._database.rows(sql, (len(prefix), prefix)) if prefix else []
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
        *,
        entity_id: str | None = None,
        job: str | None = None,
    ) -> list[ChangeRow]:
        """Records created, updated or deleted; every given argument narrows the answer."""
        wanted = Selection(hours, "change", entity, entity_id, operation, job=job, session=session)
        return [ChangeRow(*_decoded(row)) for row in self._latest(_CHANGE, wanted, limit)]

    def errors(
        self,
        hours: float | None = None,
        entity: str | None = None,
        kind: str | None = None,
        session: str | None = None,
        limit: int = 100,
        *,
        entity_id: str | None = None,
        job: str | None = None,
    ) -> list[ErrorRow]:
        """Errors; every given argument narrows the answer."""
        wanted = Selection(hours, "error", entity, entity_id, kind=kind, job=job, session=session)
        return [ErrorRow(*row) for row in self._latest(_ERROR, wanted, limit)]

    def tail(self, n: int = 20, wanted: Selection | None = None) -> list[EventRow]:
        """The latest ``n`` events that are wanted, oldest of them first."""
        rows = self._latest(_EVENT, wanted or Selection(), n)
        return [EventRow(*_decoded(row)) for row in reversed(rows)]

    def each(self, wanted: Selection) -> Iterator[EventRow]:
        """Every event that is wanted, oldest first. It reads a page at a time: a history may not fit into memory."""
        where, values = wanted.where(self._clock.now_ns())
        after = ""
        while True:
            sql = f"SELECT {_EVENT} FROM events WHERE {where} AND event_id > ? ORDER BY event_id LIMIT ?"  # noqa: S608
            rows = self._database.rows(sql, (*values, after, PAGE))
            yield from (EventRow(*_decoded(row)) for row in rows)
            if len(rows) < PAGE:
                return
            after = rows[-1][0]

    def close(self) -> None:
        """Closes the database; the next question opens it again."""
        self._database.close()

    def _latest(self, columns: str, wanted: Selection, limit: int) -> Sequence[tuple[Any, ...]]:
        where, values = wanted.where(self._clock.now_ns())
        # Ids are UUIDv7, so their order is that of time.
        sql = f"SELECT {columns} FROM events WHERE {where} ORDER BY event_id DESC LIMIT ?"  # noqa: S608
        return self._database.rows(sql, (*values, limit))

    def _note(self, rebuilt: Rebuilt) -> None:
        self.notices.append(str(rebuilt))
        tell_rebuilt(self._state_dir, self._clock, rebuilt)


def _decoded(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """The row with its last column, the attributes, as a dictionary."""
    return (*row[:-1], orjson.loads(row[-1]))
