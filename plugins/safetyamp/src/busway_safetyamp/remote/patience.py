"""Waiting that ends when the run is to stop."""

from __future__ import annotations

from busway.contracts.clock import Clock
from busway.contracts.runs import Stop
from busway_safetyamp.remote.errors import StoppedWaitingError

__all__ = ["Patience"]

SLICE = 0.5
"""Seconds between two looks at the wish to stop. A quota makes calls wait for a minute; Ctrl-C must not."""
SHORTEST = 0.001
"""Seconds: what is left of a wait after rounding must not be waited for in a busy loop."""


class _NobodyStops:
    def requested(self) -> bool:
        return False


class Patience:
    """How the calls of one application wait. Shared by its threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._stop: Stop = _NobodyStops()

    def follow(self, stop: Stop) -> None:
        """Waits end early from now on when ``stop`` says so."""
        self._stop = stop

    def now(self) -> float:
        """Seconds that only ever grow."""
        return self._clock.monotonic()

    def wait(self, seconds: float) -> None:
        """Lets ``seconds`` pass. Raises ``StoppedWaitingError`` (BW5108) as soon as a stop is asked for."""
        until = self.now() + seconds
        while (left := until - self.now()) > 0:
            if self._stop.requested():
                raise _stopped(left)
            self._clock.sleep(max(SHORTEST, min(SLICE, left)))


def _stopped(left: float) -> StoppedWaitingError:
    return StoppedWaitingError(
        "BW5108",
        "a call was not made, because the run is to stop",
        why=f"it would have had to wait {left:.0f} s more for its turn",
        fix="nothing was sent; run again, and it goes on where it stopped",
    )
