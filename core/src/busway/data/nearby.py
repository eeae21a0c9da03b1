"""Nearby: the shortest way to a fresh value in this process, one probe of a dictionary.

What the manager found fresh in the memory level is noted here under what its callers say, name and key. A note holds
the level's own slot, which the level empties when the entry goes, and counts only while the generations stand where
they stood when the entry was judged. So whatever can end an entry ends its note, and a note that has ended costs a
caller nothing but the ordinary way.
"""

from __future__ import annotations

from collections.abc import Callable

from busway.contracts.caches import Entry
from busway.contracts.clock import Clock
from busway.data.decision import NANOSECONDS
from busway.data.memory_level import MemoryLevel, Slot
from busway.data.tally import Tally
from busway.metrics.registry import Metrics

__all__ = ["Nearby", "Note"]

NOTES = 16_384
TRUSTED_SECONDS = 5.0
"""Then a caller goes the ordinary way once, on which stamps of other processes are read and hits are settled."""

Note = tuple[Slot, float, int, Callable[[], int]]
"""Slot of the memory level, monotonic time until which it is fresh, epoch it was judged in, and what counts a hit."""


class Nearby:
    """Notes about fresh entries of ``memory``; without such a level there are none.

    ``notes`` is for :meth:`DataManager.get_or_populate`, which looks without calling anything here; it stays the same
    dictionary.
    """

    def __init__(self, level: str, memory: MemoryLevel | None, clock: Clock, metrics: Metrics) -> None:
        self._level = level
        self._memory = memory
        self._clock = clock
        self._metrics = metrics
        self._tallies: dict[str, Tally] = {}
        self.notes: dict[tuple[str, str | None], Note] = {}

    def note(self, said: tuple[str, str | None], domain: str, full_key: str, entry: Entry, epoch: int) -> None:
        """Notes that ``entry`` was found fresh.

        :param said: name and key as the caller says them.
        :param epoch: read before the entry was judged, so that what was invalidated since ends the note.
        """
        if self._memory is None or entry.value is None:  # a remembered None is counted, on the ordinary way
            return
        slot = self._memory.slot(full_key)
        # Noted at the second asking: what is loaded once and never asked for again is not worth a note.
        if slot is None or not slot.used or slot.entry is not entry:
            return
        fresh = min((entry.fresh_until_ns - self._clock.now_ns()) / NANOSECONDS, TRUSTED_SECONDS)
        if fresh <= 0:
            return
        if len(self.notes) >= NOTES:
            self.notes.clear()  # those in use come back with their next hit
        tally = self._tally(domain)
        self.notes[said] = (slot, min(self._clock.monotonic() + fresh, slot.deadline), epoch, tally.tick)
        tally.settle()

    def settle(self) -> None:
        """Brings the counters up to date."""
        for tally in list(self._tallies.values()):
            tally.settle()

    def close(self) -> None:
        """Forgets every note."""
        self.settle()
        self._memory = None
        self.notes.clear()

    def _tally(self, domain: str) -> Tally:
        tally = self._tallies.get(domain)
        if tally is None:
            hits = self._metrics.counter("busway_cache_hits_total", level=self._level, domain=domain)
            tally = self._tallies.setdefault(domain, Tally(hits))
        return tally
