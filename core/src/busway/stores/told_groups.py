"""When each audience of digests was last told of an error group at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from busway.stores.state import StateStore

__all__ = ["Told", "ToldGroups"]


class Told(NamedTuple):
    """What one audience knows of one group."""

    at_ns: int
    """When it was told last."""
    counted: int
    """How many errors of this digest's period it knew of then."""
    messages: int
    """How often it was told at once in this period."""


class ToldGroups:
    """Kept across digests: a group that goes on is told again only after the repeat interval of the route."""

    def __init__(self, state: StateStore) -> None:
        self._state = state

    def of(self, audience: str) -> dict[str, Told]:
        """By fingerprint."""
        sql = "SELECT fingerprint, at_ns, counted, messages FROM told_groups WHERE audience = ?"
        with self._state.snapshot() as connection:
            return {row[0]: Told(*row[1:]) for row in connection.execute(sql, (audience,))}

    def tell(self, audience: str, counted: Iterable[tuple[str, int]], at_ns: int, *, message: bool) -> None:
        """Notes that ``audience`` was told of groups (fingerprint and count); ``message``: at once, by one message."""
        rows = [(audience, fingerprint, at_ns, count, int(message)) for fingerprint, count in counted]
        with self._state.transaction() as connection:
            connection.executemany(
                "INSERT INTO told_groups VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                "at_ns = excluded.at_ns, counted = excluded.counted, messages = messages + excluded.messages",
                rows,
            )

    def begin_period(self, forget_before_ns: int) -> None:
        """The groups were summed up and count from nothing; forgets what was told before ``forget_before_ns``."""
        with self._state.transaction() as connection:
            connection.execute("DELETE FROM told_groups WHERE at_ns < ?", (forget_before_ns,))
            connection.execute("UPDATE told_groups SET counted = 0, messages = 0")

    def not_after(self, now_ns: int) -> None:
        """Moves what was told "later" than now to now: the clock was set back, and an interval must still end."""
        with self._state.transaction() as connection:
            connection.execute("UPDATE told_groups SET at_ns = ? WHERE at_ns > ?", (now_ns, now_ns))
