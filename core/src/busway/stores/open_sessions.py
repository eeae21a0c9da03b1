"""Sessions that have started, so that a crashed one can be told from a running one."""

from __future__ import annotations

from dataclasses import dataclass

from busway.stores.process_database import ProcessDatabase

__all__ = ["OpenSession", "OpenSessions"]


@dataclass(frozen=True, slots=True)
class OpenSession:
    """One session without an end."""

    session_id: str
    name: str
    started_ns: int
    journal: str
    """Name of the journal file of its process at its start; empty when there was none yet."""
    presence: str = ""
    """Name of the presence of its process, which says whether that process lives; empty for one of an old schema."""
    correlation_id: str | None = None


class OpenSessions:
    """The sessions of all processes that use the state folder.

    A session that has ended keeps its row for a while: events of it may still be on their way, and which sinks are
    told of them depends on its name.
    """

    def __init__(self, database: ProcessDatabase) -> None:
        self._database = database

    def add(self, session: OpenSession) -> None:
        """Notes the start of a session."""
        row = (
            session.session_id,
            session.name,
            session.started_ns,
            session.journal,
            session.presence,
            session.correlation_id,
        )
        sql = (
            "INSERT OR REPLACE INTO open_sessions "
            "(session_id, name, started_ns, journal, presence, correlation_id) VALUES (?, ?, ?, ?, ?, ?)"
        )
        with self._database.transaction() as connection:
            connection.execute(sql, row)

    def remove(self, session_id: str, ended_ns: int = 0) -> bool:
        """Notes its end; False when somebody else did already.

        :param ended_ns: when, nanoseconds since the epoch; :meth:`forget` goes by it.
        """
        sql = "UPDATE open_sessions SET ended_ns = ? WHERE session_id = ? AND ended_ns IS NULL"
        with self._database.transaction() as connection:
            return connection.execute(sql, (ended_ns, session_id)).rowcount > 0

    def all(self) -> list[OpenSession]:
        """Every session without an end, oldest first."""
        sql = (
            "SELECT session_id, name, started_ns, journal, presence, correlation_id FROM open_sessions "
            "WHERE ended_ns IS NULL ORDER BY started_ns"
        )
        return [OpenSession(*row) for row in self._database.rows(sql)]

    def name_of(self, session_id: str) -> str | None:
        """The name of a session, open or ended; ``None`` when it is not known (any more)."""
        rows = self._database.rows("SELECT name FROM open_sessions WHERE session_id = ?", (session_id,))
        return str(rows[0][0]) if rows else None

    def forget(self, before_ns: int) -> None:
        """Drops the sessions that ended before then."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM open_sessions WHERE ended_ns < ?", (before_ns,))
