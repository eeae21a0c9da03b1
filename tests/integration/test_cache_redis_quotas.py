"""Leases and quotas on Redis: by the server's clock, and with the answers of the coordinator of one host."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.manual_clock import ManualClock
from builders.redis_caches import OpenCache, opened_caches
from builders.redis_server import RedisServer
from busway.contracts.coordination import Lease, Quota
from busway.errors import UnreachableError, UsageError
from busway.stores.local_coordinator import LocalCoordinator
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


class Pair:
    """The coordinator of one host and the one on Redis, under one clock. Each name is used once."""

    def __init__(self, folder: Path, open_cache: OpenCache) -> None:
        self.clock = ManualClock()
        self.local = LocalCoordinator(folder, self.clock)
        self.shared = by_hand(open_cache, self.clock)
        self._names = count()

    def name(self) -> str:
        return f"name {next(self._names)}"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, open_cache: OpenCache) -> Iterator[Pair]:
    pair = Pair(tmp_path_factory.mktemp("local"), open_cache)
    yield pair
    pair.local.close()


def by_hand(open_cache: OpenCache, clock: ManualClock) -> RedisCoordinator:
    """A coordinator whose time is a test's."""
    return RedisCoordinator(open_cache().client, Names("acme", 0), lambda: clock.now_ns() // 1000)


USES = ["", "writes", "reads", "console", "a:b", "é漢"]
SHARES: st.SearchStrategy[dict[str, float]] = st.sampled_from(
    [{"writes": 0.5}, {"writes": 0.5, "console": 0.3}, {"a:b": 0.34, "é漢": 0.66}, {"reads": 1.0}, {}]
)
TAKES = st.tuples(st.just("take"), st.integers(1, 4), st.sampled_from(USES))
OTHERS = st.one_of(
    st.tuples(st.just("wait"), st.integers(1, 1_000), st.just("")),
    st.tuples(st.just("back"), st.integers(1, 1_000), st.just("")),
    st.tuples(st.just("hold"), st.integers(0, 1_000), st.just("")),
)
STEPS = st.lists(st.one_of(TAKES, TAKES, TAKES, OTHERS), min_size=4, max_size=40)


@given(calls=st.integers(4, 20), period_ms=st.integers(1, 3_000), shares=SHARES, steps=STEPS)
@settings(max_examples=150, deadline=None)
def test_the_answers_are_those_of_the_local_one(
    pair: Pair, calls: int, period_ms: int, shares: dict[str, float], steps: list[tuple[str, int, str]]
) -> None:
    quota = Quota(pair.name(), calls, period_ms / 1000, shares)
    for kind, number, use in steps:
        if kind == "take":
            expected = pair.local.take(quota, number, use)
            assert pair.shared.take(quota, number, use) == pytest.approx(expected, abs=2e-6)
        elif kind == "hold":
            pair.local.hold(quota, number / 1000)
            pair.shared.hold(quota, number / 1000)
        elif kind in ("wait", "back"):
            pair.clock.advance((number if kind == "wait" else -number) / 1000)
    assert_told_the_same(pair, quota.name)


def assert_told_the_same(pair: Pair, name: str) -> None:
    """What both say of the quota."""
    ours, theirs = ([one for one in side.quota_use() if one.name == name] for side in (pair.shared, pair.local))
    assert [(one.calls, dict(one.drawn)) for one in ours] == [(one.calls, dict(one.drawn)) for one in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert one.period_seconds == pytest.approx(other.period_seconds, abs=2e-6)
        assert one.held_seconds == pytest.approx(other.held_seconds, abs=2e-6)


LEASE_STEPS = ["acquire", "renew", "release", "current", "wait", "back"]


@given(st.lists(st.tuples(st.sampled_from(LEASE_STEPS), st.integers(1, 9))))
@settings(max_examples=150, deadline=None)
def test_leases_are_those_of_the_local_one(pair: Pair, steps: list[tuple[str, int]]) -> None:
    name = pair.name()
    leases: list[tuple[Lease, Lease]] = []
    for kind, number in steps:
        if kind == "acquire":
            ours, theirs = (one.acquire(name, f"holder {number}", number) for one in (pair.shared, pair.local))
            assert told(ours) == told(theirs)
            if ours is not None and theirs is not None:
                assert all(ours.token > earlier.token for earlier, _ in leases), "tokens grow"
                leases.append((ours, theirs))
        elif kind == "current":
            ours, theirs = pair.shared.current(name), pair.local.current(name)
            # The end is compared at the next look: the local one tells it as it was before the clock was set back.
            assert (told(ours) or ())[:2] == (told(theirs) or ())[:2]
        elif kind in ("wait", "back"):
            pair.clock.advance(number / 2 if kind == "wait" else -number / 2)
        elif leases:
            ours, theirs = leases[-(number % len(leases)) - 1]
            if kind == "renew":
                assert told(pair.shared.renew(ours, number)) == told(pair.local.renew(theirs, number))
            else:
                assert pair.shared.release(ours) == pair.local.release(theirs)


def told(lease: Lease | None) -> tuple[str, int, int] | None:
    """What both must say the same; tokens are each one's own."""
    return None if lease is None else (lease.holder, lease.since_ns, lease.expires_at_ns)


def test_a_clock_that_is_set_back_makes_no_lease_longer(open_cache: OpenCache) -> None:
    clock = ManualClock()
    coordinator = by_hand(open_cache, clock)
    assert coordinator.acquire("set back", "me", 30)
    clock.advance(-3_600)
    assert coordinator.acquire("set back", "them", 30) is None
    clock.advance(31)
    assert coordinator.acquire("set back", "them", 30) is not None


def test_an_empty_window_takes_a_large_request(open_cache: OpenCache) -> None:
    """Though somebody else has asked for its share: it would otherwise wait for ever."""
    clock = ManualClock()
    coordinator = by_hand(open_cache, clock)
    quota = Quota("large", 4, 30, {"writes": 0.5})
    coordinator.hold(quota, 1)
    assert coordinator.take(quota, 1, "writes") == 1.0, "it asked, and got nothing"
    clock.advance(1)
    assert coordinator.take(quota, 4, "reads") == 0.0


def test_time_is_the_servers(open_cache: OpenCache, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hosts whose clocks differ by a day share leases and quotas all the same."""
    coordinator = open_cache("clocks").coordinator()
    before = time.time_ns()
    lease = coordinator.acquire("l", "me", 30)
    assert lease is not None
    assert abs(lease.since_ns - before) < 60 * 10**9
    monkeypatch.setattr(time, "time", lambda: before / 1e9 + 86_400)
    monkeypatch.setattr(time, "time_ns", lambda: before + 86_400 * 10**9)
    other = open_cache("clocks").coordinator()
    assert other.acquire("l", "them", 30) is None
    quota = Quota("q", 1, 30)
    assert (coordinator.take(quota), other.take(quota) > 0) == (0.0, True)


def test_tokens_grow_though_the_server_forgets(server: RedisServer, open_cache: OpenCache) -> None:
    coordinator = open_cache().coordinator()
    tokens = []
    for _ in range(3):
        lease = coordinator.acquire("l", "me", 30)
        assert lease is not None
        tokens.append(lease.token)
        server.ask("FLUSHALL")
    assert tokens == sorted(set(tokens))


def test_what_is_held_is_not_evicted(server: RedisServer, open_cache: OpenCache) -> None:
    """A policy that spares keys without expiry (volatile-*) frees no lease, and forgets no call."""
    server.ask("FLUSHALL")
    coordinator = open_cache().coordinator()
    coordinator.acquire("l", "me", 30)
    coordinator.take(Quota("q", 5, 30), share="reads")
    coordinator.hold(Quota("q", 5, 30), 1)
    keys = server.ask("KEYS", "*")
    assert len(keys) == 6
    assert [server.ask("TTL", key) for key in keys] == [-1] * 6


def test_a_quota_keeps_no_more_than_its_window(server: RedisServer, open_cache: OpenCache) -> None:
    server.ask("FLUSHALL")
    clock = ManualClock()
    coordinator = by_hand(open_cache, clock)
    for number in range(50):
        coordinator.take(Quota("q", 3, 1.0), share=f"use {number}")
        clock.advance(0.5)
    sizes = [
        server.ask(*command)
        for command in (("LLEN", b"acme:\xffcalls:q"), ("HLEN", b"acme:\xffused:q"), ("HLEN", b"acme:\xffasking:q"))
    ]
    assert sizes == [2, 2, 2]


@pytest.mark.parametrize("quota", [Quota("q", 0, 1), Quota("q", 1, 0), Quota("q", 2, 1, {"a": 1.1})])
def test_what_makes_no_sense_is_refused_as_locally(open_cache: OpenCache, quota: Quota) -> None:
    with pytest.raises(UsageError, match="BW3110"):
        open_cache().coordinator().take(quota)


def test_every_call_fails_closed(open_cache: OpenCache) -> None:
    coordinator = open_cache(port=1).coordinator()
    lease = Lease("l", 1, "me", 0, 1)
    calls: list[Any] = [
        lambda: coordinator.acquire("l", "me", 30),
        lambda: coordinator.renew(lease, 30),
        lambda: coordinator.release(lease),
        lambda: coordinator.current("l"),
        lambda: coordinator.take(Quota("q", 1, 30)),
        lambda: coordinator.hold(Quota("q", 1, 30), 1),
    ]
    for call in calls:
        with pytest.raises(UnreachableError, match="BW2029") as caught:
            call()
        assert caught.value.exit_code == 5
        assert caught.value.problem.where == "127.0.0.1:1"
        assert "does not serve" in caught.value.problem.why
