"""How reads are kept apart from what is written to Vista meanwhile."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import exc

__all__ = ["isolated", "isolation_of"]

_QUESTION = "SELECT snapshot_isolation_state FROM sys.databases WHERE name = DB_NAME()"


def isolated(connection: sa.Connection) -> sa.Connection:
    """``connection``, reading one state of the database where SQL Server can give one."""
    if connection.dialect.name != "mssql":
        return connection
    level = isolation_of(connection)
    connection.rollback()  # a level can be chosen only before a transaction begins, and the question began one
    return connection.execution_options(isolation_level=level)


def isolation_of(connection: sa.Connection) -> str:
    """``SNAPSHOT`` where the database allows it, else ``READ COMMITTED``.

    Never less: what is counted for a brake must have been committed.
    """
    try:
        state = connection.exec_driver_sql(_QUESTION).scalar()
    except exc.DBAPIError:
        return "READ COMMITTED"
    return "SNAPSHOT" if state == 1 else "READ COMMITTED"
