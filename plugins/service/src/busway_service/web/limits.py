"""How often one client may ask within a minute."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

__all__ = ["RateLimit"]

PERIOD = 60.0
REMEMBERED = 4_096
"""Clients that are known; those not seen for longest are forgotten first, which only ever lets somebody ask more."""


class RateLimit:
    """A bucket for each client that fills evenly: a burst of a whole minute's worth is served at once, then no more.

    :param per_minute: 0 = any number.
    """

    def __init__(self, per_minute: int, monotonic: Callable[[], float]) -> None:
        self._per_minute = per_minute
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, client: str) -> float:
        """Draws one; seconds to wait when there is none left, else 0."""
        if not self._per_minute:
            return 0.0
        rate, now = self._per_minute / PERIOD, self._monotonic()
        with self._lock:
            left, seen = self._buckets.pop(client, (float(self._per_minute), now))
            left = min(float(self._per_minute), left + (now - seen) * rate)
            drawn = left >= 1
            self._buckets[client] = (left - 1 if drawn else left, now)
            while len(self._buckets) > REMEMBERED:
                self._buckets.popitem(last=False)
        return 0.0 if drawn else (1 - left) / rate
