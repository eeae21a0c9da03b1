"""The fake caches of ``busway.testing`` keep the contract they stand in for, and can be away.

The one that several could share runs the suite in ``test_cache_contract.py``.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from builders.manual_clock import ManualClock
from busway.contracts.caches import CacheBackend, SupportsGenerations, SupportsLocks, SupportsPublish
from busway.errors import UnreachableError
from busway.testing import CacheBackendContract, FakeCache, FakeCacheServer, FakeSharedCache


class TestFakeCache(CacheBackendContract):
    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock()

    @pytest.fixture
    def backend(self, clock: ManualClock) -> CacheBackend:
        return FakeCache(clock)

    @pytest.fixture
    def elapse(self, clock: ManualClock) -> Callable[[float], None]:
        return clock.advance

    @pytest.fixture
    def unreachable(self) -> CacheBackend:
        lost = FakeCache()
        lost.away = True
        return lost

    @pytest.fixture
    def recover(self, unreachable: FakeCache) -> Callable[[], object]:
        return lambda: setattr(unreachable, "away", False)


def test_it_can_be_away() -> None:
    cache = FakeCache()
    cache.away = True
    with pytest.raises(UnreachableError, match="BW2000"):
        cache.get("a:v1:d:e:x")
    assert cache.calls == ["get"]


def test_one_has_what_can_be_shared_and_the_other_has_not() -> None:
    shared, alone = FakeSharedCache(), FakeCache()
    for protocol in (SupportsLocks, SupportsGenerations, SupportsPublish):
        assert isinstance(shared, protocol)
        assert not isinstance(alone, protocol)


def test_two_over_one_server_share_entries_and_two_servers_share_nothing() -> None:
    server = FakeCacheServer()
    one, other, stranger = FakeSharedCache(server), FakeSharedCache(server), FakeSharedCache()
    one.set("a", b"1", 60)
    assert (other.get("a"), stranger.get("a")) == (b"1", None)


def test_one_that_was_away_missed_messages_and_says_so_when_it_is_back() -> None:
    server = FakeCacheServer()
    one, other = FakeSharedCache(server), FakeSharedCache(server)
    heard: list[bytes] = []
    other.subscribe(heard.append)
    other.away = True
    one.publish(b"missed")
    assert heard == []
    other.away = False
    other.away = False
    one.publish(b"heard")
    assert heard == [b"", b"heard"]
    assert server.messages == [b"missed", b"heard"]
