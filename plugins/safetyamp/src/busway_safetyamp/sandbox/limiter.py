"""The account's limit on calls, and the ways a 429 can say when to come back."""

from __future__ import annotations

import math
import threading
from collections import deque
from email.utils import formatdate
from enum import StrEnum

from busway.contracts.clock import Clock

__all__ = ["CallLimiter", "RetryAfter"]


class RetryAfter(StrEnum):
    """The form of the ``Retry-After`` header of a 429."""

    INTEGER = "integer"
    FRACTIONAL = "fractional"
    DATE = "date"
    NONE = "none"


class CallLimiter:
    """At most ``quota`` calls in any ``period`` seconds; a ``quota`` of None lifts the limit.

    The window slides: it is stricter than one that starts anew every minute, so a client that passes here
    also passes there. Refused calls do not count.
    """

    def __init__(self, quota: int | None, period: float, clock: Clock, retry_after: RetryAfter) -> None:
        self.quota = quota
        self.period = period
        self.retry_after = retry_after
        self._clock = clock
        self._lock = threading.Lock()
        self._calls: deque[float] = deque()

    def take(self) -> float:
        """Counts one call. Returns 0, or the seconds until there is room when the call must be refused."""
        if self.quota is None:
            return 0.0
        now = self._clock.monotonic()
        with self._lock:
            while self._calls and self._calls[0] <= now - self.period:
                self._calls.popleft()
            if len(self._calls) < self.quota:
                self._calls.append(now)
                return 0.0
            return self._calls[0] + self.period - now if self._calls else self.period

    def headers(self, wait: float) -> tuple[tuple[str, str], ...]:
        """The headers of the limit; ``wait`` is what :meth:`take` returned."""
        if self.quota is None:
            return ()
        rest = ("X-RateLimit-Remaining", str(max(0, self.quota - len(self._calls))))
        limit = ("X-RateLimit-Limit", str(self.quota))
        if not wait or self.retry_after is RetryAfter.NONE:
            return (limit, rest)
        return (limit, rest, ("Retry-After", self._written(wait)))

    def _written(self, wait: float) -> str:
        if self.retry_after is RetryAfter.FRACTIONAL:
            return f"{math.ceil(wait * 1000) / 1000:.3f}"
        if self.retry_after is RetryAfter.DATE:
            return formatdate(math.ceil(self._clock.now_ns() / 1e9 + wait), usegmt=True)
        return str(math.ceil(wait))
