"""Leases of load locks, renewed while their loads last."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from busway.contracts.caches import SupportsLocks
from busway.contracts.clock import Clock
from busway.data.forks import after_fork

__all__ = ["HeldLease", "Leases"]

logger = logging.getLogger("busway.data")


@dataclass(eq=False, slots=True)
class HeldLease:
    """A lock this process holds."""

    level: SupportsLocks
    name: str
    token: str
    seconds: float
    due: float = 0.0
    """Monotonic time of the next renewal."""
    lost: bool = False
    """Somebody else may hold it now; the load goes on all the same."""


class Leases:
    """Renews every lease at a third of its length, all of them in one thread that runs while there are any.

    :param on_lost: called when one turns out to be no longer ours.
    """

    def __init__(self, clock: Clock, on_lost: Callable[[], object]) -> None:
        self._monotonic = clock.monotonic
        self._on_lost = on_lost
        self._running = False
        self._reset()
        after_fork(self._reset)

    def keep(self, lease: HeldLease) -> None:
        """Renews ``lease`` from now on."""
        lease.due = self._monotonic() + lease.seconds / 3
        with self._changed:
            self._held.add(lease)
            if self._running:
                self._changed.notify()
            else:
                self._running = True
                threading.Thread(target=self._work, name="busway-load-leases", daemon=True).start()

    def drop(self, lease: HeldLease) -> None:
        """No longer; the thread notices when it looks next."""
        with self._changed:
            self._held.discard(lease)

    def renew_due(self) -> float | None:
        """Renews what is due; the seconds until the next is, ``None`` when there is nothing to renew."""
        now = self._monotonic()
        with self._changed:
            due = [lease for lease in self._held if lease.due <= now]
        for lease in due:
            self._renew(lease, now)
        with self._changed:
            return min((lease.due for lease in self._held), default=now) - now if self._held else None

    def _renew(self, lease: HeldLease, now: float) -> None:
        lease.due = now + lease.seconds / 3
        try:
            ours = lease.level.renew_lock(lease.name, lease.token, lease.seconds)
        except Exception as error:
            # Away for a moment or for good: until it answers, nobody else takes the lock from it either.
            logger.debug("the lease of a load was not renewed: %s", type(error).__name__)
            return
        if not ours:
            lease.lost = True
            self.drop(lease)
            self._on_lost()

    def _work(self) -> None:
        while self._wait():
            self.renew_due()

    def _wait(self) -> bool:
        """Until the next renewal is due; False when the thread is no longer needed."""
        with self._changed:
            if not self._held:
                self._running = False
                return False
            # Whoever keeps a new one notifies: it may be due before the others.
            self._changed.wait(max(0.0, min(lease.due for lease in self._held) - self._monotonic()))
            return True

    def _reset(self) -> None:
        self._changed = threading.Condition()
        self._held: set[HeldLease] = set()
        self._running = False
