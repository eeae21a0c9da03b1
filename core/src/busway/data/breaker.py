"""The breaker of a level: after a failure the level is left alone for a while, then one call tries it again."""

from __future__ import annotations

import threading

from busway.contracts.clock import Clock

__all__ = ["RETRY_SECONDS", "Breaker"]

RETRY_SECONDS = 5.0
"""How long a level that failed is left alone, unless the deployment says otherwise."""
PROBE_SECONDS = 5.0
"""A probe that was not heard of for so long is given up; until then it is the only one."""


class Breaker:
    """Closed: calls pass. Open: they do not, until ``retry_seconds`` have passed and one call is let through."""

    def __init__(self, clock: Clock, retry_seconds: float = RETRY_SECONDS) -> None:
        self._clock = clock
        self.retry_seconds = retry_seconds
        self._lock = threading.Lock()
        self._retry_at: float | None = None

    @property
    def is_open(self) -> bool:
        """The level counts as away."""
        return self._retry_at is not None

    @property
    def due_in(self) -> float | None:
        """Seconds until the next probe may be made, 0 when it is due; ``None`` while closed."""
        retry_at = self._retry_at
        return None if retry_at is None else max(0.0, retry_at - self._clock.monotonic())

    def allows(self, grace: float = 0.0) -> bool:
        """Whether a call may go to the level now. The first one after the pause is the probe; others still wait.

        :param grace: seconds a caller leaves the probe to somebody better placed to wait for it.
        """
        retry_at = self._retry_at
        if retry_at is None:
            return True
        # Most calls of an outage end here: no lock, they are to cost next to nothing.
        if self._clock.monotonic() < retry_at + grace:
            return False
        with self._lock:
            if self._retry_at is None:
                return True
            now = self._clock.monotonic()
            if now < self._retry_at + grace:
                return False
            self._retry_at = now + max(self.retry_seconds, PROBE_SECONDS)
            return True

    def failed(self, *, probe: bool = False) -> bool:
        """Notes a failure; True when the level was not away before.

        Of the calls that were under way when it opened, each fails in its own time: only a ``probe`` prolongs the
        pause.
        """
        with self._lock:
            opened = self._retry_at is None
            if opened or probe:
                self._retry_at = self._clock.monotonic() + self.retry_seconds
            return opened

    def undecided(self) -> None:
        """The probe never reached the level: the next call may be one."""
        with self._lock:
            if self._retry_at is not None:
                self._retry_at = self._clock.monotonic()

    def succeeded(self) -> bool:
        """Notes an answer; True when the level was away before."""
        if self._retry_at is None:
            return False
        with self._lock:
            closed = self._retry_at is not None
            self._retry_at = None
            return closed

    def renew_lock(self) -> None:
        """In a forked child: the lock may have been held by a thread that does not exist here."""
        self._lock = threading.Lock()
