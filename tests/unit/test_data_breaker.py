"""The breaker of a level: what opens it, who may try again, and what waiting costs."""

from __future__ import annotations

import time
from typing import Any

import pytest

from builders.cache_processes import CacheProcess, CacheServer, SharedCache
from builders.manual_clock import ManualClock
from busway.contracts.clock import SystemClock
from busway.data.breaker import Breaker
from busway.data.levels import Levels
from busway.errors import UnreachableError
from busway.metrics.registry import Metrics
from busway.testing.caches import FakeCache


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def test_only_the_probe_prolongs_the_pause(clock: ManualClock) -> None:
    breaker = Breaker(clock, 5)
    assert breaker.failed()
    clock.advance(4)
    assert not breaker.failed(), "a call that was under way when it opened"
    assert breaker.due_in == 1
    clock.advance(1)
    assert breaker.allows()
    breaker.failed(probe=True)
    assert breaker.due_in == 5


def test_a_probe_that_never_arrived_may_be_repeated_at_once(clock: ManualClock) -> None:
    breaker = Breaker(clock, 5)
    breaker.failed()
    clock.advance(5)
    assert breaker.allows()
    assert not breaker.allows()
    breaker.undecided()
    assert breaker.allows()


def test_while_a_probe_is_under_way_nobody_makes_another(clock: ManualClock) -> None:
    breaker = Breaker(clock, 0.1)
    breaker.failed()
    clock.advance(0.1)
    assert breaker.allows()
    clock.advance(4)
    assert not breaker.allows(), "the server takes its time"
    clock.advance(1)
    assert breaker.allows(), "whoever made it is gone"
    breaker.failed(probe=True)
    assert breaker.due_in == pytest.approx(0.1)


def test_a_probe_that_is_interrupted_is_left_to_the_next_caller(clock: ManualClock) -> None:
    cache = SharedCache(CacheServer(), clock)
    process = CacheProcess(clock, ("shared", cache))
    cache.away = True
    process.get("vista.employees")
    cache.away = False
    clock.advance(5)

    def interrupted(key: str) -> Any:
        raise KeyboardInterrupt

    cache.get = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        process.levels.read(process.key("vista.employees"), process.policy, 0)
    del cache.get  # type: ignore[method-assign]
    process.get("vista.employees")
    assert not process.levels.degraded


def test_callers_leave_the_probe_to_the_background_for_a_moment(clock: ManualClock) -> None:
    breaker = Breaker(clock, 5)
    breaker.failed()
    clock.advance(5)
    assert not breaker.allows(grace=0.05)
    assert breaker.allows()


@pytest.mark.parametrize("error", [UnreachableError("BW2006", "away"), OSError(111, "refused"), TimeoutError()])
def test_a_level_that_does_not_answer_opens_it(clock: ManualClock, error: Exception) -> None:
    cache = SharedCache(CacheServer(), clock)
    process = CacheProcess(clock, ("shared", cache))

    def fail(key: str) -> Any:
        cache.calls.append("get")
        raise error

    cache.get = fail  # type: ignore[method-assign]
    cache.calls.clear()
    assert [process.get("vista.employees") for _ in range(3)] == [None] * 3
    assert cache.calls.count("get") == 1
    assert process.levels.states() == {"memory": "up", "shared": "away"}


def test_a_busy_connection_pool_is_counted_and_does_not_open_it(clock: ManualClock) -> None:
    cache = SharedCache(CacheServer(), clock)
    process = CacheProcess(clock, ("shared", cache))
    process.put("vista.employees", 1)
    process.memory.close()
    cache.busy = True
    assert process.get("vista.employees") is None
    assert process.put("vista.jobs", 2) == 1, "memory took it"
    assert process.state("shared")["state"] == "up"
    assert process.state("shared")["errors"] > 0
    assert process.events == []
    cache.busy = False
    assert process.get("vista.employees") == 1
    assert process.key("vista.jobs") in cache.held, "it is told what it was too busy for"


def test_a_busy_pool_says_nothing_about_a_level_that_is_away(clock: ManualClock) -> None:
    cache = SharedCache(CacheServer(), clock)
    process = CacheProcess(clock, ("shared", cache))
    cache.away = True
    process.get("vista.employees")
    cache.away, cache.busy = False, True
    clock.advance(5)
    process.get("vista.employees")
    assert process.levels.degraded
    cache.busy = False
    process.get("vista.employees")
    assert not process.levels.degraded, "the next call is a probe; nobody waits for another pause"


def test_undecodable_bytes_do_not_open_it(clock: ManualClock) -> None:
    cache = SharedCache(CacheServer(), clock)
    process = CacheProcess(clock, ("shared", cache))
    cache.set(process.key("vista.employees"), b"\x80\x04garbage", 60)
    assert process.get("vista.employees") is None
    assert (process.state("shared")["state"], process.state("shared")["undecodable"]) == ("up", 1)


def test_how_long_a_level_is_left_alone_is_the_deployments_choice(clock: ManualClock) -> None:
    cache = SharedCache(CacheServer(), clock)
    process = CacheProcess(clock, ("shared", cache), retry_seconds=30)
    cache.away = True
    process.get("vista.employees")
    cache.away = False
    clock.advance(29)
    process.get("vista.employees")
    assert process.levels.degraded
    clock.advance(1)
    process.get("vista.employees")
    assert not process.levels.degraded


def test_each_transition_is_one_line_one_event_and_one_change_of_the_gauge(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    cache = SharedCache(CacheServer(), clock)
    process = CacheProcess(clock, ("shared", cache))

    def gauge() -> float:
        (value,) = [
            sample.value
            for sample in process.metrics.snapshot()
            if sample.name == "busway_cache_level_up" and ("level", "shared") in sample.labels
        ]
        return value

    seen = [gauge()]
    for away in (True, False, True, False):
        cache.away = away
        for _ in range(3):
            clock.advance(6)
            process.get("vista.employees")
        seen.append(gauge())
    assert seen == [1, 0, 1, 0, 1]
    lines = [record.getMessage().split(":")[0] for record in caplog.records]
    assert lines == ["cache level shared is away", "cache level shared is back"] * 2
    assert [event["attributes"]["what"] for event in process.events] == ["cache level away", "cache level back"] * 2


def test_reading_past_a_level_that_is_away_costs_next_to_nothing() -> None:
    """At most a microsecond on a quiet machine; the limit here leaves room for a busy one."""
    cache = FakeCache()
    levels = Levels([("first", cache)], SystemClock(), Metrics(), background=False, retry_seconds=600)
    cache.away = True
    (level,) = levels._levels
    key = "acme:v1:vista:employees:_"
    level.read(key, lambda entry: pytest.fail("nothing was to be read"))
    best = min(_seconds(lambda: level.read(key, _never)) for _ in range(5))
    assert cache.calls == ["get"]
    assert best < 5e-6


def _never(entry: Any) -> Any:
    raise AssertionError


def _seconds(call: Any, times: int = 2_000) -> float:
    began = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - began) / times
