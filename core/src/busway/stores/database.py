"""Opens SQLite databases the way every store of the state folder uses them."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from busway.errors import BuswayError, ConfigurationError, UnreachableError
from busway.stores.file_lock import PRIVATE_FILE, file_lock

__all__ = ["Database", "Transaction", "open_database"]

BUSY_TIMEOUT_MS = 5000
DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


class Database(sqlite3.Connection):
    """A connection that threads share: whoever writes holds ``lock`` for the length of its transaction."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.lock = threading.RLock()
        self.path = Path()


def open_database(path: Path, migrations: Sequence[str]) -> Database:
    """Opens (or creates, mode 0600) the database at ``path`` and brings its schema up to date.

    :param migrations: SQL scripts; script *n* takes the schema from version *n* to *n + 1*. An existing file is
        copied to ``NAME.vN.bak`` before it is changed.
    :raises ConfigurationError: BW3101 written by a newer Busway, BW3102 damaged, BW3103 cannot be created or written.
    :raises UnreachableError: BW3104 another process kept it locked for 5 s.
    """
    try:
        return _opened(path, migrations)
    except (sqlite3.Error, OSError) as exc:
        raise _explained(path, exc) from exc


class Transaction:
    """A transaction (``BEGIN IMMEDIATE``) for a ``with``, rolled back when the block raises; an inner one joins it.

    A class, not a generator: every record of a run is accounted in a few of them.

    :param write: off for a block that only reads and wants to see one moment.
    :raises UnreachableError: BW3104 another process kept the database locked for 5 s.
    """

    __slots__ = ("_database", "_joined", "_write")

    def __init__(self, database: Database, *, write: bool = True) -> None:
        self._database = database
        self._write = write
        self._joined = False

    def __enter__(self) -> Database:
        database = self._database
        database.lock.acquire()
        try:
            self._joined = database.in_transaction
            if not self._joined:
                _begin(database, self._write)
        except BaseException:
            database.lock.release()
            raise
        return database

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if not self._joined:
                _end(self._database, good=error is None)
        finally:
            self._database.lock.release()


def _end(database: Database, *, good: bool) -> None:
    try:
        if good:
            database.execute("COMMIT")
    finally:
        # A commit that failed leaves the transaction open: whoever came next would join it and never commit.
        if database.in_transaction:
            database.execute("ROLLBACK")


def _begin(database: Database, write: bool) -> None:
    try:
        database.execute("BEGIN IMMEDIATE" if write else "BEGIN")
    except sqlite3.OperationalError as exc:
        raise _explained(database.path, exc) from exc


def _opened(path: Path, migrations: Sequence[str]) -> Database:
    _create(path)
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=Database)
    database.path = path
    try:
        database.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        database.execute("PRAGMA foreign_keys = ON")
        _set_up(database, path, migrations)
        database.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        database.close()
        raise
    return database


def _create(path: Path) -> None:
    """Makes the file, private, where there is none.

    One that is there is never opened and closed here: POSIX gives up every lock a process has on a file when it closes
    any descriptor of it. The database would lose those of its other connections, and another process that closes the
    file as if it were the last removes the log they go on writing to.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE))


def _set_up(database: Database, path: Path, migrations: Sequence[str]) -> None:
    mode = database.execute("PRAGMA journal_mode").fetchone()[0]
    if mode == "wal" and _version(database) == len(migrations):
        return
    # A lock file of our own, because switching to WAL does not wait for the busy time-out.
    with file_lock(path.with_name(f"{path.name}.lock")):
        database.execute("PRAGMA journal_mode = WAL")
        _migrate(database, path, migrations)


def _migrate(database: Database, path: Path, migrations: Sequence[str]) -> None:
    version = _version(database)
    if version > len(migrations):
        raise ConfigurationError(
            "BW3101",
            f"{path.name} was written by a newer version of Busway",
            where=str(path),
            why=f"its schema version is {version}; this version knows {len(migrations)}",
            fix="upgrade Busway, or point BUSWAY_STATE_DIR at another folder",
        )
    if 0 < version < len(migrations):
        _back_up(database, path.with_name(f"{path.name}.v{version}.bak"))
    with Transaction(database):
        for number in range(version, len(migrations)):
            for statement in _statements(migrations[number]):
                database.execute(statement)
        database.execute(f"PRAGMA user_version = {len(migrations)}")


def _version(database: Database) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def _back_up(database: Database, path: Path) -> None:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE_FILE))
    copy = sqlite3.connect(path)
    try:
        database.backup(copy)
    finally:
        copy.close()


def _statements(script: str) -> Iterator[str]:
    """The statements one by one: ``executescript`` would commit the transaction they have to be in."""
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
    if pending.strip():
        yield pending


def _explained(path: Path, exc: sqlite3.Error | OSError) -> BuswayError:
    primary = (getattr(exc, "sqlite_errorcode", None) or 0) & 0xFF
    if primary in DAMAGED:
        return ConfigurationError(
            "BW3102",
            f"{path.name} is damaged",
            where=str(path),
            why=str(exc),
            fix=f"move it away and start again: mv {path} {path}.damaged",
        )
    if primary in BUSY:
        return UnreachableError(
            "BW3104",
            f"{path.name} is locked by another process",
            where=str(path),
            why=f"waited {BUSY_TIMEOUT_MS // 1000} s",
            fix="see which process uses it: lsof " + str(path),
        )
    return ConfigurationError(
        "BW3103",
        f"{path.name} cannot be created or written",
        where=str(path.parent),
        why=str(exc),
        fix="make the folder writable for this user, or set BUSWAY_STATE_DIR to one that is",
    )
