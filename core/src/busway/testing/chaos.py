"""Chaos: a cache backend that fails, dawdles and answers garbage, to see whether those who use it can stand it.

    cache = ChaosCache(RedisCache(settings), fail=0.1, garbage=0.05, rng=random.Random(7))

With the same seed and the same calls it does the same things.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from busway.contracts.caches import SupportsGenerations, SupportsLocks, SupportsPublish
from busway.contracts.clock import Clock, SystemClock
from busway.errors import UnreachableError

__all__ = ["ChaosCache"]

T = TypeVar("T")
LONGEST_GARBAGE = 64


class ChaosCache:
    """Any cache backend, with trouble. It has locks, stamps and messages where ``inner`` has them.

    ``fail``, ``late``, ``garbage`` and ``delay`` may be changed at any time; all at 0 it is ``inner``.
    """

    def __new__(cls, inner: Any, **options: Any) -> ChaosCache:
        """An object of a class that has what ``inner`` has: whether a level has locks is read off its methods."""
        extra = tuple(added for protocol, added in _ADDED if isinstance(inner, protocol))
        return object.__new__(type(cls.__name__, (*extra, cls), {}) if extra else cls)

    def __init__(
        self,
        inner: Any,
        *,
        fail: float = 0.1,
        late: float = 0.0,
        garbage: float = 0.0,
        delay: float = 0.0,
        rng: random.Random | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Wraps ``inner``.

        :param fail: probability that a call raises ``UnreachableError`` BW2036.
        :param late: of those that fail, the share that does its work first: an answer that got lost.
        :param garbage: probability that ``get`` answers with bytes nobody stored, where there are some.
        :param delay: seconds each call waits at most, on ``clock``; how long is drawn anew.
        """
        self.inner = inner
        self.fail, self.late, self.garbage, self.delay = fail, late, garbage, delay
        self.failed = 0
        """Calls that were made to fail."""
        self.garbled = 0
        """Answers that were replaced."""
        if hasattr(inner, "stores_in_clear"):
            self.stores_in_clear: bool = inner.stores_in_clear
        if hasattr(inner, "holds_entries"):
            self.holds_entries: bool = inner.holds_entries
        self._rng = rng or random.Random()  # noqa: S311 - no secret
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()

    def get(self, key: str) -> Any:
        """What ``inner`` has, or garbage in its place."""
        answer = self._call("get", lambda: self.inner.get(key))
        if isinstance(answer, bytes) and self._happens(self.garbage):
            with self._lock:
                self.garbled += 1
                return _garbled(answer, self._rng)
        return answer

    def set(self, key: str, entry: Any, ttl_seconds: float) -> None:
        """Stores ``entry``, if all goes well."""
        self._call("set", lambda: self.inner.set(key, entry, ttl_seconds))

    def delete(self, key: str) -> bool:
        """Removes ``key``, if all goes well."""
        return self._call("delete", lambda: bool(self.inner.delete(key)))

    def scan(self, pattern: str) -> Iterator[str]:
        """Keys that match; it may break off."""
        for key in self._call("scan", lambda: self.inner.scan(pattern)):
            self._call("scan", lambda: None)
            yield key

    def close(self) -> None:
        """Closes ``inner``; that never fails."""
        self.inner.close()

    def _call(self, name: str, call: Callable[[], T]) -> T:
        if self.delay:
            self._clock.sleep(self._draw() * self.delay)
        if self._happens(self.fail):
            if self._happens(self.late):
                call()
            with self._lock:
                self.failed += 1
            raise UnreachableError("BW2036", f"chaos: {name} was made to fail")
        return call()

    def _happens(self, probability: float) -> bool:
        """Draws only where there is something to decide, so that one trouble does not change the turns of another."""
        return probability > 0 and self._draw() < probability

    def _draw(self) -> float:
        with self._lock:
            return self._rng.random()


class _ChaosLocks(ChaosCache):
    def acquire_lock(self, name: str, token: str, lease_seconds: float) -> bool:
        """Takes the lock, if all goes well; after a late failure it may be taken all the same."""
        return self._call("acquire_lock", lambda: bool(self.inner.acquire_lock(name, token, lease_seconds)))

    def renew_lock(self, name: str, token: str, lease_seconds: float) -> bool:
        """Extends the lease."""
        return self._call("renew_lock", lambda: bool(self.inner.renew_lock(name, token, lease_seconds)))

    def release_lock(self, name: str, token: str) -> bool:
        """Gives the lock back."""
        return self._call("release_lock", lambda: bool(self.inner.release_lock(name, token)))

    def wait_lock(self, name: str, timeout_seconds: float) -> bool:
        """Waits for the lock."""
        return self._call("wait_lock", lambda: bool(self.inner.wait_lock(name, timeout_seconds)))


class _ChaosGenerations(ChaosCache):
    def read_generations(self, names: Sequence[str]) -> Sequence[int]:
        """The stamps."""
        return self._call("read_generations", lambda: list(self.inner.read_generations(names)))

    def raise_generation(self, name: str, stamp: int) -> int:
        """Raises a stamp."""
        return self._call("raise_generation", lambda: int(self.inner.raise_generation(name, stamp)))


class _ChaosPublish(ChaosCache):
    def publish(self, message: bytes) -> None:
        """Sends ``message``."""
        self._call("publish", lambda: self.inner.publish(message))

    def subscribe(self, receive: Callable[[bytes], None]) -> Callable[[], None]:
        """Listens; what arrives is left as it is."""
        stop: Callable[[], None] = self._call("subscribe", lambda: self.inner.subscribe(receive))
        return stop


_ADDED = ((SupportsLocks, _ChaosLocks), (SupportsGenerations, _ChaosGenerations), (SupportsPublish, _ChaosPublish))


def _garbled(answer: bytes, rng: random.Random) -> bytes:
    """Something else: nothing, a part, other bytes, or one bit that fell over."""
    kind = rng.randrange(4) if answer else 2
    if kind == 0:
        return b""
    if kind == 1:
        return answer[: rng.randrange(len(answer))]
    if kind == 2:
        return rng.randbytes(rng.randrange(1, LONGEST_GARBAGE))
    changed = bytearray(answer)
    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)
