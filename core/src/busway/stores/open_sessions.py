"""Sessions that have started and not ended, so that a crashed one can be told from a running one."""

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
    """Name of the journal file of its process, whose lock says whether that process lives."""


class OpenSessions:
    """The sessions of all processes that use the state folder."""

    def __init__(self, database: ProcessDatabase) -> None:
        self._database = database

    def add(self, session: OpenSession) -> None:
        """Notes the start of a session."""
        row = (session.session_id, session.name, session.started_ns, session.journal)
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO open_sessions VALUES (?, ?, ?, ?)", row)

    def remove(self, session_id: str) -> bool:
        """Notes its end; False when somebody else did already."""
        with self._database.transaction() as connection:
            return connection.execute("DELETE FROM open_sessions WHERE session_id = ?", (session_id,)).rowcount > 0

    def all(self) -> list[OpenSession]:
        """Every session without an end, oldest first."""
        sql = "SELECT session_id, name, started_ns, journal FROM open_sessions ORDER BY started_ns"
        return [OpenSession(*row) for row in self._database.rows(sql)]
