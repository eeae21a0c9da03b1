"""When a sink that fails is tried again, and with how much."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from busway.events.backoff import Backoff
from busway.events.window import Item

__all__ = ["BREAKER_FAILURES", "SinkBreaker"]

BREAKER_FAILURES = 5


class SinkBreaker:
    """Closed while the sink works; open after five failures in a row.

    While it is open nobody waits for the sink, and after each back-off one probe of a single event says whether it is
    back: a receiver that has just come up is not met with a whole batch, and one that has not costs one call.
    """

    def __init__(self, backoff: Backoff, random: Callable[[], float]) -> None:
        self._backoff = backoff
        self._random = random
        self.failures = 0
        """In a row."""
        self.cause = ""
        """Of the last failure: the class of an exception, or words."""

    @property
    def is_open(self) -> bool:
        """Whether the sink gets probes only."""
        return self.failures >= BREAKER_FAILURES

    def failed(self, cause: str) -> None:
        """The sink took nothing."""
        self.failures += 1
        self.cause = cause

    def recovered(self) -> bool:
        """The sink took something; True when it had failed before."""
        had_failed, self.failures = self.failures > 0, 0
        return had_failed

    def delay(self, failures: int | None = None) -> float:
        """Seconds until the next try after the failures so far, or after so many."""
        return self._backoff.delay(self.failures if failures is None else failures, self._random)

    def probe(self, batch: Sequence[Item]) -> list[Item]:
        """One event of ``batch``, another one each time: if it were always the first, a single event that no sink
        takes would keep the breaker open. Never one with an earlier event of its record in front of it."""
        free = list({item.entity or id(item): item for item in reversed(batch)}.values())[::-1]
        return [free[(self.failures - BREAKER_FAILURES) % len(free)]]
