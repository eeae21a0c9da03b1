"""Cached data in a dict of this process, with a limit on how many entries it keeps."""

from __future__ import annotations

import fnmatch
import re
import threading
from collections.abc import Iterator

from busway import PluginContext, Settings, hookimpl, setting
from busway.contracts.clock import Clock


class DictCacheSettings(Settings):
    """How much is kept."""

    max_entries: int = setting(
        10_000, env="ACME_DICT_CACHE_MAX_ENTRIES", doc="Entries kept; above it the oldest go.", ge=1
    )


class DictCache:
    """Bytes by key, with the time they expire at. Many threads call it at once, hence the lock."""

    stores_in_clear = True

    def __init__(self, max_entries: int, clock: Clock) -> None:
        self._max_entries = max_entries
        self._clock = clock
        self._held: dict[str, tuple[bytes, float]] = {}
        self._lock = threading.Lock()

    def get(self, key: str) -> bytes | None:
        """The bytes, or None when there are none or their time is over."""
        held = self._held.get(key)
        return held[0] if held is not None and self._clock.monotonic() < held[1] else None

    def set(self, key: str, entry: bytes, ttl_seconds: float) -> None:
        """Keeps the bytes; a second write begins a new time."""
        with self._lock:
            self._held.pop(key, None)
            self._held[key] = (bytes(entry), self._clock.monotonic() + ttl_seconds)
            while len(self._held) > self._max_entries:
                del self._held[next(iter(self._held))]

    def delete(self, key: str) -> bool:
        """True when there was one."""
        with self._lock:
            held = self._held.pop(key, None)
        return held is not None and self._clock.monotonic() < held[1]

    def scan(self, pattern: str) -> Iterator[str]:
        """The keys that match a shell pattern in which a backslash escapes; fnmatch has no such escape."""
        regex = re.compile(fnmatch.translate(re.sub(r"\\([*?\[\]\\])", r"[\1]", pattern)))
        with self._lock:
            held = list(self._held.items())
        now = self._clock.monotonic()
        return (key for key, (_, until) in held if now < until and regex.match(key))

    def close(self) -> None:
        """Forgets everything."""
        self._held.clear()


@hookimpl
def busway_settings() -> type[DictCacheSettings]:
    return DictCacheSettings


@hookimpl
def busway_cache_backend(context: PluginContext[DictCacheSettings]) -> DictCache:
    return DictCache(context.settings.max_entries, context.clock)
