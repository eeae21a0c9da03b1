"""Which process delivers to a sink of the installation."""

from __future__ import annotations

import os
import socket

from busway.contracts.clock import Clock
from busway.contracts.coordination import Lease
from busway.stores.local_leases import LocalLeases
from busway.stores.presence import Presence
from busway.stores.process_database import ProcessDatabase

__all__ = ["RENEW_SECONDS", "SinkLeases"]

LEASE_SECONDS = 10.0
RENEW_SECONDS = 3.0
"""Two renewals may fail before a lease is over."""


class SinkLeases:
    """One lease per sink. A killed holder is replaced at once, a stopped one after 10 s.

    They are in the database of the cursors and not in that of other leases: whoever commits what was delivered checks
    its token in the same transaction, so that a holder that was replaced cannot move a cursor.
    """

    def __init__(self, database: ProcessDatabase, presence: Presence, clock: Clock) -> None:
        self._database = database
        self._leases = LocalLeases(database, presence, clock)

    def acquire(self, sink: str) -> Lease | None:
        """The right to deliver to ``sink`` for 10 s; ``None`` while another process has it."""
        return self._leases.acquire(sink, f"{socket.gethostname()}:{os.getpid()}", LEASE_SECONDS)

    def renew(self, lease: Lease) -> Lease | None:
        """Ours for 10 s more; ``None`` when another process has it by now."""
        return self._leases.renew(lease, LEASE_SECONDS)

    def release(self, lease: Lease) -> bool:
        """Gives it back; False when it was no longer ours."""
        return self._leases.release(lease)

    def current(self, sink: str) -> Lease | None:
        """Who delivers to ``sink`` now."""
        return self._leases.current(sink)

    def is_ours(self, lease: Lease) -> bool:
        """Whether nobody has replaced us; inside a transaction, that holds until its end."""
        sql = "SELECT 1 FROM leases WHERE name = ? AND token = ? AND presence <> ''"
        return bool(self._database.rows(sql, (lease.name, lease.token)))
