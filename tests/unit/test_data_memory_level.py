"""The level inside the process."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pluggy
import pytest

from builders.manual_clock import ManualClock
from busway import hookspecs
from busway.contracts.caches import Entry, InProcessCache
from busway.contracts.plugins import PluginContext
from busway.data import memory_level
from busway.data.memory_level import MemoryLevel, MemorySettings


def entry(value: object) -> Entry:
    return Entry(value, 1, 0, 1, 1)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def level(clock: ManualClock) -> MemoryLevel:
    return MemoryLevel(3, clock)


def test_it_has_the_shape_of_an_in_process_cache(level: MemoryLevel) -> None:
    assert isinstance(level, InProcessCache)
    assert level.holds_entries is True


def test_it_keeps_the_very_entry(level: MemoryLevel) -> None:
    kept = entry([1])
    level.set("k", kept, 10)
    assert level.get("k") is kept


def test_the_oldest_that_was_not_asked_for_goes_first(level: MemoryLevel) -> None:
    for key in "abc":
        level.set(key, entry(key), 10)
    level.get("a")
    level.set("d", entry("d"), 10)
    assert [key for key in "abcd" if level.get(key)] == ["a", "c", "d"]
    assert len(level) == 3


def test_an_entry_expires(level: MemoryLevel, clock: ManualClock) -> None:
    level.set("k", entry(1), 10)
    clock.advance(9.9)
    assert level.get("k")
    clock.advance(0.1)
    assert list(level.scan("*")) == []
    assert level.delete("k") is False
    assert level.get("k") is None


def test_delete_says_whether_there_was_one(level: MemoryLevel) -> None:
    level.set("k", entry(1), 10)
    assert [level.delete("k"), level.delete("k")] == [True, False]


def test_scan_and_close(level: MemoryLevel) -> None:
    for key in ("a:1", "a:2", "b:1"):
        level.set(key, entry(key), 10)
    assert sorted(level.scan("a:*")) == ["a:1", "a:2"]
    level.close()
    assert list(level.scan("*")) == []


def test_many_threads_at_once_keep_the_bound() -> None:
    level = MemoryLevel(50)
    start = threading.Barrier(8)

    def churn(number: int) -> None:
        start.wait(10)
        for turn in range(500):
            level.set(f"{number}:{turn % 40}", entry(turn), 10)
            level.get(f"{turn % 8}:{turn % 40}")
            list(level.scan("1:*"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(churn, range(8)))
    assert len(level) == 50


def test_the_module_is_a_plugin() -> None:
    host = pluggy.PluginManager("busway")
    host.add_hookspecs(hookspecs)
    host.register(memory_level)
    host.check_pending()
    (model,) = host.hook.busway_settings()
    (level,) = host.hook.busway_cache_backend(context=PluginContext("memory", model(max_entries=1)))
    level.set("a", entry(1), 10)
    level.set("b", entry(2), 10)
    assert model is MemorySettings
    assert len(level) == 1


def test_each_use_is_good_for_one_more_round(level: MemoryLevel) -> None:
    for key in "abc":
        level.set(key, entry(key), 10)
        level.get(key)
    level.set("d", entry("d"), 10)
    assert [key for key in "abcd" if level.slot(key)] == ["b", "c", "d"], "all were used: the oldest goes after all"
    level.get("b")
    level.set("e", entry("e"), 10)
    assert [key for key in "bcde" if level.slot(key)] == ["b", "d", "e"]


def test_a_replaced_entry_takes_no_room(level: MemoryLevel) -> None:
    for turn in range(5):
        level.set("a", entry(turn), 10)
    level.set("b", entry("b"), 10)
    level.set("c", entry("c"), 10)
    assert sorted(level.scan("*")) == ["a", "b", "c"]


@pytest.mark.parametrize("how", ["delete", "replace", "expire", "evict", "close"])
def test_a_slot_is_emptied_when_its_entry_goes(level: MemoryLevel, clock: ManualClock, how: str) -> None:
    level.set("k", entry(1), 10)
    slot = level.slot("k")
    assert slot is not None
    assert slot.entry is not None
    if how == "delete":
        level.delete("k")
    elif how == "replace":
        level.set("k", entry(2), 10)
    elif how == "expire":
        clock.advance(10)
        assert level.get("k") is None
    elif how == "evict":
        for other in "abc":
            level.set(other, entry(other), 10)
    else:
        level.close()
    assert slot.entry is None
