"""The Redis level: one string per entry, expired by the server."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar, cast

from busway.errors import BuswayError, UnreachableError
from busway_cache_redis.connection import connect
from busway_cache_redis.settings import RedisSettings

if TYPE_CHECKING:
    from redis import Redis

__all__ = ["RedisCache"]

T = TypeVar("T")

SCAN_COUNT = 1_000
LONGEST_MS = 10 * 365 * 86_400 * 1000
_NEGATED_SET = re.compile(r"(\\.)|\[!", re.DOTALL)


class RedisCache:
    """A level in Redis (``busway.contracts.caches.CacheBackend``).

    Whatever the server or the network refuses is ``UnreachableError`` BW2006 with host and port, never a password.
    """

    stores_in_clear = True

    def __init__(self, settings: RedisSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._connected: tuple[Redis, str] | None = None

    def get(self, key: str) -> bytes | None:
        """The live entry under ``key``."""
        return self._ask(lambda client: cast("bytes | None", client.get(_bytes(key))))

    def set(self, key: str, entry: bytes, ttl_seconds: float) -> None:
        """Stores ``entry``; the server forgets it in time."""
        milliseconds = min(max(1, int(ttl_seconds * 1000)), LONGEST_MS)
        self._ask(lambda client: client.set(_bytes(key), entry, px=milliseconds))

    def delete(self, key: str) -> bool:
        """Removes ``key``; True when there was one."""
        return self._ask(lambda client: bool(client.unlink(_bytes(key))))

    def scan(self, pattern: str) -> Iterator[str]:
        """Keys that match the shell pattern, a thousand per step, none twice."""
        wanted = _bytes(_redis_pattern(pattern))
        seen: set[bytes] = set()
        cursor = 0
        while True:
            at = cursor
            cursor, keys = self._ask(lambda client, at=at: _page(client, at, wanted))  # type: ignore[misc]
            for key in keys:
                if key not in seen:  # the server may repeat keys while its table grows or shrinks
                    seen.add(key)
                    yield key.decode("utf-8", "surrogatepass")
            if cursor == 0:
                return

    def ping(self) -> str:
        """Asks the server for a sign of life; its address. Raises ``UnreachableError`` BW2006."""
        self._ask(lambda client: client.ping())
        return self._client()[1]

    def close(self) -> None:
        """Closes every connection."""
        with self._lock:
            connected, self._connected = self._connected, None
        if connected is not None:
            connected[0].close()
            connected[0].connection_pool.disconnect()

    def _client(self) -> tuple[Redis, str]:
        connected = self._connected
        if connected is None:
            with self._lock:
                connected = self._connected = self._connected or connect(self._settings)
        return connected

    def _ask(self, question: Callable[[Redis], T]) -> T:
        from redis.exceptions import RedisError

        client, address = self._client()
        try:
            return question(client)
        except (RedisError, OSError) as error:
            raise _unreachable(error, address) from error


def _page(client: Redis, cursor: int, pattern: bytes) -> tuple[int, list[bytes]]:
    return cast("tuple[int, list[bytes]]", client.scan(cursor=cursor, match=pattern, count=SCAN_COUNT))


def _bytes(key: str) -> bytes:
    return key.encode("utf-8", "surrogatepass")


def _redis_pattern(pattern: str) -> str:
    """Redis writes the negated set of a shell with ``^``; the rest is the same, the backslash included."""
    return _NEGATED_SET.sub(lambda token: token[1] or "[^", pattern)


def _unreachable(error: Exception, address: str) -> BuswayError:
    from redis.exceptions import AuthenticationError, ResponseError, TimeoutError

    fix = "see that the server runs and that REDIS_HOST and REDIS_PORT, or REDIS_URL, name it"
    why = f"no connection ({_cause(error)})"
    if isinstance(error, TimeoutError):
        why, fix = "no answer in time", "see how busy the server is, or raise REDIS_TIMEOUT_MS"
    elif isinstance(error, AuthenticationError):
        why, fix = "it refused the credentials", "set REDIS_PASSWORD and REDIS_USERNAME, or those in REDIS_URL"
    elif isinstance(error, ResponseError):
        why, fix = f"it refused the command ({_first_word(error)})", "busway explain BW2006"
    return UnreachableError("BW2006", f"Redis at {address} does not serve", where=address, why=why, fix=fix)


def _first_word(error: Any) -> str:
    """The kind of a refusal, such as OOM, READONLY or NOPERM; the rest of its text may quote what was sent."""
    word = str(error).partition(" ")[0]
    return word if word.isupper() and len(word) < 20 else type(error).__name__


def _cause(error: BaseException) -> str:
    """``Connection refused``: the text of the operating system below what redis-py wraps around it."""
    below = error
    while below is not None:
        if isinstance(below, OSError) and below.strerror:
            return below.strerror
        below = below.__cause__ or below.__context__  # type: ignore[assignment]
    return type(error).__name__
