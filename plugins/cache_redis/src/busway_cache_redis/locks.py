"""Locks in Redis: leased, tokened, renewable; whoever waits for one is woken by its release."""

from __future__ import annotations

import threading
from time import monotonic

from busway_cache_redis.client import Client
from busway_cache_redis.listener import Listener
from busway_cache_redis.names import Names
from busway_cache_redis.script import Script

__all__ = ["Locks"]

RENEW = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
""")
RELEASE = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('PUBLISH', ARGV[2], '1')
return 1
""")
NOBODY = -2
"""What ``PTTL`` says of a key that is not there."""


class Locks:
    """A lock is a key with the holder's token, which the server forgets at the end of the lease."""

    def __init__(self, client: Client, listener: Listener, names: Names) -> None:
        self._client = client
        self._listener = listener
        self._names = names

    def acquire(self, name: str, token: str, lease_seconds: float) -> bool:
        """Takes the lock; False when somebody holds it."""
        key = self._names.key(b"lock", name)
        return self._client.ask(b"SET", key, token, b"NX", b"PX", _milliseconds(lease_seconds)) is not None

    def renew(self, name: str, token: str, lease_seconds: float) -> bool:
        """Extends the lease; False when it is no longer ours."""
        return bool(self._client.run(RENEW, [self._names.key(b"lock", name)], token, _milliseconds(lease_seconds)))

    def release(self, name: str, token: str) -> bool:
        """Gives it back and wakes those who wait, if it is still ours."""
        bell = self._names.channel(b"lock", name)
        return bool(self._client.run(RELEASE, [self._names.key(b"lock", name)], token, bell))

    def wait(self, name: str, timeout_seconds: float) -> bool:
        """Waits until nobody holds it; False after ``timeout_seconds``. Raises when the server is away."""
        until = monotonic() + timeout_seconds
        bell = _Bell()
        # First listen, then look: a release in between rings.
        stop = self._listener.listen(self._names.channel(b"lock", name), bell.ring, bell.wake)
        try:
            while not bell.released:
                bell.reset()
                lease_ms = int(self._client.read(b"PTTL", self._names.key(b"lock", name)))
                if lease_ms == NOBODY:
                    return True
                left = until - monotonic()
                if left <= 0:
                    return bell.released
                # A holder that was killed rings no bell: its lease ends by itself, unless it was renewed meanwhile.
                bell.wait(left if lease_ms < 0 else min(left, (lease_ms + 1) / 1000))
            return True
        finally:
            stop()


class _Bell:
    """What one waiter hears: a release, or that it has to look for itself."""

    def __init__(self) -> None:
        self.released = False
        self._woken = threading.Event()
        self.wake = self._woken.set
        self.reset = self._woken.clear
        self.wait = self._woken.wait

    def ring(self, message: bytes) -> None:
        """Called with what the release sends; empty: a release may have been missed."""
        self.released = self.released or message != b""
        self.wake()


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
