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

    Failures are known to all processes, and to the next run: it begins with a probe. How long the sink is left alone is
    not: another process may reach it.
    """

    def __init__(self, backoff: Backoff, random: Callable[[], float]) -> None:
        self._backoff = backoff
        self._random = random
        self.failures = 0
        """In a row."""
        self.cause = ""
        """Of the last failure: the class of an exception, or words."""
        self.is_hearsay = False
        """Another process met these failures, and this one has not tried yet."""

    @property
    def is_open(self) -> bool:
        """Whether the sink gets probes only."""
        return self.failures >= BREAKER_FAILURES

    def hear(self, failures: int, cause: str) -> None:
        """What the process knows that had the turn last; it knows better."""
        if failures != self.failures:
            self.failures, self.cause, self.is_hearsay = failures, cause, failures > 0

    def failed(self, cause: str) -> bool:
        """The sink took nothing; True when this process has not seen that before."""
        is_news = self.is_hearsay or not self.failures
        self.failures, self.cause, self.is_hearsay = self.failures + 1, cause, False
        return is_news

    def recovered(self) -> bool:
        """The sink took something; True when it had failed before."""
        had_failed, self.failures, self.is_hearsay = self.failures > 0, 0, False
        return had_failed

    def delay(self, failures: int | None = None) -> float:
        """Seconds until the next try after the failures so far, or after so many."""
        return self._backoff.delay(self.failures if failures is None else failures, self._random)

    def probe(self, batch: Sequence[Item]) -> list[Item]:
        """One event of ``batch``, another one each time: if it were always the first, a single event that no sink
        takes would keep the breaker open. Never one with an earlier event of its record in front of it."""
        free = list({item.entity or id(item): item for item in reversed(batch)}.values())[::-1]
        return [free[(self.failures - BREAKER_FAILURES) % len(free)]]
