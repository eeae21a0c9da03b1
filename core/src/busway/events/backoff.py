"""How long a sink that failed is left alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Backoff"]


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential back-off with jitter: half of the delay is random, so that processes do not retry in step."""

    initial_seconds: float = 0.2
    factor: float = 2.0
    maximum_seconds: float = 60.0

    def delay(self, failures: int, random: Callable[[], float]) -> float:
        """Seconds to wait after the ``failures``-th failure in a row (from 1); ``random`` gives 0.0 to 1.0."""
        exponent = min(max(failures - 1, 0), 32)
        full = min(self.maximum_seconds, self.initial_seconds * self.factor**exponent)
        return full * (0.5 + 0.5 * random())
