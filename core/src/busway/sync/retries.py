"""How often and how long a write is tried again when the target does not serve."""

from __future__ import annotations

import random
from collections.abc import Callable

from busway.contracts.clock import Clock
from busway.contracts.runs import Stop
from busway.errors import StoppedError, UnreachableError

__all__ = ["Patience"]

FIRST_SECONDS = 1.0
MOST_SECONDS = 60.0
SLICE_SECONDS = 0.25
"""A wait looks for the wish to stop that often."""


class Patience:
    """The retry budget of one job in one run.

    It is one for the whole job, because a target that is down would else be waited for once per record. Waits double
    from a second to a minute with full jitter, so that many writers do not come back together; what the target itself
    asked for is kept to. Safe to use from many threads.

    :param attempts: of one write, the first included.
    :param budget_seconds: waited in all.
    """

    def __init__(
        self,
        attempts: int,
        budget_seconds: float,
        clock: Clock,
        stop: Stop,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._attempts = attempts
        self._left = budget_seconds
        self._clock = clock
        self._stop = stop
        self._uniform = uniform

    def wait(self, tried: int, error: UnreachableError) -> bool:
        """Waits before the next attempt; False, at once, when there is to be none.

        :param tried: attempts made so far.
        :raises StoppedError: BW7006, the run was asked to stop meanwhile.
        """
        if tried >= self._attempts:
            return False
        seconds = error.retry_after_seconds
        if seconds is None:
            seconds = self._uniform(0.0, min(FIRST_SECONDS * 2 ** (tried - 1), MOST_SECONDS))
        if seconds > self._left:
            return False
        self._left -= seconds
        self._sleep(seconds)
        return True

    def _sleep(self, seconds: float) -> None:
        until = self._clock.monotonic() + seconds
        while (left := until - self._clock.monotonic()) > 0:
            if self._stop.requested():
                raise StoppedError(
                    "BW7006",
                    "stopped while waiting for the target",
                    why="it did not serve, and the run was asked to stop before it was asked again",
                    fix="busway run",
                )
            self._clock.sleep(min(left, SLICE_SECONDS))
