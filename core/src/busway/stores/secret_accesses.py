"""Who was given which secret, from where and when; never a value."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from busway.stores.state import StateStore

__all__ = ["SecretAccess", "SecretAccessStore"]

KEPT_NS = 90 * 24 * 3600 * 10**9
MAX_ROWS = 100_000
_COLUMNS = "name, source, version, reader, at_ns, outcome, count"


@dataclass(frozen=True, slots=True)
class SecretAccess:
    """One question for a secret, or several equal ones of a name in a row."""

    name: str
    source: str
    """The source that answered or failed; empty when no layer has the name."""
    version: str
    """What the source calls the version of the value; empty when it does not tell."""
    reader: str
    """Who asked: the distribution that owns the setting, or the module that called."""
    at_ns: int
    """When, nanoseconds since the epoch; for several the last one."""
    outcome: Literal["fetched", "refreshed", "stale", "missing", "failed"]
    count: int = 1


class SecretAccessStore:
    """The accesses in ``state.db``: of the last 90 days, and at most 100,000 rows.

    Methods raise what :class:`busway.stores.state.StateStore` raises (BW3101 to BW3104).

    :param now_ns: tells the time that the 90 days are reckoned from.
    """

    def __init__(
        self, state: StateStore, *, now_ns: Callable[[], int] = time.time_ns, max_rows: int = MAX_ROWS
    ) -> None:
        self._state = state
        self._now_ns = now_ns
        self._max_rows = max_rows

    def add(self, entries: Iterable[SecretAccess]) -> None:
        """Keeps ``entries``, and drops what is too old or too much."""
        rows = [astuple(entry) for entry in entries]
        if not rows:
            return
        with self._state.transaction() as connection:
            connection.executemany(f"INSERT INTO secret_accesses ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)", rows)  # noqa: S608 - constants
            connection.execute("DELETE FROM secret_accesses WHERE at_ns < ?", (self._now_ns() - KEPT_NS,))
            connection.execute(
                "DELETE FROM secret_accesses WHERE id IN (SELECT id FROM secret_accesses ORDER BY at_ns, id "
                "LIMIT max(0, (SELECT count(*) FROM secret_accesses) - ?))",
                (self._max_rows,),
            )

    def since(self, at_ns: int, name: str | None = None) -> list[SecretAccess]:
        """Those at or after ``at_ns`` (nanoseconds since the epoch), of one name or of all, oldest first."""
        sql = f"SELECT {_COLUMNS} FROM secret_accesses WHERE at_ns >= ? AND (? IS NULL OR name = ?) ORDER BY at_ns, id"  # noqa: S608 - constants
        with self._state.snapshot() as connection:
            return [SecretAccess(*row) for row in connection.execute(sql, (at_ns, name, name))]
