"""The breaker of a level: after a failure the level is left alone for a while, then one call tries it again."""

from __future__ import annotations

import threading

from busway.contracts.clock import Clock

__all__ = ["Breaker"]

AWAY_SECONDS = 5.0


class Breaker:
    """Closed: calls pass. Open: they do not, until ``away_seconds`` have passed and one call is let through."""

    def __init__(self, clock: Clock, away_seconds: float = AWAY_SECONDS) -> None:
        self._clock = clock
        self._away_seconds = away_seconds
        self._lock = threading.Lock()
        self._retry_at: float | None = None

    @property
    def is_open(self) -> bool:
        """The level counts as away."""
        return self._retry_at is not None

    def allows(self) -> bool:
        """Whether a call may go to the level now. The first caller after the pause is the probe; others still wait."""
        if self._retry_at is None:
            return True
        with self._lock:
            if self._retry_at is None:
                return True
            now = self._clock.monotonic()
            if now < self._retry_at:
                return False
            self._retry_at = now + self._away_seconds
            return True

    def failed(self) -> bool:
        """Notes a failure; True when the level was not away before."""
        with self._lock:
            opened = self._retry_at is None
            self._retry_at = self._clock.monotonic() + self._away_seconds
            return opened

    def succeeded(self) -> bool:
        """Notes an answer; True when the level was away before."""
        if self._retry_at is None:
            return False
        with self._lock:
            closed = self._retry_at is not None
            self._retry_at = None
            return closed
