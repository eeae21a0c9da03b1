"""What has to be done from time to time while events are delivered, whatever the sinks are doing."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Sequence

from busway.contracts.clock import Clock
from busway.errors import BuswayError
from busway.events.accounts import Accounts
from busway.events.sink_worker import SinkWorker
from busway.metrics.registry import Metrics
from busway.plugins.patrol import Patrol
from busway.stores.sink_leases import RENEW_SECONDS

__all__ = ["Caretaker"]

SWEEP_SECONDS = 60.0
MAX_COUNTING = 0.05
"""Part of the time that may be spent on counting what is pending: with a large backlog it is counted less often."""

_log = logging.getLogger("busway.events")


class Caretaker:
    """A daemon thread that renews the turns of this process every 3 s, keeps the gauges, and lets journals be deleted.

    :param sweep: deletes journals that nobody needs any more.
    """

    def __init__(
        self,
        workers: Sequence[SinkWorker],
        accounts: Accounts,
        sweep: Callable[[], object],
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._workers = workers
        self._accounts = accounts
        self._sweep = sweep
        self._clock = clock
        self._bytes = metrics.gauge("busway_journal_bytes", "Size of all journals.")
        self._swept_at = self._counted_at = float("-inf")
        self._counting_seconds = 0.0
        self._patrol = Patrol(self.look, "busway-sink-caretaker")

    def start(self) -> None:
        """Starts the thread; once."""
        self._patrol.start()

    def stop(self) -> None:
        """Ends the thread. Turns that are held then end by themselves after 10 s, or with the process."""
        self._patrol.stop()

    def look(self) -> float:
        """Does what is due; returns the seconds until it wants to be called again."""
        for worker in self._workers:
            self._attempt(worker.progress.renew, f"the turn of {worker.title} was not renewed")
        now = time.monotonic()
        if now - self._swept_at >= SWEEP_SECONDS:
            self._swept_at = now
            self._attempt(self._sweep, "old journals were not deleted")
        if now - self._counted_at >= self._counting_seconds / MAX_COUNTING:
            self._attempt(self.count, "what is pending was not counted")
            self._counted_at, self._counting_seconds = time.monotonic(), time.monotonic() - now
        return RENEW_SECONDS

    def count(self) -> None:
        """Brings the gauges of journals and pending events up to date."""
        now_ns = self._clock.now_ns()
        self._bytes.set(self._accounts.journal_bytes())
        for worker in self._workers:
            pending = self._accounts.pending_of(worker) if worker.is_behind() else 0
            oldest = self._accounts.oldest_pending_ns(worker) if pending else None
            worker.metrics.pending.set(pending)
            worker.metrics.oldest.set(max(0.0, (now_ns - oldest) / 1e9) if oldest is not None else 0.0)

    def _attempt(self, action: Callable[[], object], failure: str) -> None:
        try:
            action()
        except (BuswayError, OSError, sqlite3.Error) as exc:
            _log.warning("%s (%s); it is tried again", failure, type(exc).__name__)
