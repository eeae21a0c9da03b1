"""What callers hand over, well or badly: keys, values, times to live, policies; and what can be asked afterwards."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.data_managers import open_manager
from builders.manual_clock import ManualClock
from busway.contracts.caches import Entry
from busway.data.entry_format import encode, read_metadata
from busway.data.manager import DataManager
from busway.data.memory_level import MemoryLevel
from busway.errors import UsageError
from busway.testing.caches import FakeCache

HOSTILE = [
    "",
    ":",
    "a:b:c",
    "*",
    "[a-z]?",
    "\\",
    "a\nb\r\n",
    "\x00",
    "../../etc",
    "x" * 10_240,
    "ж" * 3_000,
    "\ud800",
    "_",
    "%",
]
YEAR = 365 * 86_400


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def over_two(clock: ManualClock, **options: Any) -> tuple[DataManager, FakeCache]:
    shared = FakeCache(clock)
    levels: list[Any] = [("memory", MemoryLevel(clock=clock)), ("shared", shared)]
    return open_manager(*levels, clock=clock, **options), shared


def never() -> Any:
    raise AssertionError("it was to be found")


@pytest.mark.parametrize("key", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_key_is_a_key_like_any_other(clock: ManualClock, key: str) -> None:
    data, _ = over_two(clock)
    for other in HOSTILE:
        data.save_cache("d.e", ["of", repr(other)], key=other)
    data.save_cache("d.e", "mine", key=key)
    assert data.get_cached_data("d.e", key) == "mine"
    assert [data.get_or_populate("d.e", key=key, loader=never) for _ in range(3)] == ["mine"] * 3
    left = sum(data.get_cached_data("d.e", other) is not None for other in HOSTILE)
    assert left == len(HOSTILE)
    if not set(key) & set("*?["):  # there it would be a pattern
        assert data.invalidate(f"d.e/{key}") == 1
        assert data.get_cached_data("d.e", key) is None


@given(st.text(), st.text())
def test_two_keys_never_share_an_entry(one: str, other: str) -> None:
    data, _ = over_two(ManualClock())
    data.save_cache("d", "one", key=one)
    data.save_cache("d", "other", key=other)
    assert data.get_cached_data("d", one) == ("other" if one == other else "one")


@pytest.mark.parametrize("key", [1, True, b"x", [], {}, ("a",), 1.5])
def test_a_key_that_is_no_text_is_refused_by_every_call(key: Any) -> None:
    data = open_manager()
    calls: list[Callable[[], Any]] = [
        lambda: data.get_or_populate("d", key=key, loader=dict),
        lambda: data.get_cached_data("d", key),
        lambda: data.save_cache("d", 1, key=key),
        lambda: data.get_cached_data_with_fallback("d", key, dict),
        lambda: data.provenance("d", key),
        lambda: data.warm("d", dict, key),
    ]
    for call in calls:
        with pytest.raises(UsageError, match="BW2001: a cache key is text"):
            call()


@pytest.mark.parametrize("name", ["", ".", "a.", ".b", "a b", "a:b", "a.b.c", "*", "a/b", 7, None, [], "x" * 65])
def test_a_name_that_is_none_is_refused(name: Any) -> None:
    data = open_manager()
    with pytest.raises(UsageError, match="BW2001"):
        data.get_or_populate(name, loader=dict)
    with pytest.raises(UsageError, match="BW2001"):
        data.get_cached_data(name)


@pytest.mark.parametrize(
    "ttl", [0, -1, -0.0, float("nan"), float("inf"), float("-inf"), True, "60", [], 1e12, 11 * YEAR]
)
def test_a_ttl_that_is_none_is_refused_before_anything_is_loaded_and_on_a_hit(ttl: Any) -> None:
    data, loads = open_manager(), []
    for _ in range(3):  # missing, found, and found the shortest way
        with pytest.raises(UsageError, match="BW2008"):
            data.get_or_populate("d", loader=lambda: loads.append(1), ttl_seconds=ttl)
        data.get_or_populate("d", loader=lambda: 1)
    assert loads == []
    with pytest.raises(UsageError, match="BW2008"):
        data.save_cache("d", 1, ttl)
    with pytest.raises(UsageError, match="BW2008"):
        data.get_cached_data_with_fallback("d", None, dict, ttl)


def test_a_year_is_kept_to_the_second(clock: ManualClock) -> None:
    data, _ = over_two(clock)
    data.save_cache("d", 1, YEAR)
    clock.advance(YEAR - 1)
    assert data.get_cached_data("d") == 1
    clock.advance(2)
    assert data.get_cached_data("d") is None


def test_a_tiny_ttl_is_over_at_once(clock: ManualClock) -> None:
    data, _ = over_two(clock)
    assert data.save_cache("d", 1, 1e-12) is False
    assert data.get_cached_data("d") is None


@pytest.mark.parametrize(
    "value", [float("nan"), {1: 2}, {"a": {1}}, object(), b"x", (1,), "\ud800", 2**70, [float("inf")]]
)
def test_a_value_that_is_not_json_is_refused_and_stored_nowhere(clock: ManualClock, value: Any) -> None:
    data, shared = over_two(clock)
    with pytest.raises(UsageError, match="BW2003"):
        data.save_cache("d", value)
    with pytest.raises(UsageError, match="BW2003"):
        data.get_or_populate("d", loader=lambda: value)
    with pytest.raises(UsageError, match="BW2003"):
        data.save_cache("d", 1, metadata={"x": value})
    assert shared.held == {}
    assert data.get_cached_data("d") is None


@pytest.mark.parametrize("version", [2, 99, 65_535])
def test_an_entry_of_a_later_busway_is_a_counted_miss_and_stays(clock: ManualClock, version: int) -> None:
    data, shared = over_two(clock)
    now = clock.now_ns()
    theirs = encode(Entry({"shape": "theirs"}, version, now, now + 10**12, now + 10**12))
    shared.set("acme:v1:d:_:_", theirs, 1000)
    assert data.get_cached_data("d") is None
    assert data.provenance("d") is None
    assert shared.held["acme:v1:d:_:_"][0] == theirs
    assert data.stats()["domains"]["d"]["misses"] >= 2
    assert data.stats()["levels"][1]["state"] == "up"
    assert data.get_or_populate("d", loader=lambda: "ours") == "ours"


def test_metadata_are_read_without_the_value(clock: ManualClock) -> None:
    data, shared = over_two(clock)
    data.save_cache("d", {"rows": [1]}, 600, metadata={"source": "nightly", "rows": 1})
    stored = shared.get("acme:v1:d:_:_")
    assert stored is not None
    altered = stored[:-3] + b"???"
    assert read_metadata(altered) == {
        "schema_version": 1,
        "ttl": 600.0,
        "created_at": clock.now_ns(),
        "source": "nightly",
        "metadata": {"source": "nightly", "rows": 1},
    }


def test_counts_are_by_domain_too(clock: ManualClock) -> None:
    data, shared = over_two(clock, tables={"a": {"ttl": 60, "stale_on_error": "1h"}})
    for _ in range(5):
        data.get_or_populate("a.x", loader=lambda: 1)
    data.get_cached_data("b")
    clock.advance(100)

    def broken() -> Any:
        raise ConnectionError

    assert data.get_or_populate("a.x", loader=broken) == 1
    shared.held["acme:v1:b:_:_"] = (b"garbage", float("inf"))
    data.get_cached_data("b")
    domains = data.stats()["domains"]
    a, b = domains["a"], domains["b"]
    assert (a["loads"], a["failed_loads"], a["stale_served"], a["hits"], a["writes"]) == (1, 1, 1, 4, 2)
    assert a["stale"] >= 1
    assert (b["undecodable"], b.get("loads", 0)) == (1, 0)
    assert a["load_seconds"] >= 0
    samples = {(one.name, one.labels): one for one in data._state.metrics.snapshot()}
    assert samples["busway_cache_load_seconds", (("domain", "a"),)].value == 2
    assert samples["busway_cache_hits_total", (("domain", "a"), ("level", "memory"))].value == 4


def test_keys_lists_what_is_there(clock: ManualClock) -> None:
    data, _ = over_two(clock, tables={"vista": {"stale_on_error": "1h"}})
    data.save_cache("vista.employees", [1], 60, key="E/1")
    clock.advance(2)
    data.save_cache("graph", 1, 60)
    rows = data.keys("vista")
    assert [(row["key"], row["level"]) for row in rows] == [
        ("vista:employees:E/1", "memory"),
        ("vista:employees:E/1", "shared"),
    ]
    assert [(row["age_seconds"], row["fresh_for_seconds"]) for row in rows] == [(2.0, 58.0)] * 2
    assert rows[0]["size"] is None
    assert rows[1]["size"] > 50
    assert {row["key"] for row in data.keys("*")} == {"vista:employees:E/1", "graph:_:_"}
    for text in ("vista.employees", "vista.employees/E/1", "vista:*:E*", "*:employees:*"):
        assert len(data.keys(text)) == 2, text
    assert data.keys("vista.employees/E") == []
    with pytest.raises(UsageError, match="BW2001"):
        data.keys("no name")


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_waits_for_no_load_of_its_parent() -> None:
    """The threads of the parent are not there; what they held has to be free."""
    data, begun, go_on = open_manager(tables={"d": {"hard_timeout": "20s"}}), threading.Event(), threading.Event()

    def slow() -> int:
        begun.set()
        assert go_on.wait(20)
        return 1

    with ThreadPoolExecutor(2) as pool:
        slow_one = pool.submit(data.get_or_populate, "d", loader=slow)
        plain = pool.submit(data.get_or_populate, "e", loader=lambda: begun.wait(20) and go_on.wait(20))
        assert begun.wait(20)
        while data._state.guard.flights.under_way("acme:v1:e:_:_") is None:
            threading.Event().wait(0)
        child = os.fork()
        if child == 0:
            try:
                answers = [data.get_or_populate(name, loader=lambda: "child") for name in ("d", "e")]
                os._exit(0 if answers == ["child", "child"] else 1)
            except BaseException:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        go_on.set()
        assert (slow_one.result(20), plain.result(20)) == (1, True)
