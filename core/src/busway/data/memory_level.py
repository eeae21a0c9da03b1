"""The built-in level ``memory``: entries in this process, the least recently used ones dropped first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator

from busway.contracts.caches import Entry
from busway.contracts.clock import Clock, SystemClock
from busway.contracts.plugins import PluginContext
from busway.contracts.settings import Settings, setting
from busway.data.names import glob_regex
from busway.hookspecs import hookimpl

__all__ = ["MemoryLevel", "MemorySettings", "busway_cache_backend", "busway_settings"]


class MemorySettings(Settings):
    """How much the process keeps in memory."""

    max_entries: int = setting(
        10_000, env="MEMORY_CACHE_ENTRIES", doc="Entries the process keeps in memory, at most.", ge=1
    )


class MemoryLevel:
    """Entries by key, bounded by number. Safe to use from many threads.

    It hands out the very objects it was given; copies are the data manager's business.
    """

    holds_entries = True

    def __init__(self, max_entries: int = 10_000, clock: Clock | None = None) -> None:
        self._max_entries = max_entries
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, tuple[Entry, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str) -> Entry | None:
        """The entry under ``key``, or ``None``."""
        with self._lock:
            held = self._entries.get(key)
            if held is None:
                return None
            entry, deadline = held
            if self._clock.monotonic() >= deadline:
                del self._entries[key]
                return None
            self._entries.move_to_end(key)
            return entry

    def set(self, key: str, entry: Entry, ttl_seconds: float) -> None:
        """Keeps ``entry`` for ``ttl_seconds``, or until it is the least recently used of too many."""
        with self._lock:
            self._entries[key] = (entry, self._clock.monotonic() + ttl_seconds)
            self._entries.move_to_end(key)
            if len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)

    def delete(self, key: str) -> bool:
        """Drops ``key``; True when there was a live entry."""
        with self._lock:
            held = self._entries.pop(key, None)
            return held is not None and self._clock.monotonic() < held[1]

    def scan(self, pattern: str) -> Iterator[str]:
        """Live keys that match the shell pattern, as they were when the scan began."""
        matches = glob_regex(pattern).match
        with self._lock:
            now = self._clock.monotonic()
            keys = [key for key, (_, deadline) in self._entries.items() if now < deadline and matches(key)]
        return iter(keys)

    def close(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._entries.clear()


@hookimpl
def busway_settings() -> type[MemorySettings]:
    """The settings of the level."""
    return MemorySettings


@hookimpl
def busway_cache_backend(context: PluginContext[MemorySettings | None]) -> MemoryLevel:
    """Builds the level."""
    settings = context.settings or MemorySettings()
    return MemoryLevel(settings.max_entries, context.clock)
