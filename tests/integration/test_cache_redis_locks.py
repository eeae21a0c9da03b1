"""Locks and generation stamps of the Redis level, against a real server."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.redis_caches import OpenCache, opened_caches
from builders.redis_server import RedisServer, comes_true
from busway.contracts.caches import SupportsGenerations, SupportsLocks
from busway.errors import UnreachableError

NOW_NS = 1_790_000_000_123_456_789


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def open_cache(server: RedisServer) -> Iterator[OpenCache]:
    server.ask("FLUSHALL")
    with opened_caches(server) as open_one:
        yield open_one


def listeners() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "busway-redis-listener"]


def test_a_lock_is_its_holders(open_cache: OpenCache) -> None:
    mine, theirs = open_cache(), open_cache()
    assert isinstance(mine, SupportsLocks)
    assert mine.acquire_lock("k", "me", 30) is True
    assert theirs.acquire_lock("k", "them", 30) is False
    assert mine.acquire_lock("k", "me", 30) is False, "not twice either"
    assert theirs.release_lock("k", "them") is False
    assert theirs.renew_lock("k", "them", 30) is False
    assert mine.renew_lock("k", "me", 30) is True
    assert mine.release_lock("k", "me") is True
    assert mine.release_lock("k", "me") is False
    assert mine.renew_lock("k", "me", 30) is False, "what was released cannot be renewed"
    assert theirs.acquire_lock("k", "them", 30) is True


def test_a_lease_ends_and_is_not_given_to_two(open_cache: OpenCache) -> None:
    cache = open_cache()
    assert cache.acquire_lock("k", "killed", 0.02)
    assert comes_true(lambda: cache.acquire_lock("k", "next", 30))
    assert cache.release_lock("k", "killed") is False, "the late one does not free the lock of the next"
    assert cache.acquire_lock("k", "third", 30) is False


def test_renewing_moves_the_end(server: RedisServer, open_cache: OpenCache) -> None:
    cache = open_cache()
    cache.acquire_lock("k", "me", 5)
    assert cache.renew_lock("k", "me", 500)
    assert server.ask("PTTL", b"acme:\xfflock:k") > 400_000


def test_of_many_one_gets_it(open_cache: OpenCache) -> None:
    cache = open_cache()
    with ThreadPoolExecutor(16) as pool:
        taken = [*pool.map(lambda number: cache.acquire_lock("k", str(number), 30), range(32))]
    assert taken.count(True) == 1


def test_a_waiter_is_woken_at_once(open_cache: OpenCache) -> None:
    holder, waiter = open_cache(), open_cache()
    holder.acquire_lock("k", "me", 30)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: (waiter.wait_lock("k", 30), time.monotonic()))
        assert comes_true(lambda: holder.client.ask("PUBSUB", "NUMSUB", b"acme:~lock:0:k")[1] == 1)
        released = time.monotonic()
        holder.release_lock("k", "me")
        woken, at = waiting.result(10)
    assert woken is True
    assert at - released < 1, "by the release, not by the end of the lease"


def test_nobody_waits_for_a_lock_that_is_free(open_cache: OpenCache) -> None:
    cache = open_cache()
    assert cache.wait_lock("k", 30) is True
    assert cache.wait_lock("k", 0) is True


def test_the_wait_has_an_end(open_cache: OpenCache) -> None:
    cache = open_cache()
    cache.acquire_lock("k", "me", 30)
    assert cache.wait_lock("k", 0.01) is False
    assert cache.wait_lock("k", 0) is False


def test_a_holder_that_was_killed_keeps_nobody_longer_than_its_lease(open_cache: OpenCache) -> None:
    cache = open_cache()
    cache.acquire_lock("k", "killed", 0.2)
    began = time.monotonic()
    assert cache.wait_lock("k", 30) is True
    assert 0.1 < time.monotonic() - began < 2


def test_waiting_does_not_poll(server: RedisServer, open_cache: OpenCache) -> None:
    cache = open_cache()
    cache.acquire_lock("k", "me", 30)
    server.forget_commands()
    assert cache.wait_lock("k", 0.3) is False
    calls = server.commands()
    assert calls["pttl"] <= 3
    assert calls["subscribe"] == 1


def test_a_release_between_the_look_and_the_wait_counts(open_cache: OpenCache) -> None:
    """Whatever the moment of the release, the waiter returns long before the lease would have ended."""
    holder, waiter = open_cache(), open_cache()
    with ThreadPoolExecutor(1) as pool:
        for number in range(60):
            name = f"k{number}"
            holder.acquire_lock(name, "me", 30)
            waiting = pool.submit(waiter.wait_lock, name, 30)
            for _ in range(number * 20):
                pass  # another moment each time
            holder.release_lock(name, "me")
            assert waiting.result(5) is True


def test_all_who_wait_share_one_connection(server: RedisServer, open_cache: OpenCache) -> None:
    holder, waiter = open_cache(), open_cache()
    names = [f"k{number % 4}" for number in range(16)]
    for name in set(names):
        holder.acquire_lock(name, "me", 30)
    server.forget_commands()
    with ThreadPoolExecutor(16) as pool:
        waiting = [pool.submit(waiter.wait_lock, name, 30) for name in names]
        assert comes_true(lambda: len(server.ask("PUBSUB", "CHANNELS")) == 4)
        assert len(listeners()) == 1
        assert server.listening() == 1
        # Each waiter has looked once: from then on a release is all that ends its wait.
        assert comes_true(lambda: server.commands().get("pttl", 0) >= 16)
        for name in set(names):
            holder.release_lock(name, "me")
        assert [one.result(10) for one in waiting] == [True] * 16
    assert comes_true(lambda: not server.ask("PUBSUB", "CHANNELS")), "nobody listens to what nobody waits for"


def test_a_waiter_learns_that_the_server_is_gone(tmp_path: pytest.TempPathFactory, open_cache: OpenCache) -> None:
    with RedisServer(tmp_path) as own, opened_caches(own) as open_own, ThreadPoolExecutor(1) as pool:  # type: ignore[arg-type]
        cache = open_own()
        cache.acquire_lock("k", "me", 30)
        waiting = pool.submit(cache.wait_lock, "k", 30)
        assert comes_true(lambda: own.ask("PUBSUB", "NUMSUB", b"acme:~lock:0:k")[1] == 1)
        own.kill()
        with pytest.raises(UnreachableError, match="BW2006"):
            waiting.result(5)


def test_a_waiter_outlives_the_loss_of_the_connection_that_listens(server: RedisServer, open_cache: OpenCache) -> None:
    cache = open_cache()
    cache.acquire_lock("k", "me", 30)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(cache.wait_lock, "k", 30)
        assert comes_true(lambda: server.ask("PUBSUB", "NUMSUB", b"acme:~lock:0:k")[1] == 1)
        server.ask("CLIENT", "KILL", "TYPE", "pubsub")
        assert comes_true(lambda: server.ask("PUBSUB", "NUMSUB", b"acme:~lock:0:k")[1] == 1)
        cache.release_lock("k", "me")
        assert waiting.result(5) is True


@pytest.mark.parametrize("name", ["a:b*c?[d]", "é漢", "line\nbreak\0", "x" * 10_000, "\udc80", ""])
def test_hostile_names_are_names(open_cache: OpenCache, name: str) -> None:
    cache, other = open_cache(), open_cache("acm")
    assert cache.acquire_lock(name, "me", 30)
    assert not cache.acquire_lock(name, "them", 30)
    assert other.acquire_lock(name, "them", 30), "another application, another lock"
    assert cache.raise_generation(name, 7) == 7
    assert list(cache.read_generations([name, f"{name}2"])) == [7, 0]
    assert cache.release_lock(name, "me")
    assert cache.wait_lock(name, 0)


def test_nothing_of_our_own_is_an_entry(server: RedisServer, open_cache: OpenCache) -> None:
    cache = open_cache()
    names = ["acme:lock:k", "acme:ÿlock:k", "acme:\udcfflock:k"]
    for name in names:
        cache.set(name, b"an entry", 60)
    cache.acquire_lock("k", "me", 30)
    cache.raise_generation("k", 7)
    coordinator = cache.coordinator()
    assert coordinator.acquire("k", "me", 30)
    server.ask("SET", b"\xfe\xff", "somebody else's")
    assert sorted(cache.scan("*")) == sorted(names)
    assert [cache.get(name) for name in names] == [b"an entry"] * 3
    for name in names:
        assert cache.delete(name)
    assert not cache.acquire_lock("k", "them", 30)
    assert list(cache.read_generations(["k"])) == [7]


def test_stamps_only_grow(open_cache: OpenCache) -> None:
    mine, theirs = open_cache(), open_cache()
    assert isinstance(mine, SupportsGenerations)
    assert list(mine.read_generations([])) == []
    assert list(mine.read_generations(["a", "b"])) == [0, 0]
    assert mine.raise_generation("a", NOW_NS) == NOW_NS
    assert theirs.raise_generation("a", NOW_NS - 1) == NOW_NS, "never down, not even by a nanosecond"
    assert theirs.raise_generation("a", NOW_NS + 1) == NOW_NS + 1
    assert theirs.raise_generation("a", 5) == NOW_NS + 1
    assert list(theirs.read_generations(["b", "a", "b"])) == [0, NOW_NS + 1, 0]


def test_reading_stamps_is_one_question(server: RedisServer, open_cache: OpenCache) -> None:
    cache = open_cache()
    server.forget_commands()
    cache.read_generations([f"n{number}" for number in range(100)])
    assert server.commands() == {"mget": 1}


def test_a_stamp_somebody_spoilt_is_none(server: RedisServer, open_cache: OpenCache) -> None:
    cache = open_cache()
    for spoil in (("SET", "x"), ("SET", "-5"), ("SET", "1e9"), ("LPUSH", "1"), ("SET", "")):
        server.ask("DEL", b"acme:\xffstamp:a")
        server.ask(spoil[0], b"acme:\xffstamp:a", spoil[1])
        assert list(cache.read_generations(["a"])) == [0]
        assert cache.raise_generation("a", 9) == 9
    assert cache.raise_generation("a", -1) == 9


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=8))
@settings(max_examples=40, deadline=None)
def test_the_highest_stamp_wins_in_any_order(server: RedisServer, stamps: list[int]) -> None:
    with opened_caches(server) as open_one:
        cache = open_one()
        server.ask("DEL", b"acme:\xffstamp:any")
        assert [cache.raise_generation("any", stamp) for stamp in stamps] == [
            max(stamps[: number + 1]) for number in range(len(stamps))
        ]
        assert list(cache.read_generations(["any"])) == [max(stamps)]
