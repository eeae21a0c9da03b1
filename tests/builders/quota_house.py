"""Processes that share a quota, in virtual time; and what must hold of the calls they drew."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import TracebackType

from builders.virtual_time import VirtualTime
from busway.contracts.coordination import Quota
from busway.metrics.registry import Metrics
from busway.stores.local_coordinator import LocalCoordinator
from busway.sync.quota import SharedLimiter

__all__ = ["Draw", "QuotaHouse", "largest_window"]


@dataclass(frozen=True)
class Draw:
    """Calls as they were drawn."""

    at: float
    share: str
    count: int
    waited: float


class QuotaHouse:
    """One database, one time, and a coordinator and limiter for each process, as real ones have them."""

    def __init__(self, folder: Path, quota: Quota) -> None:
        self.quota = quota
        self.time = VirtualTime()
        self.draws: list[Draw] = []
        self._folder = folder
        self._closing = ExitStack()
        self._random = Random(7)

    def __enter__(self) -> QuotaHouse:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def process(self, metrics: Metrics | None = None) -> SharedLimiter:
        """The limiter of one more process."""
        coordinator = LocalCoordinator(self._folder, self.time)
        self._closing.callback(coordinator.close)
        chance = self._random.random
        return SharedLimiter(self.quota, lambda: coordinator, self.time, metrics or Metrics(), chance=chance)

    def draw(self, limiter: SharedLimiter, share: str = "", count: int = 1) -> None:
        """Draws, and notes when."""
        waited = limiter.wait(share, count)
        self.draws.append(Draw(self.time.monotonic(), share, count, waited))

    def busy(self, limiter: SharedLimiter, share: str, until: float) -> Callable[[], None]:
        """An actor that wants one call after the other."""

        def work() -> None:
            while self.time.monotonic() < until:
                self.draw(limiter, share)

        return work

    def by_share(self, after: float = 0.0, before: float = math.inf) -> Counter[str]:
        """How many calls each share got from ``after`` on, and ``before``."""
        counts: Counter[str] = Counter()
        for draw in self.draws:
            if after <= draw.at < before:
                counts[draw.share] += draw.count
        return counts


def largest_window(calls: Iterable[tuple[float, int]], seconds: float) -> int:
    """Of calls (when, how many), the most that any window of ``seconds`` holds."""
    ordered: Sequence[tuple[float, int]] = sorted(calls)
    most = first = held = 0
    for at, count in ordered:
        held += count
        while ordered[first][0] <= at - seconds + 1e-9:  # a window ends before the call one period later
            held -= ordered[first][1]
            first += 1
        most = max(most, held)
    return most
