"""Quotas between the processes of one host."""

from __future__ import annotations

from contextlib import closing

from busway.contracts.clock import Clock
from busway.contracts.coordination import Quota, QuotaUse
from busway.stores.process_database import ProcessDatabase
from busway.stores.quota_window import check_quota, wait_ns

__all__ = ["LocalQuotas"]

OLDEST_FIRST = "SELECT at_ns, use FROM quota_calls WHERE quota = ? ORDER BY at_ns"


class LocalQuotas:
    """A sliding window of the calls that were drawn: in no period are there more than the quota allows.

    By the wall clock, which processes share and a restart of the host does not begin anew. When it is set back, what
    was noted "later than now" counts as noted now: windows, shares and holds get no longer than they are.
    """

    def __init__(self, database: ProcessDatabase, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def take(self, quota: Quota, count: int, use: str) -> float:
        """Draws the calls and returns 0.0, or the seconds after which to ask again. Raises BW3110."""
        check_quota(quota, count)
        with self._database.transaction() as connection:
            now_ns = self._clock.now_ns()
            since_ns = now_ns - self._period_ns(quota)
            self._forget(quota.name, since_ns, now_ns)
            asking = self._demand(quota.name, use, since_ns, now_ns)
            sums = self._sums(quota.name)
            with closing(connection.execute(OLDEST_FIRST, (quota.name,))) as calls:
                wait = wait_ns(sums, calls, quota, use, count, asking, now_ns)
            wait = max(wait, self._held_ns(quota.name, now_ns))
            if wait == 0:
                connection.executemany("INSERT INTO quota_calls VALUES (?, ?, ?)", [(quota.name, use, now_ns)] * count)
                self._add(quota.name, use, count)
        return wait / 1e9

    def hold(self, quota: Quota, seconds: float) -> None:
        """Lets nobody draw for ``seconds``; a longer hold that stands already stays."""
        with self._database.transaction() as connection:
            now_ns = self._clock.now_ns()
            length_ns = max(round(seconds * 1e9), self._held_ns(quota.name, now_ns))
            row = (quota.name, now_ns + length_ns, length_ns)
            connection.execute("INSERT OR REPLACE INTO quota_holds VALUES (?, ?, ?)", row)

    def in_use(self) -> list[QuotaUse]:
        """How far each quota is drawn from that anybody uses now, by name."""
        with self._database.snapshot() as connection:
            now_ns = self._clock.now_ns()
            known = connection.execute("SELECT name, calls, period_ns FROM quotas ORDER BY name").fetchall()
            found = [self._use_of(name, calls, period_ns, now_ns) for name, calls, period_ns in known]
        return [one for one in found if one is not None]

    def _use_of(self, name: str, calls: int, period_ns: int, now_ns: int) -> QuotaUse | None:
        since_ns = now_ns - period_ns
        sql = "SELECT use, count(*) FROM quota_calls WHERE quota = ? AND at_ns > ? GROUP BY use ORDER BY use"
        drawn = dict(self._database.rows(sql, (name, since_ns)))
        asked = self._database.rows("SELECT 1 FROM quota_demands WHERE quota = ? AND at_ns > ?", (name, since_ns))
        until_ns, length_ns = self._hold(name)
        held_ns = max(0, min(until_ns - now_ns, length_ns))
        if not drawn and not asked and not held_ns:
            return None
        return QuotaUse(name, calls, period_ns / 1e9, drawn, held_ns / 1e9)

    def _period_ns(self, quota: Quota) -> int:
        """The period of ``quota``, whose limit is noted for whoever looks."""
        period_ns = round(quota.period_seconds * 1e9)
        row = (quota.name, quota.calls, period_ns)
        if not self._database.rows("SELECT 1 FROM quotas WHERE name = ? AND calls = ? AND period_ns = ?", row):
            with self._database.transaction() as connection:
                connection.execute("INSERT OR REPLACE INTO quotas VALUES (?, ?, ?)", row)
        return period_ns

    def _forget(self, quota: str, since_ns: int, now_ns: int) -> None:
        """Drops the calls that are older than a period."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE quota_calls SET at_ns = ? WHERE quota = ? AND at_ns > ?", (now_ns, quota, now_ns)
            )
            # Without RETURNING, which the SQLite of some systems does not know yet.
            sql = "SELECT use, count(*) FROM quota_calls WHERE quota = ? AND at_ns <= ? GROUP BY use"
            gone = self._database.rows(sql, (quota, since_ns))
            if gone:
                connection.execute("DELETE FROM quota_calls WHERE quota = ? AND at_ns <= ?", (quota, since_ns))
            for use, count in gone:
                self._add(quota, use, -count)

    def _add(self, quota: str, use: str, count: int) -> None:
        """Sums are kept beside the calls: to count a window of ten thousand takes 10 ms and more."""
        sql = (
            "INSERT INTO quota_sums VALUES (?, ?, ?) "
            "ON CONFLICT (quota, use) DO UPDATE SET calls = calls + excluded.calls"
        )
        with self._database.transaction() as connection:
            connection.execute(sql, (quota, use, count))

    def _sums(self, quota: str) -> dict[str, int]:
        return dict(self._database.rows("SELECT use, calls FROM quota_sums WHERE quota = ? AND calls > 0", (quota,)))

    def _demand(self, quota: str, use: str, since_ns: int, now_ns: int) -> set[str]:
        """The uses that asked within the last period; ``use`` asks now."""
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO quota_demands VALUES (?, ?, ?)", (quota, use, now_ns))
            connection.execute(
                "UPDATE quota_demands SET at_ns = ? WHERE quota = ? AND at_ns > ?", (now_ns, quota, now_ns)
            )
            sql = "SELECT use FROM quota_demands WHERE quota = ? AND at_ns > ?"
            return {row[0] for row in connection.execute(sql, (quota, since_ns))}

    def _held_ns(self, quota: str, now_ns: int) -> int:
        until_ns, length_ns = self._hold(quota)
        if until_ns - now_ns > length_ns:
            until_ns = now_ns + length_ns
            with self._database.transaction() as connection:
                connection.execute("UPDATE quota_holds SET until_ns = ? WHERE quota = ?", (until_ns, quota))
        return max(0, until_ns - now_ns)

    def _hold(self, quota: str) -> tuple[int, int]:
        """Until when it is held, and how long the hold was when it began."""
        rows = self._database.rows("SELECT until_ns, length_ns FROM quota_holds WHERE quota = ?", (quota,))
        return rows[0] if rows else (0, 0)
