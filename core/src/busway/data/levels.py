"""The levels in their configured order: read through from the first, written to all."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from busway.contracts.caches import CacheBackend, Entry, InProcessCache
from busway.contracts.clock import Clock
from busway.contracts.events import Severity
from busway.data.decision import NANOSECONDS, Verdict, decide
from busway.data.level import Judge, Level, Reading
from busway.data.policy import Policy
from busway.metrics.registry import Metrics

__all__ = ["Found", "Levels"]

logger = logging.getLogger("busway.data")


@dataclass(frozen=True, slots=True)
class Found:
    """An entry and where it was found."""

    entry: Entry
    verdict: Verdict
    level: str
    """Name of the level; empty when the value was just loaded."""


class Levels:
    """Ordered levels, none of which can fail its caller."""

    def __init__(
        self,
        levels: Sequence[tuple[str, CacheBackend | InProcessCache]],
        clock: Clock,
        metrics: Metrics,
        emit: Callable[..., Any] | None = None,
    ) -> None:
        self._clock = clock
        self._emit = emit
        self._levels = [Level(name, backend, clock, metrics, self._tell) for name, backend in levels]
        self._near = [level for level in self._levels if level.in_process]
        first = self._levels[0] if self._levels else None
        self.near_get = first.direct_get if first is not None else None
        """``get`` of the first level's backend, when that level is inside the process; ``None`` once it has failed."""
        self._count_near_hit = first.count_hit if first is not None else None

    @property
    def degraded(self) -> bool:
        """At least one level is away."""
        return any(level.away for level in self._levels)

    def near_hit(self, key: str, now_ns: int, stamp: int) -> Entry | None:
        """The fresh entry of the first level, asked without a guard around it. ``None`` says nothing: ask properly."""
        get, count = self.near_get, self._count_near_hit
        if get is None or count is None:
            return None
        try:
            entry = get(key)
        except Exception:
            # From now on it is asked through its breaker only, which also tells.
            self.near_get = None
            return None
        if type(entry) is not Entry or now_ns >= entry.fresh_until_ns or entry.generation < stamp:
            return None
        count()
        return entry

    def read_near(self, key: str, policy: Policy, stamp: int) -> Found | None:
        """What the levels inside the process have; no I/O."""
        judge = self._judge(policy, stamp)
        return self._first(self._near, key, judge, promote=False)

    def read(self, key: str, policy: Policy, stamp: int, *, promote: bool = True) -> Found | None:
        """The first fresh entry, copied to the levels before it; else the first stale one; else ``None``."""
        return self._first(self._for(policy), key, self._judge(policy, stamp), promote=promote)

    def write(self, key: str, entry: Entry, packed: bytes, policy: Policy) -> int:
        """Stores ``entry`` on every level its policy allows; the number of those that took it."""
        seconds = self._seconds_left(entry)
        if seconds <= 0:
            return 0
        # Every level is written, also when one before it failed: no short circuit here.
        return sum([level.write(key, entry, packed, seconds) for level in self._for(policy)])

    def delete(self, key: str) -> bool:
        """Removes ``key`` from every level, sensitive or not; True when one of them had it."""
        removed = [level.delete(key) for level in self._levels]  # from all of them: no short circuit
        return any(removed)

    def keys(self, pattern: str) -> set[str]:
        """Keys on any level that match the shell pattern."""
        return {key for level in self._levels for key in level.keys(pattern)}

    def stats(self) -> list[dict[str, Any]]:
        """Name, plugin (where known), state and counts of each level, in order."""
        return [
            {"level": level.name, **_plugin_of(level), "state": "away" if level.away else "up", **level.counts()}
            for level in self._levels
        ]

    def close(self) -> None:
        """Closes every level, once; afterwards nothing is found and nothing is stored."""
        levels, self._levels, self._near, self.near_get = self._levels, [], [], None
        for level in levels:
            level.close()

    def _first(self, levels: list[Level], key: str, judge: Judge, *, promote: bool) -> Found | None:
        stale: Found | None = None
        for position, level in enumerate(levels):
            reading = level.read(key, judge)
            if reading is None:
                continue
            if reading.verdict is Verdict.HIT:
                if promote:
                    self._promote(levels[:position], key, reading)
                return Found(reading.entry, reading.verdict, level.name)
            # A level below may have what another process loaded since, so a stale one does not end the search.
            stale = stale or Found(reading.entry, reading.verdict, level.name)
        return stale

    def _promote(self, above: Iterable[Level], key: str, reading: Reading) -> None:
        seconds = self._seconds_left(reading.entry)
        if seconds > 0:
            for level in above:
                level.write(key, reading.entry, reading.packed, seconds)

    def _judge(self, policy: Policy, stamp: int) -> Judge:
        now_ns = self._clock.now_ns()
        return lambda entry: decide(entry, now_ns, policy, stamp)

    def _for(self, policy: Policy) -> list[Level]:
        return [level for level in self._levels if level.takes_sensitive] if policy.sensitive else self._levels

    def _seconds_left(self, entry: Entry) -> float:
        return (entry.kept_until_ns - self._clock.now_ns()) / NANOSECONDS

    def _tell(self, level: Level, away: bool, why: str) -> None:
        """One log line and one event per transition."""
        if away:
            logger.warning("cache level %s is away: %s", level.title, why)
        else:
            logger.warning("cache level %s is back", level.title)
        if self._emit is not None:
            what = "cache level away" if away else "cache level back"
            self._emit(
                category="system",
                severity=Severity.WARNING if away else Severity.INFO,
                attributes={"what": what, "level": level.name, **_plugin_of(level), "why": why},
            )


def _plugin_of(level: Level) -> dict[str, str]:
    origin = level.origin
    return {} if origin is None else {"distribution": origin.distribution, "version": origin.version}
