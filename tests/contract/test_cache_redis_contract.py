"""The Redis level keeps the contract of cache backends, against a real server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from builders.redis_caches import OpenCache, opened_caches
from builders.redis_server import RedisServer
from busway.contracts.caches import CacheBackend
from busway.testing.caches import CacheBackendContract


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    folder: Path = tmp_path_factory.mktemp("redis")
    with RedisServer(folder) as server:
        yield server


class TestRedisCache(CacheBackendContract):
    @pytest.fixture
    def open_cache(self, server: RedisServer) -> Iterator[OpenCache]:
        server.ask("FLUSHALL")
        with opened_caches(server) as open_one:
            yield open_one

    @pytest.fixture
    def backend(self, open_cache: OpenCache) -> CacheBackend:
        return open_cache()

    @pytest.fixture
    def other(self, open_cache: OpenCache) -> CacheBackend:
        return open_cache()

    @pytest.fixture
    def build(self, open_cache: OpenCache) -> Callable[[], CacheBackend]:
        return lambda: open_cache(host="nowhere.invalid")

    @pytest.fixture
    def gone(self, tmp_path: Path) -> Iterator[RedisServer]:
        with RedisServer(tmp_path) as server:
            yield server

    @pytest.fixture
    def unreachable(self, gone: RedisServer) -> Iterator[CacheBackend]:
        with opened_caches(gone) as open_one:
            cache = open_one()
            cache.set("before", b"1", 60)
            gone.kill()
            yield cache

    @pytest.fixture
    def recover(self, gone: RedisServer) -> Callable[[], object]:
        return gone.start

    @pytest.fixture
    def corrupt(self, server: RedisServer) -> Callable[[str, bytes], object]:
        return lambda key, raw: server.ask("SET", key, raw)
