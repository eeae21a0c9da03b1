"""``ledger.db``, which mends itself: a damaged file is set aside and made anew from the journals."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from busway.contracts.clock import Clock, SystemClock
from busway.contracts.events import Event
from busway.errors import ConfigurationError
from busway.events.event_codec import event_of
from busway.events.journal_reader import JournalFolder
from busway.events.ledger_route import ledger_route
from busway.events.ledger_schema import LEDGER_DB, LEDGER_MIGRATIONS
from busway.events.ledger_writer import insert_events
from busway.events.policy import EventPolicy
from busway.events.times import iso_time
from busway.stores.file_lock import file_lock
from busway.stores.process_database import ProcessDatabase, Values
from busway.stores.state import StateStore
from busway.stores.state_dir import JOURNAL, LOCKS

__all__ = ["LedgerDatabase", "Rebuilt"]

T = TypeVar("T")
DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
PARTS = ("", "-wal", "-shm")
BATCH = 2_000


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What became of a damaged ledger."""

    set_aside: Path
    events: int
    """How many the journals still had; older history is only in the file set aside."""

    def __str__(self) -> str:
        return (
            f"{LEDGER_DB} was damaged: it is kept as {self.set_aside.name}, and {self.events:,} events of the journals "
            "are in a new one; what is older is not"
        )


class LedgerDatabase:
    """Shared by threads and processes; opened at first use.

    Raises what :func:`busway.stores.database.open_database` raises (BW3101, BW3103, BW3104), and BW3102 only when the
    damaged file cannot be set aside.
    """

    def __init__(
        self,
        state_dir: Path,
        clock: Clock | None = None,
        on_rebuilt: Callable[[Rebuilt], None] | None = None,
        policy: EventPolicy | None = None,
    ) -> None:
        """
        :param on_rebuilt: called in the one process that rebuilt it.
        :param policy: has the route of the ledger, which a new one is filled by.
        """
        self.path = state_dir / LEDGER_DB
        self.policy = policy
        self._state_dir = state_dir
        self._clock = clock or SystemClock()
        self._on_rebuilt = on_rebuilt or (lambda rebuilt: None)
        self._database = ProcessDatabase(self.path, LEDGER_MIGRATIONS)
        self._inode: int | None = None

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """``work`` in one transaction. It may be called twice, the first time in a file that proves to be damaged."""
        return self._mended(lambda: self._transact(work))

    def rows(self, sql: str, values: Values = ()) -> list[tuple[Any, ...]]:
        """All rows of a query; none where there is no ledger yet: reading creates nothing."""
        if not self.path.exists():
            return []
        return self._mended(lambda: self._current().rows(sql, values))

    def close(self) -> None:
        """Closes it; the next use opens it again."""
        self._database.close()
        self._inode = None

    def _mended(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except (sqlite3.DatabaseError, ConfigurationError) as exc:
            if not _is_damage(exc):
                raise
            self._mend()
            return work()

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._current().transaction() as connection:
            return work(connection)

    def _current(self) -> ProcessDatabase:
        """The database of the file that has the name now: another process may have set ours aside."""
        inode = _inode(self.path)
        if self._inode is not None and inode != self._inode:
            self._renew()
        if self._inode is None:
            self._database.connection  # noqa: B018 - opens it, and creates the file
            self._inode = _inode(self.path)
        return self._database

    def _renew(self) -> None:
        self._database.close()
        self._database = ProcessDatabase(self.path, LEDGER_MIGRATIONS)
        self._inode = None

    def _mend(self) -> None:
        used = self._inode
        self._renew()
        with file_lock(self._state_dir / LOCKS / "ledger.lock"):
            # Somebody may have been faster: only the file that was met damaged, or is seen to be, is set aside.
            if _inode(self.path) != used and not _is_damaged(self.path):
                return
            aside = self._set_aside()
            rebuilt = Rebuilt(aside, self._rebuild())
        self._on_rebuilt(rebuilt)

    def _set_aside(self) -> Path:
        stamp = iso_time(self._clock.now_ns()).replace(":", "").replace("-", "").partition(".")[0]
        name, number = f"{LEDGER_DB}.damaged-{stamp}", 1
        while (self._state_dir / name).exists():
            number += 1
            name = f"{LEDGER_DB}.damaged-{stamp}-{number}"
        for part in reversed(PARTS):  # the file itself last: killed in between, the next one tries again
            source = self._state_dir / f"{LEDGER_DB}{part}"
            if source.exists():
                source.rename(self._state_dir / f"{name}{part}")
        return self._state_dir / name

    def _rebuild(self) -> int:
        """All that the journals hold for the ledger, delivered before or not: an event twice is the same as once."""
        count, events = 0, self._journalled()
        while batch := list(islice(events, BATCH)):
            count += self._insert(batch)
        return count

    def _journalled(self) -> Iterator[Event]:
        folder = JournalFolder(self._state_dir / JOURNAL)
        with closing(StateStore(self._state_dir)) as state:
            route = ledger_route(self.policy, state)
            for file in folder.files():
                for line in folder.lines(file):
                    try:
                        event = event_of(line.record or {})
                    except (KeyError, TypeError):
                        continue  # a damaged line is counted where it is delivered
                    if route.takes(event):
                        yield event

    def _insert(self, batch: list[Event]) -> int:
        return self._transact(lambda connection: insert_events(connection, batch))


def _is_damage(exc: Exception) -> bool:
    if isinstance(exc, ConfigurationError):
        return exc.code == "BW3102"
    return ((getattr(exc, "sqlite_errorcode", None) or 0) & 0xFF) in DAMAGED


def _is_damaged(path: Path) -> bool:
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)
        try:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok")
        finally:
            connection.close()
    except sqlite3.DatabaseError as exc:
        return _is_damage(exc)


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None
