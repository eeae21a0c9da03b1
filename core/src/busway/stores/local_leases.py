"""Leases between the processes of one host."""

from __future__ import annotations

from busway.contracts.clock import Clock
from busway.contracts.coordination import Lease
from busway.stores.presence import Presence
from busway.stores.process_database import ProcessDatabase

__all__ = ["LocalLeases"]

_Row = tuple[int, str, str, int, int, int]


class LocalLeases:
    """A lease ends when it is released, when its time is over, and at once when its process is gone."""

    def __init__(self, database: ProcessDatabase, presence: Presence, clock: Clock) -> None:
        self._database = database
        self._presence = presence
        self._clock = clock

    def acquire(self, name: str, holder: str, seconds: float) -> Lease | None:
        """Takes the lease; ``None`` when somebody has it."""
        presence = self._presence.name()
        with self._database.transaction():
            row, now_ns = self._row(name), self._clock.now_ns()
            if row is not None and self._is_held(name, row, now_ns):
                return None
            token = (row[0] if row else 0) + 1
            return self._grant(name, token, holder, presence, now_ns, now_ns, seconds)

    def renew(self, lease: Lease, seconds: float) -> Lease | None:
        """Extends it from now on; ``None`` when it was replaced or released. One whose time was over, and that nobody
        took meanwhile, is ours again."""
        with self._database.transaction():
            row = self._row(lease.name)
            if row is None or row[0] != lease.token or not row[2]:
                return None
            return self._grant(lease.name, lease.token, row[1], row[2], lease.since_ns, self._clock.now_ns(), seconds)

    def release(self, lease: Lease) -> bool:
        """Gives it back. The row stays, for its token."""
        sql = "UPDATE leases SET presence = '', expires_ns = 0 WHERE name = ? AND token = ? AND presence <> ''"
        with self._database.transaction() as connection:
            return connection.execute(sql, (lease.name, lease.token)).rowcount > 0

    def current(self, name: str) -> Lease | None:
        """Who holds it now."""
        with self._database.transaction():
            row = self._row(name)
            if row is None or not self._is_held(name, row, self._clock.now_ns()):
                return None
        token, holder, _, since_ns, expires_ns, _ = row
        return Lease(name, token, holder, since_ns, expires_ns)

    def _row(self, name: str) -> _Row | None:
        sql = "SELECT token, holder, presence, since_ns, expires_ns, granted_ns FROM leases WHERE name = ?"
        rows = self._database.rows(sql, (name,))
        return rows[0] if rows else None

    def _is_held(self, name: str, row: _Row, now_ns: int) -> bool:
        _, _, presence, _, expires_ns, granted_ns = row
        if not presence or not self._presence.lives(presence):
            return False
        if expires_ns - now_ns > granted_ns:
            # The clock was set back: without this the lease would last longer by as much.
            expires_ns = now_ns + granted_ns
            with self._database.transaction() as connection:
                connection.execute("UPDATE leases SET expires_ns = ? WHERE name = ?", (expires_ns, name))
        return now_ns < expires_ns

    def _grant(
        self, name: str, token: int, holder: str, presence: str, since_ns: int, now_ns: int, seconds: float
    ) -> Lease:
        granted_ns = round(seconds * 1e9)
        row = (name, token, holder, presence, since_ns, now_ns + granted_ns, granted_ns)
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        return Lease(name, token, holder, since_ns, now_ns + granted_ns)
