"""A tally: counts on the path of every hit, where the lock of a counter would cost more than the hit."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

from busway.metrics.registry import Counter

__all__ = ["Tally"]


class Tally:
    """Counts by advancing an iterator, which the interpreter does in one step, and settles with a counter."""

    __slots__ = ("_counter", "_lock", "_settled", "_ticks", "tick")

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._lock = threading.Lock()
        self._ticks = itertools.count()
        self._settled = 0
        self.tick: Callable[[], int] = self._ticks.__next__
        """Counts one; from any thread."""

    def settle(self) -> None:
        """Adds what was counted since the last time to the counter."""
        with self._lock:
            # Looking at the iterator advances it, too: one more than the ticks of all callers is taken as settled.
            reached = next(self._ticks)
            counted, self._settled = reached - self._settled, reached + 1
        if counted:
            self._counter.add(counted)
