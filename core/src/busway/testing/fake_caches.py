"""Cache backends in memory to test against: one that stores, and one that several processes could share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

from busway.contracts.clock import Clock, SystemClock
from busway.contracts.patterns import glob_regex
from busway.errors import UnreachableError

__all__ = ["FakeCache", "FakeCacheServer", "FakeSharedCache"]

LOOK_AGAIN_SECONDS = 0.005
"""A clock that is handed in wakes nobody when it is moved: whoever waits for a lock looks this often."""


class FakeCache:
    """A backend that keeps bytes in a dict. Set ``away`` to make it unreachable."""

    def __init__(self, clock: Clock | None = None, *, stores_in_clear: bool = True) -> None:
        self.stores_in_clear = stores_in_clear
        self.away = False
        """While True every call raises ``UnreachableError`` BW2000."""
        self.calls: list[str] = []
        """The name of each call, also of those that failed."""
        self.held: dict[str, tuple[bytes, float]] = {}
        """Key to bytes and the monotonic time they expire at; a test may put anything into it."""
        self.closed = False
        self._clock = clock or SystemClock()

    def get(self, key: str) -> bytes | None:
        """The live bytes under ``key``."""
        self._called("get")
        held = self.held.get(key)
        return held[0] if held is not None and self._clock.monotonic() < held[1] else None

    def set(self, key: str, entry: bytes, ttl_seconds: float) -> None:
        """Keeps ``entry``."""
        self._called("set")
        self.held[key] = (bytes(entry), self._clock.monotonic() + ttl_seconds)

    def delete(self, key: str) -> bool:
        """Drops ``key``."""
        self._called("delete")
        held = self.held.pop(key, None)
        return held is not None and self._clock.monotonic() < held[1]

    def scan(self, pattern: str) -> Iterator[str]:
        """Live keys that match."""
        self._called("scan")
        matches = glob_regex(pattern).match
        now = self._clock.monotonic()
        return iter([key for key, (_, deadline) in list(self.held.items()) if now < deadline and matches(key)])

    def close(self) -> None:
        """Notes that it was called."""
        self.closed = True

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.away:
            raise UnreachableError("BW2000", "the fake cache is away")


class FakeCacheServer:
    """What several :class:`FakeSharedCache` share: entries, locks, stamps and who listens."""

    def __init__(self) -> None:
        self.held: dict[str, tuple[bytes, float]] = {}
        self.locks: dict[str, tuple[str, float]] = {}
        """Name to token and the monotonic time the lease ends at."""
        self.stamps: dict[str, int] = {}
        self.messages: list[bytes] = []
        """Everything that was published."""
        self.listeners: list[tuple[FakeSharedCache, Callable[[bytes], None]]] = []
        self.changed = threading.Condition()


class FakeSharedCache(FakeCache):
    """One user of a :class:`FakeCacheServer`, with locks, generation stamps and messages.

    Several over one server behave like processes over one Redis. Messages are delivered before ``publish`` returns, in
    its thread. One that was ``away`` tells its listeners with an empty message, once it is back, that they may have
    missed some. Give all of them the same clock.
    """

    def __init__(
        self, server: FakeCacheServer | None = None, clock: Clock | None = None, *, stores_in_clear: bool = True
    ) -> None:
        self._away = False
        super().__init__(clock, stores_in_clear=stores_in_clear)
        self.server = server or FakeCacheServer()
        self.held = self.server.held

    @property
    def away(self) -> bool:
        """While True every call raises ``UnreachableError`` BW2000, and no message arrives."""
        return self._away

    @away.setter
    def away(self, away: bool) -> None:
        back = self._away and not away
        self._away = away
        if back:
            for receive in self._receivers():
                receive(b"")

    def acquire_lock(self, name: str, token: str, lease_seconds: float) -> bool:
        """Takes the lock; False when somebody holds it."""
        self._called("acquire_lock")
        with self.server.changed:
            if self._holder(name) is not None:
                return False
            self._lease(name, token, lease_seconds)
            return True

    def renew_lock(self, name: str, token: str, lease_seconds: float) -> bool:
        """Extends the lease; False when it is no longer that of ``token``."""
        self._called("renew_lock")
        with self.server.changed:
            if self._holder(name) != token:
                return False
            self._lease(name, token, lease_seconds)
            return True

    def release_lock(self, name: str, token: str) -> bool:
        """Frees the lock if it is that of ``token``, and wakes those who wait."""
        self._called("release_lock")
        with self.server.changed:
            if self._holder(name) != token:
                return False
            del self.server.locks[name]
            self.server.changed.notify_all()
            return True

    def wait_lock(self, name: str, timeout_seconds: float) -> bool:
        """Waits until nobody holds the lock; False after ``timeout_seconds`` on the clock that was handed in."""
        self._called("wait_lock")
        until = self._clock.monotonic() + timeout_seconds
        with self.server.changed:
            while self._holder(name) is not None:
                if self._clock.monotonic() >= until:
                    return False
                self.server.changed.wait(LOOK_AGAIN_SECONDS)
        return True

    def read_generations(self, names: Sequence[str]) -> Sequence[int]:
        """The stamp of each name; 0 where none was set."""
        self._called("read_generations")
        return [self.server.stamps.get(name, 0) for name in names]

    def raise_generation(self, name: str, stamp: int) -> int:
        """Moves the stamp up, never down."""
        self._called("raise_generation")
        with self.server.changed:
            held = self.server.stamps[name] = max(stamp, self.server.stamps.get(name, 0))
            return held

    def publish(self, message: bytes) -> None:
        """Gives ``message`` to everybody who listens through a cache that is not away."""
        self._called("publish")
        self.server.messages.append(bytes(message))
        for cache, receive in list(self.server.listeners):
            if not cache.away:
                receive(bytes(message))

    def subscribe(self, receive: Callable[[bytes], None]) -> Callable[[], None]:
        """Calls ``receive`` with each message until the function it returns is called, or the cache is closed."""
        self._called("subscribe")
        listener = (self, receive)
        self.server.listeners.append(listener)

        def stop() -> None:
            if listener in self.server.listeners:
                self.server.listeners.remove(listener)

        return stop

    def close(self) -> None:
        """Listens no longer."""
        super().close()
        self.server.listeners[:] = [listener for listener in self.server.listeners if listener[0] is not self]

    def _receivers(self) -> list[Callable[[bytes], None]]:
        return [receive for cache, receive in self.server.listeners if cache is self]

    def _holder(self, name: str) -> str | None:
        token, until = self.server.locks.get(name, ("", 0.0))
        return token if self._clock.monotonic() < until else None

    def _lease(self, name: str, token: str, seconds: float) -> None:
        self.server.locks[name] = (token, self._clock.monotonic() + seconds)
