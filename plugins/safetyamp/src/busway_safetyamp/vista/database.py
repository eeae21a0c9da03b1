"""The connection to Vista: one engine per process, and errors that never show the address's password."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc

from busway.contracts.settings import Secret
from busway.errors import BuswayError, ConfigurationError, RefusedError, UnreachableError

__all__ = ["VistaDatabase"]

CONNECT_TIMEOUT = 15
QUERY_TIMEOUT = 120
_CONNECT_ARGS: dict[str, dict[str, Any]] = {
    "pysqlite": {"timeout": CONNECT_TIMEOUT},
    "pyodbc": {"timeout": CONNECT_TIMEOUT},
    "pymssql": {"login_timeout": CONNECT_TIMEOUT, "timeout": QUERY_TIMEOUT},
}
_SQLSTATE = re.compile(r"[0-9A-Z]{5}")


class VistaDatabase:
    """Opens connections to the database behind ``VISTA_URL``. Nothing is opened before the first one is asked for.

    :param root: folder that a relative SQLite file is relative to.
    """

    def __init__(self, url: Secret, root: Path) -> None:
        self._url = url
        self._root = root
        self._lock = threading.Lock()
        self._engine: sa.Engine | None = None

    @contextmanager
    def connection(self) -> Iterator[sa.Connection]:
        """A connection for reading.

        Raises ``UnreachableError`` (BW5105), ``RefusedError`` (BW5007) and ``ConfigurationError`` (BW5107).
        """
        engine = self._opened()
        try:
            with engine.connect() as connection:
                yield connection
        except exc.ProgrammingError as error:
            raise _refused(engine.url, error) from None
        except exc.SQLAlchemyError as error:
            # `from None`: the driver's own text may name the user and the server, and a traceback would print it.
            raise _unreachable(engine.url, error) from None

    def close(self) -> None:
        """Closes the pool."""
        with self._lock:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None

    def _opened(self) -> sa.Engine:
        with self._lock:
            if self._engine is None:
                self._engine = self._open()
            _expect_file(self._engine.url)
            return self._engine

    def _open(self) -> sa.Engine:
        try:
            url = _rooted(sa.make_url(self._url.get_secret_value()), self._root)
            arguments = _CONNECT_ARGS.get(url.get_driver_name(), {})
            if url.get_backend_name() == "sqlite":
                return sa.create_engine(url, poolclass=sa.NullPool, connect_args=arguments, hide_parameters=True)
            engine = sa.create_engine(
                url, pool_pre_ping=True, pool_recycle=3600, connect_args=arguments, hide_parameters=True
            )
        except (exc.ArgumentError, ImportError, ValueError) as error:
            raise _unusable(error) from None
        if url.get_driver_name() == "pyodbc":
            event.listen(engine, "connect", _limit_queries)
        return engine


def _limit_queries(connection: Any, record: object) -> None:
    connection.timeout = QUERY_TIMEOUT


def _rooted(url: sa.URL, root: Path) -> sa.URL:
    if not _is_file(url):
        return url
    return url.set(database=str(root / str(url.database)))


def _is_file(url: sa.URL) -> bool:
    name = url.database or ""
    return url.get_backend_name() == "sqlite" and name not in ("", ":memory:") and not name.startswith("file:")


def _expect_file(url: sa.URL) -> None:
    # SQLite makes an empty database of a name that does not exist, and an empty source reads as "all have left".
    if _is_file(url) and not Path(str(url.database)).is_file():
        raise UnreachableError(
            "BW5105",
            "the Vista database is not there",
            where=f"VISTA_URL ({url.database})",
            why="there is no such file",
            fix="check the path: `busway config explain VISTA_URL`; "
            "a relative one is relative to the folder of busway.toml",
        )


def _unusable(error: Exception) -> ConfigurationError:
    missing = error.name if isinstance(error, ImportError) else ""
    return ConfigurationError(
        "BW5107",
        "VISTA_URL cannot be used",
        where="VISTA_URL",
        why=f"the driver {missing} is not installed" if missing else "it is not a SQLAlchemy URL of a known database",
        fix=f"pip install {missing}"
        if missing
        else "write it like mssql+pyodbc://user:password@host/database?driver=ODBC+Driver+18+for+SQL+Server "
        "or sqlite:///vista.db",
    )


def _refused(url: sa.URL, error: exc.DBAPIError) -> BuswayError:
    return RefusedError(
        "BW5007",
        "Vista refused the query",
        where=_place(url),
        why=_cause(url, error),
        fix="check that the login may read the tables: busway explain BW5007",
    )


def _unreachable(url: sa.URL, error: exc.SQLAlchemyError) -> BuswayError:
    return UnreachableError(
        "BW5105",
        "the Vista database did not answer",
        where=_place(url),
        why=_cause(url, error),
        fix="check the server and the login: `busway config explain VISTA_URL`, then run again",
    )


def _place(url: sa.URL) -> str:
    return f"VISTA_URL ({url.database if _is_file(url) else url.drivername})"


def _cause(url: sa.URL, error: exc.SQLAlchemyError) -> str:
    original = error.orig if isinstance(error, exc.DBAPIError) else None
    if original is None:
        return type(error).__name__
    if url.get_backend_name() == "sqlite":
        return str(original)  # names no user, host or password
    state = original.args[0] if original.args else ""
    known = isinstance(state, str) and _SQLSTATE.fullmatch(state)
    return f"{type(original).__name__}, SQLSTATE {state}" if known else type(original).__name__
