"""The way of lines round a disk that is slow or full: through a bounded ring, written by another thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from time import monotonic

from busway.events.journal_file import PartlyWrittenError
from busway.events.ring import Entry, Ring
from busway.metrics.registry import Counter

__all__ = ["SLOW_SECONDS", "Detour"]

SLOW_SECONDS = 0.005
"""After three writes in a row that take longer, callers make none for a while. One alone says nothing about the disk:
it may have been the processor that was busy, or another thread."""
IN_A_ROW = 3
VERY_SLOW_SECONDS = 0.05
"""One such write is enough."""
PATIENCE_SECONDS = 0.1
PATIENCE_SHARE = 0.1
"""Callers wait for their lines for a tenth of the time in all, and for 100 ms at once: for a thread that the processor
is late for, not for a slow disk."""
CALM_SECONDS = 0.05
"""So long all writes have to be quick before callers make them again; twice as long each time it was too soon."""
MAX_CALM_SECONDS = 5.0
TOO_SOON_SECONDS = 10.0
RETRY_SECONDS = 0.05
MAX_RETRY_SECONDS = 1.0
BATCH_BYTES = 64 * 1024
UNWRITABLE = "BW3010"

_log = logging.getLogger("busway.events")


class Detour:
    """Takes lines in from many threads; :meth:`drain` writes them.

    Whoever brings a line waits for it as long as writes are quick: what is in the ring is lost when the process is
    killed, so it shall be there no longer than the disk makes it.

    :param write: writes so many lines at once, or raises ``OSError``: ``PartlyWrittenError`` when it wrote some.
    :param lock: who has it may write; held while the detour ends. Never taken while :attr:`settled` is held.
    :param lose: told how many lines were dropped.
    """

    def __init__(
        self, write: Callable[[bytes, int], None], lock: threading.Lock, lose: Callable[[int], None], ring: Ring
    ) -> None:
        self._write = write
        self._lock = lock
        self._lose = lose
        self.ring = ring
        self.open = False
        """Lines go this way."""
        self.slow = 0
        """Slow writes in a row."""
        self.stalled = False
        """The disk is not waited for."""
        self.settled = threading.Condition()
        """Guards the ring; told when lines are settled."""
        self._in_hand: list[Entry] = []
        self._patience, self._patience_at = PATIENCE_SECONDS, monotonic()
        self._told = False
        self._calm_seconds, self._calm_from, self._ended = CALM_SECONDS, 0.0, float("-inf")
        self._retry_seconds, self._retry_at = RETRY_SECONDS, 0.0

    def __len__(self) -> int:
        """Lines that wait."""
        return len(self.ring) + len(self._in_hand)

    def judge(self, seconds: float) -> None:
        """A caller's write took so long."""
        self.slow = self.slow + 1 if seconds > SLOW_SECONDS else 0
        if self.slow >= IN_A_ROW or seconds > VERY_SLOW_SECONDS:
            self.begin()

    def begin(self) -> None:
        """The disk is slow or refuses."""
        now = monotonic()
        too_soon = now - self._ended < TOO_SOON_SECONDS
        self._calm_seconds = min(self._calm_seconds * 2, MAX_CALM_SECONDS) if too_soon else CALM_SECONDS
        self._calm_from = now
        self.open, self.slow = True, 0

    def put(self, line: bytes, severity: int, counter: Counter | None) -> Entry:
        """Takes a line in. The ring may drop it, or others for it."""
        with self.settled:
            if counter is not None:
                counter.add()
            self.open = True
            entry, dropped = self.ring.put(line, severity)
            self._lose(len(dropped))
        return entry

    def wait(self, entry: Entry) -> None:
        """Waits until the line is settled, as long as there is patience and the disk is not known to stand still."""
        with self.settled:
            now = monotonic()
            grown = self._patience + (now - self._patience_at) * PATIENCE_SHARE
            self._patience, self._patience_at = min(grown, PATIENCE_SECONDS), now
            if entry.kept is None and not self.stalled and self._patience > 0:
                self.settled.wait_for(lambda: entry.kept is not None, self._patience)
                self._patience -= monotonic() - now

    def wait_for_all(self, until: float) -> None:
        """Waits until nothing is left in the ring."""
        with self.settled:
            self.settled.wait_for(lambda: not len(self), max(0.0, until - monotonic()))

    def drain(self, *, at_once: bool = False) -> float | None:
        """Writes what waits; the seconds after which to go on, ``None`` when there is nothing more to do.

        :param at_once: also when the disk has just refused.
        """
        while True:
            pause = 0.0 if at_once else self._retry_at - monotonic()
            if pause > 0 and len(self):
                return pause
            with self.settled:
                # One by one while the disk refuses: a little room is enough for one.
                batch = self._in_hand = self.ring.take(1 if self._told else BATCH_BYTES)
            if not batch:
                return self._end()
            started = monotonic()
            try:
                self._write(b"".join(entry.line for entry in batch), len(batch))
            except OSError as error:
                return self._refused(batch, error)
            self._taken(batch, monotonic() - started)

    def drop_all(self) -> None:
        """Drops what waits: nobody will write it any more."""
        with self.settled:
            rest = [*self._in_hand, *self.ring.take_all()]
            for entry in rest:
                entry.kept = False
            self._lose(len(rest))
            self.open = self.stalled = False

    def _taken(self, batch: list[Entry], seconds: float) -> None:
        with self.settled:
            for entry in batch:
                entry.kept = True
            self._in_hand, self.stalled = [], False
            self._retry_seconds, self._retry_at = RETRY_SECONDS, 0.0
            if seconds > SLOW_SECONDS:
                self._calm_from = monotonic()
            self.settled.notify_all()
        if self._told:
            self._told = False
            _log.warning("the journal is written again")

    def _refused(self, batch: list[Entry], error: OSError) -> float:
        with self.settled:
            if isinstance(error, PartlyWrittenError):
                _keep(batch, error.kept)
            self.ring.put_back(entry for entry in batch if entry.kept is None)
            self._in_hand, self.stalled = [], True
            pause, self._retry_seconds = self._retry_seconds, min(self._retry_seconds * 2, MAX_RETRY_SECONDS)
            self._calm_from = self._retry_at = monotonic() + pause
            self.settled.notify_all()
        if not self._told:
            self._told = True
            why = error.strerror or type(error).__name__
            _log.error("%s: the journal cannot be written (%s); events wait in memory", UNWRITABLE, why)
        return pause

    def _end(self) -> float | None:
        """Lets callers write again when all writes were quick for a while."""
        if not self.open:
            return None
        left = self._calm_from + self._calm_seconds - monotonic()
        if left > 0:
            return left
        with self._lock, self.settled:
            if not len(self.ring):
                self.open, self._ended = False, monotonic()
        return 0.0 if self.open else None


def _keep(batch: list[Entry], written: int) -> None:
    """The first lines of ``batch``, of so many bytes, are in the journal."""
    for entry in batch:
        written -= len(entry.line)
        if written < 0:
            return
        entry.kept = True
