"""The Redis level keeps the contract of cache backends, against a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from builders.redis_server import RedisServer
from busway.contracts.caches import CacheBackend
from busway.testing.caches import CacheBackendContract
from busway_cache_redis.cache import RedisCache
from busway_cache_redis.settings import RedisSettings


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    folder: Path = tmp_path_factory.mktemp("redis")
    with RedisServer(folder) as server:
        yield server


class TestRedisCache(CacheBackendContract):
    @pytest.fixture
    def backend(self, server: RedisServer) -> Iterator[CacheBackend]:
        cache = RedisCache(RedisSettings(host=server.host, port=server.port, timeout_ms=5_000))
        for key in list(cache.scan("*")):
            cache.delete(key)
        yield cache
        cache.close()
