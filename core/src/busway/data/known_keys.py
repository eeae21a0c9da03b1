"""Which entries this process has seen stored: what the count of an invalidated domain or entity is taken from."""

from __future__ import annotations

import threading

from busway.data.full_key import names_of
from busway.data.names import Name

__all__ = ["KnownKeys"]

MOST_KEYS = 50_000


class KnownKeys:
    """Keys by name, bounded: beyond that the count is too low. Counting costs the same whatever the levels hold."""

    def __init__(self, most_keys: int = MOST_KEYS) -> None:
        self._most_keys = most_keys
        self._lock = threading.Lock()
        self._keys: dict[str, dict[str, set[str]]] = {}
        self._size = 0

    def add(self, key: str) -> None:
        """An entry is stored under ``key``."""
        *domain, name = names_of(key)
        with self._lock:
            keys = self._keys.setdefault(domain[0] if domain else name, {}).setdefault(name, set())
            if key not in keys and self._size < self._most_keys:
                keys.add(key)
                self._size += 1

    def discard(self, key: str) -> None:
        """There is none any more."""
        *domain, name = names_of(key)
        with self._lock:
            keys = self._keys.get(domain[0] if domain else name, {}).get(name, set())
            if key in keys:
                keys.remove(key)
                self._size -= 1

    def forget(self, name: Name) -> int:
        """Everything of ``name`` is gone; how much it was."""
        text = str(name)
        with self._lock:
            if text == name.domain:
                gone = sum(map(len, self._keys.pop(text, {}).values()))
            else:
                gone = len(self._keys.get(name.domain, {}).pop(text, ()))
            self._size -= gone
        return gone

    def renew_lock(self) -> None:
        """In a forked child: the lock may have been held by a thread that does not exist here."""
        self._lock = threading.Lock()
