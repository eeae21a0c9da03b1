"""Quotas between the processes of one host."""

from __future__ import annotations

from busway.contracts.clock import Clock
from busway.contracts.coordination import Quota
from busway.stores.process_database import ProcessDatabase
from busway.stores.quota_window import Drawn, check_quota, wait_ns

__all__ = ["LocalQuotas"]


class LocalQuotas:
    """A sliding window of the calls that were drawn: in no period are there more than the quota allows."""

    def __init__(self, database: ProcessDatabase, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def take(self, quota: Quota, count: int, use: str) -> float:
        """Draws the calls and returns 0.0, or the seconds after which to ask again. Raises BW3110."""
        check_quota(quota, count)
        with self._database.transaction() as connection:
            now_ns = self._clock.now_ns()
            since_ns = now_ns - round(quota.period_seconds * 1e9)
            drawn = self._window(quota.name, since_ns, now_ns)
            asking = self._demand(quota.name, use, since_ns, now_ns)
            wait = max(self._held_ns(quota, now_ns), wait_ns(drawn, quota, use, count, asking, now_ns))
            if wait == 0:
                rows = [(quota.name, use, now_ns)] * count
                connection.executemany("INSERT INTO quota_calls VALUES (?, ?, ?)", rows)
        return wait / 1e9

    def hold(self, quota: Quota, seconds: float) -> None:
        """Lets nobody draw for ``seconds``; a longer hold that stands already stays."""
        sql = (
            "INSERT INTO quota_holds VALUES (?, ?) "
            "ON CONFLICT (quota) DO UPDATE SET until_ns = max(until_ns, excluded.until_ns)"
        )
        with self._database.transaction() as connection:
            connection.execute(sql, (quota.name, self._clock.now_ns() + round(seconds * 1e9)))

    def _window(self, quota: str, since_ns: int, now_ns: int) -> list[Drawn]:
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM quota_calls WHERE quota = ? AND at_ns <= ?", (quota, since_ns))
            # The clock was set back: what was drawn "later than now" was drawn now at the latest.
            connection.execute(
                "UPDATE quota_calls SET at_ns = ? WHERE quota = ? AND at_ns > ?", (now_ns, quota, now_ns)
            )
            sql = "SELECT at_ns, use FROM quota_calls WHERE quota = ? ORDER BY at_ns"
            return connection.execute(sql, (quota,)).fetchall()

    def _demand(self, quota: str, use: str, since_ns: int, now_ns: int) -> set[str]:
        """The uses that asked within the last period; ``use`` asks now."""
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO quota_demands VALUES (?, ?, ?)", (quota, use, now_ns))
            sql = "SELECT use FROM quota_demands WHERE quota = ? AND at_ns > ?"
            return {row[0] for row in connection.execute(sql, (quota, since_ns))}

    def _held_ns(self, quota: Quota, now_ns: int) -> int:
        rows = self._database.rows("SELECT until_ns FROM quota_holds WHERE quota = ?", (quota.name,))
        return max(0, rows[0][0] - now_ns) if rows else 0
