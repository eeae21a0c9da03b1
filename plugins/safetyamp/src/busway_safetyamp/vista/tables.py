"""Vista's tables as this login sees them: views where it may, columns as far as they are there."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy import exc

from busway_safetyamp.settings.vista import AUTO
from busway_safetyamp.vista.failures import missing

__all__ = ["VistaTables"]


class VistaTables:
    """Finds tables by Vista's names without the ``b``: ``PREH``, ``JCJM``.

    :param prefix: what their names begin with in this database; ``auto`` takes the view ``PREH``, to which Vista's
        data security applies, and the table ``bPREH`` where the login sees no such view.
    """

    def __init__(self, prefix: str) -> None:
        self._prefixes = ("", "b") if prefix == AUTO else (prefix,)

    def find(
        self, connection: sa.Connection, name: str, needed: Sequence[str], optional: Collection[str] = ()
    ) -> sa.TableClause:
        """The table with the columns ``needed``, and those of ``optional`` that it has.

        Raises ``ConfigurationError`` BW5106 when there is no such table, or it lacks a column.
        """
        full_name, present = self._present(connection, name)
        absent = [column for column in needed if column not in present]
        if absent:
            raise missing(full_name, f"it has no column {', '.join(absent)}")
        used = dict.fromkeys((*needed, *(column for column in optional if column in present)))
        return sa.table(full_name, *(sa.column(column) for column in used))

    def _present(self, connection: sa.Connection, name: str) -> tuple[str, set[str]]:
        inspector = sa.inspect(connection)
        for prefix in self._prefixes:
            try:
                return prefix + name, {column["name"] for column in inspector.get_columns(prefix + name)}
            except exc.NoSuchTableError:
                continue
        names = " or ".join(prefix + name for prefix in self._prefixes)
        raise missing(names, "there is no such table or view, or the login may not see it")
