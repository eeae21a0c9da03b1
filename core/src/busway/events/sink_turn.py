"""Whose turn it is to deliver to a sink that several processes share."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from busway.contracts.coordination import Lease
from busway.stores.sink_leases import SinkLeases

__all__ = ["SinkTurn", "TurnLostError"]


class TurnLostError(Exception):
    """What we have in hand is another's business now, and must not be written down; the text says why."""


class SinkTurn:
    """The turn of this process, for one sink: a lease that somebody renews while it is held."""

    def __init__(self, leases: SinkLeases, sink: str) -> None:
        self._leases = leases
        self._sink = sink
        self._changing = threading.Lock()
        self._lease: Lease | None = None

    @contextmanager
    def hold(self) -> Iterator[bool]:
        """Takes the turn for the block; yields False when another process has it.

        The block may be left by another thread than the one that entered it.
        """
        lease = self._leases.acquire(self._sink)
        with self._changing:
            self._lease = lease
        try:
            yield lease is not None
        finally:
            with self._changing:
                lease, self._lease = self._lease, None
            if lease is not None:
                self._leases.release(lease)

    def renew(self) -> None:
        """Extends the turn, if it is ours; called every few seconds by a thread that no sink can hold up."""
        with self._changing:
            if self._lease is not None:
                self._lease = self._leases.renew(self._lease)

    def confirm(self) -> None:
        """Raises :class:`TurnLostError` unless the turn is ours; inside a transaction, that holds until its end."""
        lease = self._lease
        if lease is None or not self._leases.is_ours(lease):
            raise TurnLostError("another process has taken over")
