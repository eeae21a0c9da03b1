"""What went wrong with Vista, told without the address's user and password."""

from __future__ import annotations

import re
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import exc

from busway.errors import ConfigurationError, RefusedError, UnreachableError

__all__ = [
    "driver_incomplete",
    "file_missing",
    "file_of",
    "missing",
    "nothing_named",
    "refused",
    "unreachable",
    "unusable",
]

_SQLSTATE = re.compile(r"[0-9A-Z]{5}")
_PACKAGES = {"mssql_python": "'busway-safetyamp[mssql]'"}
"""What to install for a module, where that is not its name."""


def file_of(url: sa.URL) -> Path | None:
    """The file of a SQLite address; ``None`` for another database and for one in memory."""
    name = url.database or ""
    if url.get_backend_name() != "sqlite" or name in ("", ":memory:") or name.startswith("file:"):
        return None
    return Path(name)


def file_missing(path: Path) -> UnreachableError:
    """There is no such SQLite file."""
    return UnreachableError(
        "BW5105",
        "the Vista database is not there",
        where=f"VISTA_URL ({path})",
        why="there is no such file",
        fix="check the path: `busway config explain VISTA_URL`; "
        "a relative one is relative to the folder of busway.toml",
    )


def unreachable(url: sa.URL, error: exc.SQLAlchemyError) -> UnreachableError:
    """The database did not answer."""
    return UnreachableError(
        "BW5105",
        "the Vista database did not answer",
        where=_place(url),
        why=_cause(url, error),
        fix="check the server and the login: `busway config explain VISTA_URL SQL_SERVER`, then run again",
    )


def refused(url: sa.URL, error: exc.SQLAlchemyError) -> RefusedError:
    """The database refused the query."""
    return RefusedError(
        "BW5007",
        "Vista refused the query",
        where=_place(url),
        why=_cause(url, error),
        fix="check that the login may read the tables: busway explain BW5007",
    )


def unusable(error: Exception, setting: str = "VISTA_URL") -> ConfigurationError:
    """The address or the settings cannot be used; nothing of them is shown."""
    module = (error.name or "") if isinstance(error, ImportError) else ""
    return ConfigurationError(
        "BW5107",
        f"{setting} cannot be used",
        where=setting,
        why=f"the driver {module} is not installed" if module else "it is not what a known database driver takes",
        fix=f"pip install {_PACKAGES.get(module, module)}"
        if module
        else "write it like mssql+mssqlpython://user:password@host/database or sqlite:///vista.db",
    )


def driver_incomplete() -> ConfigurationError:
    """The driver is installed, and libraries of the system that it stands on are not."""
    return ConfigurationError(
        "BW5107",
        "the driver for SQL Server cannot be loaded",
        where="mssql_python",
        why="a library of the system is missing that it needs",
        fix="apt-get install libltdl7 libkrb5-3 libgssapi-krb5-2, or what the driver's documentation names",
    )


def nothing_named(error: ConfigurationError) -> ConfigurationError:
    """There is no ``VISTA_URL``, and ``error`` says what the ``SQL_*`` settings lack."""
    combined = ConfigurationError(
        "BW5107",
        "no Vista database is named",
        where="VISTA_URL",
        why="it is not set, and the SQL_* settings, which may name a SQL Server instead, do not fit",
        fix="set VISTA_URL, or mend what is told next",
    )
    combined.others = error.problems
    return combined


def missing(table: str, why: str) -> ConfigurationError:
    """A table or column is not there."""
    return ConfigurationError(
        "BW5106",
        "Vista does not have what the job reads",
        where=f"the Vista database, table {table}",
        why=why,
        fix="set VISTA_TABLE_PREFIX, VISTA_MOBILE_PHONE_COLUMN or VISTA_WORK_PHONE_COLUMN to what the database has",
    )


def _place(url: sa.URL) -> str:
    path = file_of(url)
    return f"VISTA_URL ({path})" if path else f"the Vista database ({url.drivername})"


def _cause(url: sa.URL, error: exc.SQLAlchemyError) -> str:
    original = error.orig if isinstance(error, exc.DBAPIError) else None
    if original is None:
        return type(error).__name__
    if url.get_backend_name() == "sqlite":
        return str(original)  # names no user, host or password
    state = original.args[0] if original.args else ""
    known = isinstance(state, str) and _SQLSTATE.fullmatch(state)
    # The driver's own word for a class of SQLSTATEs; what comes behind it may name the user and the server.
    word = f"SQLSTATE {state}" if known else str(getattr(original, "driver_error", ""))
    return f"{type(original).__name__}, {word}" if word else type(original).__name__
