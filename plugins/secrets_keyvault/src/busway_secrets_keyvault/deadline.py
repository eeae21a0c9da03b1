"""The time one call has, whatever it does with it."""

from __future__ import annotations

from busway.contracts.clock import Clock

__all__ = ["Deadline"]


class Deadline:
    """A point in time ``seconds`` from now, on the monotonic clock."""

    __slots__ = ("_at", "_clock", "seconds")

    def __init__(self, clock: Clock, seconds: float) -> None:
        self.seconds = seconds
        self._clock = clock
        self._at = clock.monotonic() + seconds

    def left(self) -> float:
        """Seconds left; never negative."""
        return max(0.0, self._at - self._clock.monotonic())
