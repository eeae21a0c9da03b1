"""Ordered levels: read through, promotion, and levels that are away."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from builders.manual_clock import ManualClock
from busway.contracts.caches import Entry
from busway.data.breaker import Breaker
from busway.data.decision import NANOSECONDS, Verdict
from busway.data.entry_format import encode
from busway.data.levels import Levels
from busway.data.memory_level import MemoryLevel
from busway.data.names import Name
from busway.data.policy import Policy
from busway.errors import UnreachableError
from busway.metrics.registry import Metrics
from busway.testing.caches import FakeCache

KEY = "acme:v1:vista:employees:_"
PLAIN, SENSITIVE, STALE = Policy(), Policy(sensitive=True), Policy(stale_on_error=600)


class Parts:
    """Three levels (memory, and two that store bytes) and everything they report to."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.metrics = Metrics()
        self.memory = MemoryLevel(clock=self.clock)
        self.first = FakeCache(self.clock)
        self.second = FakeCache(self.clock, stores_in_clear=False)
        self.events: list[dict[str, Any]] = []
        self.levels = Levels(
            [("memory", self.memory), ("first", self.first), ("second", self.second)],
            self.clock,
            self.metrics,
            lambda **event: self.events.append(event),
            app="acme",
            background=False,
        )

    def entry(self, value: Any = "v", ttl: float = 60, stale: float = 0) -> Entry:
        now = self.clock.now_ns()
        fresh = now + int(ttl * NANOSECONDS)
        return Entry(value, 1, now, fresh, fresh + int(stale * NANOSECONDS))

    def write(self, entry: Entry, policy: Policy = PLAIN) -> int:
        return self.levels.write(KEY, entry, encode(entry), policy)

    def found_on(self, policy: Policy = PLAIN) -> str | None:
        found = self.levels.read(KEY, policy, 0, promote=False)
        return found.level if found else None

    def counts(self, level: str) -> dict[str, Any]:
        (counts,) = [counts for counts in self.levels.stats() if counts["level"] == level]
        return counts


@pytest.fixture
def parts() -> Parts:
    return Parts()


def test_an_entry_is_written_to_every_level_and_read_from_the_first(parts: Parts) -> None:
    entry = parts.entry()
    assert parts.write(entry) == 3
    assert parts.memory.get(KEY) is entry
    assert parts.first.get(KEY) == parts.second.get(KEY) == encode(entry)
    assert parts.found_on() == "memory"
    assert parts.levels.delete(KEY)
    assert parts.found_on() is None


def test_a_hit_is_copied_to_the_levels_before_it_for_the_time_it_has_left(parts: Parts) -> None:
    parts.second.set(KEY, encode(parts.entry(ttl=60)), 60)
    parts.clock.advance(20)
    found = parts.levels.read(KEY, PLAIN, 0)
    assert found is not None
    assert (found.level, found.verdict, found.entry.value) == ("second", Verdict.HIT, "v")
    assert parts.found_on() == "memory"
    assert parts.first.get(KEY) == parts.second.get(KEY)
    parts.clock.advance(40)
    assert (parts.memory.get(KEY), parts.first.get(KEY)) == (None, None)


def test_a_stale_entry_gives_way_to_a_fresh_one_below(parts: Parts) -> None:
    parts.write(parts.entry("old", ttl=10, stale=600))
    parts.clock.advance(20)
    parts.second.set(KEY, encode(parts.entry("new")), 60)
    found = parts.levels.read(KEY, STALE, 0)
    assert found is not None
    assert (found.level, found.entry.value) == ("second", "new")
    assert parts.found_on(STALE) == "memory"


def test_a_stale_entry_is_found_and_not_promoted(parts: Parts) -> None:
    entry = parts.entry(ttl=10, stale=600)
    parts.second.set(KEY, encode(entry), 610)
    parts.clock.advance(20)
    found = parts.levels.read(KEY, STALE, 0)
    assert found is not None
    assert (found.level, found.verdict) == ("second", Verdict.STALE)
    assert parts.memory.get(KEY) is None


def test_an_invalidated_entry_is_not_found(parts: Parts) -> None:
    parts.write(parts.entry())
    assert parts.levels.read(KEY, PLAIN, 1) is None


@pytest.mark.parametrize("garbage", [b"", b"garbage", b"BWE\x01" + bytes(100), encode(Entry(1, 1, 0, 1, 1))[:-1]])
def test_an_undecodable_entry_is_a_counted_miss_and_no_outage(parts: Parts, garbage: bytes) -> None:
    parts.first.set(KEY, garbage, 60)
    assert parts.found_on() is None
    assert parts.counts("first") | {"writes": 0} == {
        "level": "first", "state": "up", "takes_sensitive": False, "pending": 0, "replayed": 0, "hits": 0, "stale": 0,
        "misses": 1, "negative": 0, "writes": 0, "errors": 0, "undecodable": 1,
    }  # fmt: skip
    parts.second.set(KEY, encode(parts.entry()), 60)
    assert parts.found_on() == "second"


def test_sensitive_entries_pass_over_levels_that_store_in_clear(parts: Parts) -> None:
    assert parts.write(parts.entry(), SENSITIVE) == 2
    assert parts.first.held == {}
    parts.first.set(KEY, encode(parts.entry("from before the policy")), 60)
    parts.memory.delete(KEY)
    assert parts.found_on(SENSITIVE) == "second"
    assert parts.levels.delete(KEY)
    assert parts.first.held == {}, "removal reaches them all the same"


def test_a_level_that_raises_is_left_alone_and_the_next_one_serves(parts: Parts) -> None:
    parts.write(parts.entry())
    parts.memory.delete(KEY)
    parts.first.away = True
    parts.first.calls.clear()
    assert [parts.found_on() for _ in range(5)] == ["second"] * 5
    assert parts.first.calls == ["get"]
    assert parts.levels.degraded
    assert parts.counts("first")["state"] == "away"
    assert parts.counts("first")["errors"] == 1


@pytest.mark.parametrize("error", [RuntimeError("jane@example.test"), OSError(28, "full"), KeyError("k")])
def test_whatever_a_level_raises_the_caller_does_not_see_it(
    parts: Parts, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> Any:
        raise error

    for method in ("get", "set", "delete", "scan"):
        setattr(parts.first, method, fail)
    assert parts.write(parts.entry()) == 2
    parts.clock.advance(6)
    assert parts.levels.keys("*") == {KEY}
    parts.clock.advance(6)
    assert parts.levels.delete(KEY)
    assert parts.counts("first")["errors"] == 3
    assert type(error).__name__ in caplog.text
    assert "jane" not in caplog.text


def test_a_scan_that_breaks_off_counts_as_a_failure(parts: Parts) -> None:
    def broken(pattern: str) -> Any:
        yield KEY
        raise ConnectionError

    parts.first.scan = broken  # type: ignore[method-assign]
    parts.second.set("acme:v1:d:e:x", b"1", 60)
    assert parts.levels.keys("*") == {"acme:v1:d:e:x"}
    assert parts.counts("first")["state"] == "away"


def test_a_level_that_is_back_is_used_again_after_the_pause(parts: Parts, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "busway.data")
    parts.first.away = True
    parts.write(parts.entry())
    parts.first.away = False
    parts.clock.advance(4.9)
    assert parts.write(parts.entry()) == 2
    parts.clock.advance(0.2)
    assert parts.write(parts.entry()) == 3
    assert not parts.levels.degraded
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        "cache level first is away",
        "cache level first is back",
    ]
    assert [(event["category"], event["attributes"]["what"]) for event in parts.events] == [
        ("system", "cache level away"),
        ("system", "cache level back"),
    ]
    gauges = {sample.labels: sample.value for sample in parts.metrics.snapshot() if "level_up" in sample.name}
    assert set(gauges.values()) == {1.0}


def test_close_closes_every_level_once_even_when_one_fails(parts: Parts) -> None:
    def fail() -> None:
        raise OSError

    parts.first.close = fail  # type: ignore[method-assign]
    parts.levels.close()
    parts.levels.close()
    assert parts.second.closed
    assert parts.write(parts.entry()) == 0


def test_the_breaker_lets_one_probe_through() -> None:
    clock = ManualClock()
    breaker = Breaker(clock, 5)
    assert breaker.allows()
    assert breaker.failed()
    assert not breaker.failed(), "only the first failure is a transition"
    assert not breaker.allows()
    clock.advance(5)
    assert [breaker.allows() for _ in range(3)] == [True, False, False]
    assert breaker.is_open
    clock.advance(5)
    assert breaker.allows()
    assert breaker.succeeded()
    assert not breaker.succeeded()
    assert breaker.allows()


def test_counts_are_kept_by_level_and_domain(parts: Parts) -> None:
    parts.write(parts.entry())
    for _ in range(3):
        parts.found_on()
    parts.levels.read("acme:v1:graph:users:_", PLAIN, 0)
    assert parts.levels.by_domain()["vista"]["memory"] == {"hits": 3, "writes": 1}
    assert parts.levels.by_domain()["graph"] == {name: {"misses": 1} for name in ("memory", "first", "second")}
    samples = {(one.name, one.labels): one.value for one in parts.metrics.snapshot()}
    assert samples["busway_cache_hits_total", (("domain", "vista"), ("level", "memory"))] == 3
    parts.levels.count("first", "negative", KEY)
    parts.levels.near_counter("negative", "vista")()
    assert [parts.counts(level)["negative"] for level in ("memory", "first", "second")] == [1, 1, 0]


def test_a_stale_answer_is_counted_as_one(parts: Parts) -> None:
    parts.second.set(KEY, encode(parts.entry(ttl=1, stale=600)), 600)
    parts.clock.advance(2)
    parts.levels.read(KEY, STALE, 0)
    assert (parts.counts("second")["stale"], parts.counts("second")["hits"]) == (1, 0)


def test_the_first_level_that_is_up_and_has_locks_gives_them() -> None:
    class Locking(FakeCache):
        def acquire_lock(self, name: str, token: str, lease_seconds: float) -> bool:
            self._called("acquire_lock")
            return True

        def renew_lock(self, name: str, token: str, lease_seconds: float) -> bool:
            return True

        def release_lock(self, name: str, token: str) -> bool:
            return True

        def wait_lock(self, name: str, timeout_seconds: float) -> bool:
            return True

    clock = ManualClock()
    first, second = Locking(clock), Locking(clock)
    levels = Levels(
        [("plain", FakeCache(clock)), ("first", first), ("second", second)], clock, Metrics(), background=False
    )
    locks = levels.lock_level()
    assert locks is not None
    assert locks.acquire_lock("x", "t", 1)
    assert (first.calls, second.calls) == (["acquire_lock"], [])
    first.away = True
    with pytest.raises(UnreachableError):
        locks.acquire_lock("x", "t", 1)
    assert levels.states()["first"] == "away", "it is a call like any other"
    locks = levels.lock_level()
    assert locks is not None
    assert locks.acquire_lock("x", "t", 1)
    assert second.calls == ["acquire_lock"]
    second.away = True
    levels.read(KEY, PLAIN, 0)
    assert levels.lock_level() is None


def test_entries_are_listed_level_by_level_with_what_their_header_says(parts: Parts) -> None:
    parts.write(parts.entry(ttl=60))
    parts.second.set("acme:v1:vista:employees:garbage", b"garbage", 60)
    rows = list(parts.levels.entries("acme:v1:vista:*"))
    stored = len(encode(parts.entry(ttl=60)))
    assert [(row.key, row.level, row.size) for row in rows] == [
        (KEY, "memory", None), (KEY, "first", stored), (KEY, "second", stored),
    ]  # fmt: skip
    assert {row.fresh_until_ns - row.created_at_ns for row in rows} == {60 * NANOSECONDS}
    assert parts.counts("memory")["hits"] == 0, "looking is not using"
    parts.levels.generations.bump(Name("vista"))
    assert list(parts.levels.entries("*")) == [], "what is invalid is not there"


def test_stats_say_which_levels_sensitive_domains_avoid(parts: Parts) -> None:
    assert [level["takes_sensitive"] for level in parts.levels.stats()] == [True, False, True]
    parts.write(parts.entry(), SENSITIVE)
    assert parts.first.calls == []


def test_every_key_is_told_after_an_outage_of_a_plain_level_too(parts: Parts) -> None:
    parts.first.away = True
    parts.write(parts.entry("new"))
    assert (parts.counts("first")["pending"], parts.first.held) == (1, {})
    parts.first.away = False
    parts.clock.advance(5)
    parts.levels.tend()
    assert (parts.counts("first")["pending"], list(parts.first.held)) == (0, [KEY])
    parts.first.away = True
    assert parts.levels.delete(KEY)
    parts.first.away = False
    parts.clock.advance(5)
    parts.levels.tend()
    assert (parts.counts("first")["pending"], parts.first.held) == (0, {})


def test_tending_says_when_it_is_needed_again(parts: Parts) -> None:
    assert parts.levels.tend() is None
    parts.first.away = True
    parts.found_on()
    assert parts.levels.tend() == 5
    parts.clock.advance(2)
    assert parts.levels.tend() == 3
    parts.clock.advance(3)
    assert parts.levels.tend() == 5, "probed, and still away"
    assert parts.first.calls == ["get", "get"]
