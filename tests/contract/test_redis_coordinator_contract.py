"""The coordinator on Redis keeps the contract, by the server's clock and by one that is handed in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from builders.manual_clock import ManualClock
from builders.redis_caches import OpenCache, opened_caches
from builders.redis_server import RedisServer
from busway.contracts.caches import SupportsCoordination
from busway.contracts.coordination import Coordinator
from busway.testing import CoordinatorContract
from busway_cache_redis.coordinator import RedisCoordinator
from busway_cache_redis.names import Names


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def open_cache(server: RedisServer) -> Iterator[OpenCache]:
    with opened_caches(server) as open_one:
        yield open_one


class TestRedisCoordinator(CoordinatorContract):
    seconds = 0.1

    @pytest.fixture
    def coordinator(self, open_cache: OpenCache) -> Coordinator:
        cache = open_cache()
        assert isinstance(cache, SupportsCoordination)
        return cache.coordinator()

    @pytest.fixture
    def other(self, open_cache: OpenCache) -> Coordinator:
        return open_cache().coordinator()

    @pytest.fixture
    def unreachable(self, open_cache: OpenCache) -> Coordinator:
        return open_cache(port=1).coordinator()


class TestRedisCoordinatorByHand(CoordinatorContract):
    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock()

    @pytest.fixture
    def coordinator(self, open_cache: OpenCache, clock: ManualClock) -> RedisCoordinator:
        self.elapse = clock.advance  # type: ignore[method-assign]
        return RedisCoordinator(open_cache().client, Names("acme", 0), lambda: clock.now_ns() // 1000)

    @pytest.fixture
    def other(self, open_cache: OpenCache, clock: ManualClock) -> RedisCoordinator:
        return RedisCoordinator(open_cache().client, Names("acme", 0), lambda: clock.now_ns() // 1000)
