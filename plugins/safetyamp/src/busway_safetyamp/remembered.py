"""A health check that asks its remote once in a while, however often it is asked itself."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from busway.contracts.clock import Clock
from busway.contracts.health import HealthResult

__all__ = ["Remembered"]

LONGEST_BAD_NEWS = 30.0
"""Seconds: that a remote is back must be seen sooner than that it is still there."""


class Remembered:
    """Answers from memory for a while. Probes of a cluster come every ten seconds; each would cost calls otherwise.

    :param seconds: how long a good answer is used; one that is not good for 30 at most.
    """

    def __init__(self, ask: Callable[[], HealthResult], seconds: float, clock: Clock) -> None:
        self._ask = ask
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._last: tuple[float, HealthResult] | None = None

    def __call__(self) -> HealthResult:
        """The answer; one caller asks, and others wait for it."""
        with self._lock:
            if self._last is not None:
                at, result = self._last
                age = self._clock.monotonic() - at
                if age < (self._seconds if result.status == "ok" else min(self._seconds, LONGEST_BAD_NEWS)):
                    return replace(result, detail=f"{result.detail} (asked {age:.0f} s ago)")
            result = self._ask()
            self._last = (self._clock.monotonic(), result)
            return result
