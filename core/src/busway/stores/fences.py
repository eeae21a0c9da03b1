"""Fences: what a holder of a lease may no longer write once somebody else has the lease."""

from __future__ import annotations

from busway.errors import HeldError
from busway.stores.process_database import ProcessDatabase

__all__ = ["Fences"]


class Fences:
    """The highest token seen of each lease: whoever comes with a lower one has been replaced without noticing."""

    def __init__(self, database: ProcessDatabase) -> None:
        self._database = database

    def raise_to(self, name: str, token: int) -> None:
        """From now on only ``token`` and later ones may write. Raises ``HeldError`` as :meth:`check`."""
        with self._database.transaction() as connection:
            self.check(name, token)
            connection.execute("INSERT OR REPLACE INTO fences VALUES (?, ?)", (name, token))

    def check(self, name: str, token: int) -> None:
        """Raises ``HeldError`` BW7003 when a later token has been seen. Within a transaction it holds to its end."""
        rows = self._database.rows("SELECT token FROM fences WHERE name = ?", (name,))
        if rows and rows[0][0] > token:
            raise HeldError(
                "BW7003",
                "another run has taken over",
                where=f"lease {name}",
                why=f"our right to run had number {token}, and number {rows[0][0]} has been given since: this process "
                "must have stood still for longer than its right lasted",
                fix="busway sessions list",
            )
