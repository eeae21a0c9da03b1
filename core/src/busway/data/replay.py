"""Replay: a level that is back is told what it missed, and never loses something newer for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from busway.contracts.clock import Clock
from busway.data.answers import as_texts
from busway.data.decision import NANOSECONDS
from busway.data.level_entry import created_at
from busway.data.missed import Missed, MissedPattern, MissedRemoval, MissedWrite, Word
from busway.metrics.registry import Metrics

if TYPE_CHECKING:
    from busway.data.level import Level

__all__ = ["Replay", "Replayed"]

IsInvalid = Callable[[str, int], bool]
"""Whether an entry under a full key, with this generation, was invalidated meanwhile."""
Replayed = Callable[["Level", Sequence[tuple[str, Word]], Sequence[tuple[str, int]]], None]
"""Called with the keys and the stamps the level was told about."""


class Replay:
    """Works off the queue of one level, oldest obligation first: stamps, then patterns, then keys.

    Each step is one call as far as the breaker is concerned. A step that fails stays in the queue, so that the next
    outage may begin at any point of it.
    """

    def __init__(
        self, level: Level, missed: Missed, clock: Clock, metrics: Metrics, is_invalid: IsInvalid, replayed: Replayed
    ) -> None:
        self._level = level
        self._missed = missed
        self._clock = clock
        self._is_invalid = is_invalid
        self._replayed = replayed
        self._lock = threading.Lock()
        self._count = metrics.counter(
            "busway_cache_replayed_total", "What a cache level was told after an outage.", level=level.name
        )

    @property
    def count(self) -> int:
        """Keys, patterns and stamps the level was told so far."""
        return int(self._count.value)

    def run(self, limit: int | None = None) -> bool:
        """Tells the level what it missed, ``limit`` steps at most; True when it took everything it was told."""
        if not self._lock.acquire(blocking=False):
            return True  # somebody is at it
        told: list[tuple[str, Word]] = []
        raised: list[tuple[str, int]] = []
        try:
            return self._work_off(limit, told, raised)
        finally:
            self._lock.release()
            if told or raised:
                self._replayed(self._level, told, raised)

    def renew_lock(self) -> None:
        """In a forked child: the lock may have been held by a thread that does not exist here."""
        self._lock = threading.Lock()

    def _work_off(self, limit: int | None, told: list[tuple[str, Word]], raised: list[tuple[str, int]]) -> bool:
        steps = 0
        while self._missed and (limit is None or steps < limit):
            if not self._step(told, raised):
                return False
            self._count.add()
            steps += 1
        return True

    def _step(self, told: list[tuple[str, Word]], raised: list[tuple[str, int]]) -> bool:
        missed = self._missed.stamp()
        if missed is not None:
            return self._raise(*missed, raised)
        pattern = self._missed.pattern()
        if pattern is not None:
            return self._search(pattern, told)
        said = self._missed.word()
        if said is None:
            return True
        key, word = said
        if not self._done(lambda: self._settle(key, word)):
            return False
        self._missed.told(key, word)
        told.append((key, word))
        return True

    @property
    def _backend(self) -> Any:
        return self._level.backend

    def _done(self, call: Callable[[], object]) -> bool:
        return self._level.attempt(call)

    def _raise(self, name: str, stamp: int, raised: list[tuple[str, int]]) -> bool:
        if not self._done(lambda: self._backend.raise_generation(name, stamp)):
            return False
        self._missed.told_stamp(name, stamp)
        raised.append((name, stamp))
        return True

    def _search(self, pattern: MissedPattern, told: list[tuple[str, Word]]) -> bool:
        """Removes what the pattern finds, key by key, unless it is newer than the search that was missed."""
        found: list[str] = []
        if not self._done(lambda: found.extend(as_texts(self._backend.scan(pattern.pattern)))):
            return False
        for key in filter(pattern.matches, found):
            if not self._done(lambda key=key: self._remove(key, pattern.stamp_ns)):  # type: ignore[misc]
                return False
            told.append((key, MissedRemoval(pattern.stamp_ns)))
        self._missed.told_pattern(pattern)
        return True

    def _settle(self, key: str, word: Word) -> None:
        """Brings the level up to ``word``. What it has is looked at first: others may have reached it meanwhile."""
        if not isinstance(word, MissedWrite):
            self._remove(key, word.stamp_ns)
            return
        seconds = (word.entry.kept_until_ns - self._clock.now_ns()) / NANOSECONDS
        if seconds <= 0 or self._is_invalid(key, word.entry.generation):
            self._remove(key, word.stamp_ns)
            return
        there = self._created_at(key)
        if there is None or there <= word.stamp_ns:
            self._backend.set(key, word.entry if self._level.in_process else word.packed, seconds)
            self._level.counts.of_key("writes", key)

    def _remove(self, key: str, stamp_ns: int) -> None:
        there = self._created_at(key)
        if there is not None and there <= stamp_ns:
            self._backend.delete(key)

    def _created_at(self, key: str) -> int | None:
        """When the entry on the level was made; 0 for something that is none, ``None`` where there is nothing."""
        raw = self._backend.get(key)
        return None if raw is None else created_at(raw) or 0
