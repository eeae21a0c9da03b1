"""How connections to Vista are made: by an address, or by the settings of a SQL Server."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc

from busway.contracts.settings import Secret
from busway.errors import ConfigurationError
from busway_safetyamp.vista.failures import file_of, nothing_named, unusable

__all__ = ["CONNECT_SECONDS", "QUERY_SECONDS", "engine_of_address", "engine_of_server"]

CONNECT_SECONDS = 15
QUERY_SECONDS = 120
_CONNECT_ARGS: dict[str, dict[str, Any]] = {
    "pysqlite": {"timeout": CONNECT_SECONDS},
    "pyodbc": {"timeout": CONNECT_SECONDS},
    "mssqlpython": {"timeout": CONNECT_SECONDS},
    "pymssql": {"login_timeout": CONNECT_SECONDS, "timeout": QUERY_SECONDS},
}
_DRIVER = re.compile(r"^DRIVER=\{(?:[^}]|\}\})*\};")
_POOL: dict[str, Any] = {"pool_pre_ping": True, "pool_recycle": 3600, "hide_parameters": True}


def engine_of_address(address: Secret, root: Path) -> sa.Engine:
    """An engine for ``VISTA_URL``; connects to nothing. Raises ``ConfigurationError`` BW5107.

    :param root: folder that a relative SQLite file is relative to.
    """
    try:
        url = sa.make_url(address.get_secret_value())
        path = file_of(url)
        arguments = _CONNECT_ARGS.get(url.get_driver_name(), {})
        if path is not None:
            url = url.set(database=str(root / path))
        if url.get_backend_name() == "sqlite":
            return sa.create_engine(url, poolclass=sa.NullPool, connect_args=arguments, hide_parameters=True)
        return _timed(sa.create_engine(url, connect_args=arguments, **_POOL))
    except (exc.ArgumentError, ImportError, ValueError) as error:
        raise unusable(error) from None


def engine_of_server(connection_string: Callable[[], str]) -> sa.Engine:
    """An engine for the ``SQL_*`` settings; connects to nothing.

    The driver is ``mssql-python`` where it is installed, which needs no ODBC driver beside it, else ``pyodbc`` with
    the one that ``SQL_DRIVER`` names. Raises ``ConfigurationError`` BW5107 and what ``connection_string`` raises.

    :param connection_string: asked for each connection, so that a rotated password is used for the next.
    """
    try:
        connection_string()
    except ConfigurationError as error:
        raise nothing_named(error) from None
    only_pyodbc = find_spec("mssql_python") is None and find_spec("pyodbc") is not None
    driver, connect = ("pyodbc", _pyodbc) if only_pyodbc else ("mssqlpython", _mssql_python)
    try:
        return _timed(sa.create_engine(f"mssql+{driver}://", creator=connect(connection_string), **_POOL))
    except (exc.ArgumentError, ImportError) as error:
        raise unusable(error, "SQL_SERVER") from None


def _mssql_python(connection_string: Callable[[], str]) -> Callable[[], Any]:
    def connect() -> Any:
        import mssql_python

        # It has its own driver and refuses to be told another.
        return mssql_python.connect(_DRIVER.sub("", connection_string()), timeout=CONNECT_SECONDS)

    return connect


def _pyodbc(connection_string: Callable[[], str]) -> Callable[[], Any]:
    def connect() -> Any:
        # By name: nothing of ours depends on it.
        return import_module("pyodbc").connect(connection_string(), timeout=CONNECT_SECONDS)

    return connect


def _timed(engine: sa.Engine) -> sa.Engine:
    if engine.driver in ("pyodbc", "mssqlpython"):
        event.listen(engine, "connect", _limit_queries)
    return engine


def _limit_queries(connection: Any, record: object) -> None:
    connection.timeout = QUERY_SECONDS
