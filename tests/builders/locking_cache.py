"""A shared level with locks, whose time is a test's to move."""

from __future__ import annotations

import threading

from builders.manual_clock import ManualClock
from busway.errors import UnreachableError
from busway.testing.caches import FakeCache

__all__ = ["LockingCache"]


class LockingCache(FakeCache):
    """Locks expire on the manual clock; ``advance`` moves it and wakes those who wait for one."""

    def __init__(self, clock: ManualClock, *, stores_in_clear: bool = True) -> None:
        super().__init__(clock, stores_in_clear=stores_in_clear)
        self.clock = clock
        self.locks: dict[str, tuple[str, float]] = {}
        """Name to token and the monotonic time it is free at."""
        self.names: set[str] = set()
        """Every name somebody wanted the lock of."""
        self.waiting = 0
        self.locks_away = False
        self.changed = threading.Condition(threading.RLock())

    def acquire_lock(self, name: str, token: str, lease_seconds: float) -> bool:
        with self.changed:
            self._asked("acquire")
            self.names.add(name)
            if self._held(name):
                return False
            self.locks[name] = (token, self.clock.monotonic() + lease_seconds)
            return True

    def renew_lock(self, name: str, token: str, lease_seconds: float) -> bool:
        with self.changed:
            self._asked("renew")
            if not self._held(name) or self.locks[name][0] != token:
                return False
            self.locks[name] = (token, self.clock.monotonic() + lease_seconds)
            self.changed.notify_all()
            return True

    def release_lock(self, name: str, token: str) -> bool:
        with self.changed:
            self._asked("release")
            if not self._held(name) or self.locks[name][0] != token:
                return False
            del self.locks[name]
            self.changed.notify_all()
            return True

    def wait_lock(self, name: str, timeout_seconds: float) -> bool:
        with self.changed:
            self._asked("wait")
            until = self.clock.monotonic() + timeout_seconds
            self.waiting += 1
            self.changed.notify_all()
            try:
                over = self.changed.wait_for(
                    lambda: self.locks_away or not self._held(name) or self.clock.monotonic() >= until, 20
                )
                assert over, "nobody moved the clock or released the lock"
                self._asked("woken")
                return not self._held(name)
            finally:
                self.waiting -= 1

    def advance(self, seconds: float) -> None:
        with self.changed:
            self.clock.advance(seconds)
            self.changed.notify_all()

    def until_waiting(self, count: int) -> None:
        """Returns once so many wait for a lock."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.waiting == count, 20), f"{self.waiting} wait, not {count}"

    def lose_locks(self) -> None:
        """From now on every call about a lock fails, also those under way."""
        with self.changed:
            self.locks_away = True
            self.changed.notify_all()

    def _held(self, name: str) -> bool:
        return name in self.locks and self.clock.monotonic() < self.locks[name][1]

    def _asked(self, what: str) -> None:
        self.calls.append(what)
        self.changed.notify_all()
        if self.locks_away:
            raise UnreachableError("BW2000", "the fake cache has lost its locks")
