"""A clock that stands still until a test moves it."""

from __future__ import annotations

import threading

__all__ = ["ManualClock"]

START_NS = 1_767_225_600_000_000_000
"""2026-01-01T00:00:00Z."""


class ManualClock:
    """Wall clock and monotonic clock move together; ``sleep`` moves them, too."""

    def __init__(self, now_ns: int = START_NS) -> None:
        self._start_ns = now_ns
        self._passed_ns = 0
        self._lock = threading.Lock()

    def now_ns(self) -> int:
        return self._start_ns + self._passed_ns

    def monotonic(self) -> float:
        return self._passed_ns / 1e9

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._passed_ns += round(seconds * 1e9)
