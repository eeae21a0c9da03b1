"""A database that follows the process: a forked child gets a connection of its own."""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from busway.stores.database import Database, Transaction, open_database

__all__ = ["ProcessDatabase", "Values"]

Values = Sequence[Any] | Mapping[str, Any]
"""For ``?``, or by name for ``:name``. Numbered ones with a sequence are on their way out of ``sqlite3``."""

FORK_SECONDS = 0.5
"""How long a fork waits for one database to be at rest."""

_databases: weakref.WeakSet[ProcessDatabase] = weakref.WeakSet()
_at_rest = ExitStack()


class ProcessDatabase:
    """Opens ``path`` at first use, and again in a forked child: SQLite forbids using a connection across a fork.

    Once closed, whoever still uses it gets a connection for the length of that use: a thread that comes late writes
    down what it did, and leaves nothing open.
    """

    def __init__(self, path: Path, migrations: Sequence[str]) -> None:
        self.path = path
        self._migrations = migrations
        self._opening = threading.Lock()
        self._opening_pid = os.getpid()
        self._database: Database | None = None
        self._inherited: list[Database] = []
        """The parent's, kept open: closing them in a child would disturb the files the parent works on."""
        self._pid = 0
        self._closed = False
        self._counting = threading.Lock()
        self._counting_pid = os.getpid()
        self._uses = 0
        """How many are in hand."""
        _databases.add(self)

    @property
    def connection(self) -> Database:
        """The connection of this process. Raises what :func:`open_database` raises."""
        if self._database is not None and self._pid == os.getpid():
            return self._database
        return self._open()

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """A write transaction; inside another one of the same thread it joins that one."""
        return _Use(self, write=True)

    def snapshot(self) -> AbstractContextManager[sqlite3.Connection]:
        """A read transaction: every query of the block sees the same moment."""
        return _Use(self, write=False)

    def rows(self, sql: str, values: Values = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        connection = self._begin_use()
        try:
            with connection.lock:
                return connection.execute(sql, values).fetchall()
        finally:
            self._end_use()

    def close(self) -> None:
        """Closes this process's connection, or lets the uses in hand do so at their end."""
        with self._counter():
            self._closed = True
            if not self._uses:
                self._close()

    def _begin_use(self) -> Database:
        """The connection, never closed before :meth:`_end_use`."""
        with self._counter():
            self._uses += 1
        try:
            return self.connection
        except BaseException:
            self._end_use()
            raise

    def _end_use(self) -> None:
        with self._counter():
            self._uses -= 1
            if self._closed and not self._uses:
                self._close()

    def _counter(self) -> threading.Lock:
        if self._counting_pid != os.getpid():
            # Of the parent's uses none goes on here, and its lock may have been held at the moment of the fork.
            self._counting, self._uses, self._counting_pid = threading.Lock(), 0, os.getpid()
        return self._counting

    def _close(self) -> None:
        database, self._database = self._database, None
        if database is None:
            return
        if self._pid != os.getpid():
            self._inherited.append(database)
            return
        database.close()

    def _open(self) -> Database:
        with self._opening_lock():
            if self._database is None or self._pid != os.getpid():
                if self._database is not None:
                    self._inherited.append(self._database)
                self._database = open_database(self.path, self._migrations)
                self._pid = os.getpid()
            return self._database

    def _opening_lock(self) -> threading.Lock:
        if self._opening_pid != os.getpid():
            # The parent's may have been held at the moment of the fork, also by who was opening it for the first time.
            self._opening, self._opening_pid = threading.Lock(), os.getpid()
        return self._opening

    def _locks(self) -> Iterator[threading.Lock | threading.RLock]:
        yield self._opening
        if self._database is not None and self._pid == os.getpid():
            yield self._database.lock


class _Use:
    """A transaction on the connection of a :class:`ProcessDatabase`."""

    __slots__ = ("_owner", "_transaction", "_write")

    def __init__(self, owner: ProcessDatabase, *, write: bool) -> None:
        self._owner = owner
        self._write = write

    def __enter__(self) -> sqlite3.Connection:
        self._transaction = Transaction(self._owner._begin_use(), write=self._write)
        try:
            return self._transaction.__enter__()
        except BaseException:
            self._owner._end_use()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._transaction.__exit__(kind, error, trace)
        finally:
            self._owner._end_use()


def _before_fork() -> None:
    """No thread may be inside SQLite while the process is copied: the copy would hold its locks, and for ever."""
    for database in list(_databases):
        for lock in database._locks():
            if lock.acquire(timeout=FORK_SECONDS):
                _at_rest.callback(lock.release)


def _after_fork_in_child() -> None:
    _at_rest.pop_all()  # a child opens its own, with locks of its own


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_at_rest.close, after_in_child=_after_fork_in_child)
