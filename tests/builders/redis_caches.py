"""Redis levels that a test opens, closed at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from builders.redis_server import RedisServer
from busway_cache_redis.cache import RedisCache
from busway_cache_redis.settings import RedisSettings

__all__ = ["OpenCache", "opened_caches"]

OpenCache = Callable[..., RedisCache]


@contextmanager
def opened_caches(server: RedisServer) -> Iterator[OpenCache]:
    """Opens levels on ``server``, each with the settings given and an ``app``; all are closed at the end."""
    with ExitStack() as stack:

        def open_one(app: str = "acme", **settings: Any) -> RedisCache:
            usual: dict[str, Any] = {"host": server.host, "port": server.port, "timeout_ms": 5_000}
            cache = RedisCache(RedisSettings(**(usual | settings)), app)
            stack.callback(cache.close)
            return cache

        yield open_one
