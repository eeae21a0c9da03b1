"""The locks of a level, its failures noted like those of any other call."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from busway.contracts.caches import SupportsLocks
from busway.data.level import Level

__all__ = ["LevelLocks"]

T = TypeVar("T")


class LevelLocks:
    """A :class:`SupportsLocks` that opens the level's breaker when a call fails, and lets the caller see it."""

    def __init__(self, level: Level, locks: SupportsLocks) -> None:
        self._level = level
        self._locks = locks

    def acquire_lock(self, name: str, token: str, lease_seconds: float) -> bool:
        """Takes the lock; False when somebody holds it. Raises what the backend raises, like the others."""
        return self._call(lambda: self._locks.acquire_lock(name, token, lease_seconds))

    def renew_lock(self, name: str, token: str, lease_seconds: float) -> bool:
        """Extends the lease; False when it is no longer ours."""
        return self._call(lambda: self._locks.renew_lock(name, token, lease_seconds))

    def release_lock(self, name: str, token: str) -> bool:
        """Gives the lock back if it is still ours, and wakes those who wait."""
        return self._call(lambda: self._locks.release_lock(name, token))

    def wait_lock(self, name: str, timeout_seconds: float) -> bool:
        """Waits until nobody holds the lock; False after ``timeout_seconds``."""
        return self._call(lambda: self._locks.wait_lock(name, timeout_seconds))

    def _call(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except Exception as error:
            self._level.failed(error)
            raise
