"""The quota of calls: at most so many in any period, for all threads of this process."""

from __future__ import annotations

import threading
from collections import deque

from busway.contracts.clock import Clock

__all__ = ["Limiter"]


class Limiter:
    """A sliding window: no span of ``period`` seconds ever holds more than ``calls`` calls.

    Each caller reserves its slot under the lock and waits outside of it, so slots are given in the order they were
    asked for and a waiting thread blocks nobody. ``calls=0`` lifts the limit.
    """

    def __init__(self, calls: int, period: float, clock: Clock) -> None:
        self._calls = calls
        self._period = period
        self._clock = clock
        self._lock = threading.Lock()
        self._slots: deque[float] = deque(maxlen=calls or None)

    def acquire(self) -> None:
        """Waits until one more call is allowed."""
        if not self._calls:
            return
        with self._lock:
            now = self._clock.monotonic()
            full = len(self._slots) == self._calls
            slot = max(now, self._slots[0] + self._period) if full else now
            self._slots.append(slot)
        if slot > now:
            self._clock.sleep(slot - now)
