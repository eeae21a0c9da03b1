"""The Redis level: one string per entry, expired by the server; and what else processes share through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

from busway.errors import BuswayError
from busway_cache_redis.client import Client
from busway_cache_redis.coordinator import RedisCoordinator
from busway_cache_redis.generations import Generations
from busway_cache_redis.listener import Listener
from busway_cache_redis.locks import Locks
from busway_cache_redis.names import Names, entry_key, entry_name
from busway_cache_redis.patterns import Pattern
from busway_cache_redis.settings import RedisSettings

__all__ = ["RedisCache"]

SCAN_COUNT = 1_000
LONGEST_MS = 10 * 365 * 86_400 * 1000


class RedisCache:
    """A level in Redis: ``CacheBackend`` with locks, generations, messages and coordination.

    Whatever the server or the network refuses is an ``UnreachableError`` (BW2006, BW2025 to BW2028, BW2031, BW2034)
    with host and port, never a password. BW2025 says that it stores nothing now, though it may still be read from;
    BW2034 that all connections are in use. Settings that cannot be used are ``ConfigurationError`` (BW2011, BW2030).

    Nothing is opened or started before the first use.

    :param app: name of the deployment: first part of the names of locks, stamps, leases, quotas and channels.
    :param root: folder that a relative ``REDIS_CA_FILE`` begins at.
    """

    def __init__(self, settings: RedisSettings, app: str = "busway", root: Path = Path()) -> None:
        self._app = app
        self.client = Client(settings, root)
        self.stores_in_clear = _is_read_on_the_way(self.client)
        """False over TLS, a unix socket or a loopback address."""
        self._listener = Listener(self.client)

    def get(self, key: str) -> bytes | None:
        """The live entry under ``key``."""
        return self.client.get(key.encode("utf-8", "surrogatepass"))

    def set(self, key: str, entry: bytes, ttl_seconds: float) -> None:
        """Stores ``entry``; the server forgets it in time."""
        milliseconds = min(max(1, int(ttl_seconds * 1000)), LONGEST_MS)
        # Twice stored is stored: a connection that broke since its last use costs no write.
        self.client.read(b"SET", entry_key(key), entry, b"PX", milliseconds)

    def delete(self, key: str) -> bool:
        """Removes ``key``; True when there was one."""
        return bool(self.client.ask(b"UNLINK", entry_key(key)))

    def scan(self, pattern: str) -> Iterator[str]:
        """Keys that match the shell pattern, found a thousand at a time, none twice."""
        wanted = Pattern(pattern)
        seen: set[bytes] = set()
        cursor = b"0"
        while True:
            cursor, raw_keys = self.client.read(
                b"SCAN", cursor, b"MATCH", entry_key(wanted.asked), b"COUNT", SCAN_COUNT
            )
            for raw in raw_keys:
                if raw not in seen:  # the server may repeat keys while its table grows or shrinks
                    seen.add(raw)
                    key = entry_name(raw)
                    if key is not None and wanted.matches(key):
                        yield key
            if cursor == b"0":
                return

    def acquire_lock(self, name: str, token: str, lease_seconds: float) -> bool:
        """Takes the lock; False when somebody holds it."""
        return self._locks.acquire(name, token, lease_seconds)

    def renew_lock(self, name: str, token: str, lease_seconds: float) -> bool:
        """Extends the lease; False when it is no longer ours."""
        return self._locks.renew(name, token, lease_seconds)

    def release_lock(self, name: str, token: str) -> bool:
        """Gives the lock back if it is still ours, and wakes those who wait."""
        return self._locks.release(name, token)

    def wait_lock(self, name: str, timeout_seconds: float) -> bool:
        """Waits until nobody holds the lock; False after ``timeout_seconds``."""
        return self._locks.wait(name, timeout_seconds)

    def read_generations(self, names: Sequence[str]) -> Sequence[int]:
        """The stamp of each name; 0 where there is none."""
        return self._generations.read(names)

    def raise_generation(self, name: str, stamp: int) -> int:
        """Moves the stamp of ``name`` up, never down, and returns the one that holds now."""
        return self._generations.raise_to(name, stamp)

    def publish(self, message: bytes) -> None:
        """Sends ``message`` to every subscriber of the same app and database, the sender included."""
        self.client.ask(b"PUBLISH", self._news, message)

    def subscribe(self, receive: Callable[[bytes], None]) -> Callable[[], None]:
        """Calls ``receive`` with each message, and with an empty one when some may have been missed; returns the
        function that stops it. Raises ``UnreachableError`` when the server does not confirm it in time."""
        return self._listener.listen(self._news, receive)

    def coordinator(self) -> RedisCoordinator:
        """Leases and quotas of the deployment, over the same connections."""
        return RedisCoordinator(self.client, self._names)

    def close(self) -> None:
        """Ends the thread that listens, if there is one, and closes every connection."""
        self._listener.close()
        self.client.close()

    @cached_property
    def _names(self) -> Names:
        return Names(self._app, self.client.address.db)

    @cached_property
    def _locks(self) -> Locks:
        return Locks(self.client, self._listener, self._names)

    @cached_property
    def _generations(self) -> Generations:
        return Generations(self.client, self._names)

    @cached_property
    def _news(self) -> bytes:
        return self._names.channel(b"news")


def _is_read_on_the_way(client: Client) -> bool:
    """True, too, where it cannot be told: there is no valid address, or the vault that has it does not answer."""
    try:
        return not client.address.is_private
    except BuswayError:
        return True
