"""A database that follows the process: a forked child gets a connection of its own."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from busway.stores.database import Database, open_database, transaction

__all__ = ["ProcessDatabase"]


class ProcessDatabase:
    """Opens ``path`` at first use, and again in a forked child: SQLite forbids using a connection across a fork."""

    def __init__(self, path: Path, migrations: Sequence[str]) -> None:
        self.path = path
        self._migrations = migrations
        self._opening = threading.Lock()
        self._database: Database | None = None
        self._inherited: list[Database] = []
        """The parent's, kept open: closing them in a child would disturb the files the parent works on."""
        self._pid = 0

    @property
    def connection(self) -> Database:
        """The connection of this process. Raises what :func:`open_database` raises."""
        if self._database is not None and self._pid == os.getpid():
            return self._database
        return self._open()

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """A write transaction; inside another one of the same thread it joins that one."""
        return transaction(self.connection)

    def snapshot(self) -> AbstractContextManager[sqlite3.Connection]:
        """A read transaction: every query of the block sees the same moment."""
        return transaction(self.connection, write=False)

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        connection = self.connection
        with connection.lock:
            return connection.execute(sql, values).fetchall()

    def close(self) -> None:
        """Closes this process's connection; the next use opens it again."""
        database = self._database
        if database is None:
            return
        if self._pid != os.getpid():
            self._inherited.append(database)
            self._database = None
            return
        with database.lock:  # closing under the hands of another thread would crash the interpreter
            database.close()
            self._database = None

    def _open(self) -> Database:
        with self._opening_lock():
            if self._database is None or self._pid != os.getpid():
                if self._database is not None:
                    self._inherited.append(self._database)
                self._database = open_database(self.path, self._migrations)
                self._pid = os.getpid()
            return self._database

    def _opening_lock(self) -> threading.Lock:
        if self._pid not in (0, os.getpid()):
            self._opening = threading.Lock()  # the parent's may have been held at the moment of the fork
        return self._opening
