"""The connection to Vista: one pool for the application, opened at first use."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import exc

from busway.contracts.settings import Secret
from busway.errors import BuswayError
from busway_safetyamp.vista.engines import engine_of_address, engine_of_server
from busway_safetyamp.vista.failures import (
    driver_incomplete,
    file_missing,
    file_of,
    refused,
    unreachable,
    unusable,
)
from busway_safetyamp.vista.isolation import isolated

__all__ = ["VistaDatabase"]


class VistaDatabase:
    """Opens connections to the database behind ``VISTA_URL``, or to the server of the ``SQL_*`` settings.

    :param root: folder that a relative SQLite file is relative to.
    :param connection_string: gives that of the ``SQL_*`` settings, where there is no ``url``.
    """

    def __init__(self, url: Secret | None, root: Path, connection_string: Callable[[], str]) -> None:
        self._url = url
        self._root = root
        self._connection_string = connection_string
        self._lock = threading.Lock()
        self._engine: sa.Engine | None = None

    def expect_address(self) -> None:
        """Raises ``ConfigurationError`` (BW5107) when no database is named, or its driver is not there."""
        with self._lock:
            self._engine = self._engine or self._open()

    @contextmanager
    def connection(self) -> Iterator[sa.Connection]:
        """A connection for reading.

        Raises ``UnreachableError`` (BW5105), ``RefusedError`` (BW5007) and ``ConfigurationError`` (BW5107).
        """
        engine = self._opened()
        try:
            with self._connected(engine) as connection:
                yield isolated(connection)
        except exc.ProgrammingError as error:
            raise refused(engine.url, error) from None
        except exc.SQLAlchemyError as error:
            # `from None`: the driver's own text may name the user and the server, and a traceback would print it.
            raise unreachable(engine.url, error) from None

    def close(self) -> None:
        """Closes the pool."""
        with self._lock:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None

    def _opened(self) -> sa.Engine:
        with self._lock:
            engine = self._engine = self._engine or self._open()
        path = file_of(engine.url)
        # SQLite makes an empty database of a name that does not exist, and an empty source reads as "all left".
        if path is not None and not path.is_file():
            raise file_missing(path)
        return engine

    def _open(self) -> sa.Engine:
        if self._url is None:
            return engine_of_server(self._connection_string)
        return engine_of_address(self._url, self._root)

    def _connected(self, engine: sa.Engine) -> sa.Connection:
        try:
            return engine.connect()
        except exc.DBAPIError as error:
            if "Failed to load the driver" in str(error.orig):
                raise driver_incomplete() from None
            raise
        except (BuswayError, exc.SQLAlchemyError):
            raise
        except Exception as error:
            # A driver that cannot read an address says so in errors of its own kind, which repeat parts of it.
            raise unusable(error, "VISTA_URL" if self._url is not None else "SQL_SERVER") from None
