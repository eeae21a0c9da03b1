"""Invalidation by name, key and pattern."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.data_managers import open_manager
from builders.manual_clock import ManualClock
from busway.data.generations import Generations
from busway.data.invalidation import Target, parse_target
from busway.data.manager import DataManager
from busway.data.memory_level import MemoryLevel
from busway.data.names import Name, escape_glob
from busway.errors import UsageError
from busway.testing.caches import FakeCache

SAVED = [
    ("vista.employees", None),
    ("vista.employees", "E1"),
    ("vista.employees", "E12"),
    ("vista.employees", "a*b/c:d"),
    ("vista.jobs", "E1"),
    ("vista", None),
    ("vistas.employees", "E1"),
    ("graph.users", "Zoë ~ 1"),
]


@pytest.fixture
def shared() -> FakeCache:
    return FakeCache(ManualClock())


@pytest.fixture
def data(shared: FakeCache) -> DataManager:
    clock = ManualClock()
    manager = open_manager(("memory", MemoryLevel(clock=clock)), ("shared", shared), clock=clock)
    for name, key in SAVED:
        manager.save_cache(name, f"{name}/{key}", key=key)
    return manager


def left(data: DataManager) -> list[tuple[str, str | None]]:
    return [(name, key) for name, key in SAVED if data.get_cached_data(name, key) is not None]


@pytest.mark.parametrize(
    ("text", "removed"),
    [
        ("vista.employees/E1", [1]),
        ("vista.employees/_", [0]),
        ("vista/_", [5]),
        (r"vista.employees/a\*b/c:d", [3]),
        ("vista.employees/E", []),
        ("vista.employees/", []),
        ("vista:employees:E1*", [1, 2]),
        ("vista:employees:E1?", [2]),
        ("vista:*:E1", [1, 4]),
        ("*:employees:E1", [1, 6]),
        ("vista*", [0, 1, 2, 3, 4, 5, 6]),
        ("vista:*", [0, 1, 2, 3, 4, 5]),
        (r"vista:employees:a\*b/c:*", [3]),
        ("graph:users:Zoë ~*", [7]),
        ("graph:users:Zo[ë]*", [7]),
        ("*", list(range(8))),
        ("vist[z-a]*", []),
    ],
)
def test_what_is_named_is_removed_from_every_level_and_counted_once(
    data: DataManager, shared: FakeCache, text: str, removed: list[int]
) -> None:
    assert data.invalidate(text) == len(removed)
    assert left(data) == [saved for index, saved in enumerate(SAVED) if index not in removed]
    assert len(shared.held) == len(SAVED) - len(removed)
    assert data.invalidate(text) == 0


@pytest.mark.parametrize(
    ("text", "removed"),
    [("vista", [0, 1, 2, 3, 4, 5]), ("vista.employees", [0, 1, 2, 3]), ("vista.jobs", [4]), ("graph.users", [7])],
)
def test_a_domain_or_entity_is_invalid_without_a_search(
    data: DataManager, shared: FakeCache, text: str, removed: list[int]
) -> None:
    shared.calls.clear()
    assert data.invalidate(text) == len(removed)
    assert shared.calls == [], "this level keeps no generations: nothing is asked of it"
    assert left(data) == [saved for index, saved in enumerate(SAVED) if index not in removed]
    assert len(shared.held) == len(SAVED), "what they held is older than the stamp and runs out by itself"
    assert data.invalidate(text.replace(".", ":") + ":*") == 0, "what is invalid is not counted again"


def test_what_was_removed_is_not_counted_with_its_entity() -> None:
    data = open_manager()
    for key in ("E1", "E2", "E2"):
        data.save_cache("vista.employees", 1, key=key)
    data.invalidate("vista.employees/E1")
    assert data.invalidate("vista.employees") == 1
    assert data.invalidate("vista") == 0


def test_what_this_process_does_not_know_of_counts_as_one_where_others_may() -> None:
    assert open_manager().invalidate("vista") == 0
    clock = ManualClock()
    assert open_manager(("shared", FakeCache(clock)), clock=clock).invalidate("vista") == 1


@pytest.mark.parametrize("text", ["", "vista.employees/*", "vista.*", "a.b.c", "a b", "a:b", 7, None])
def test_what_can_mean_nothing_is_refused(data: DataManager, text: Any) -> None:
    with pytest.raises(UsageError, match="BW2001"):
        data.invalidate(text)
    assert len(left(data)) == len(SAVED)


def test_the_pattern_that_was_meant_is_suggested(data: DataManager) -> None:
    with pytest.raises(UsageError) as caught:
        data.invalidate("vista.employees/E*")
    assert "vista:employees:E*" in caught.value.problem.fix


def test_the_grammar() -> None:
    assert parse_target("vista.employees/a/b") == Target(Name("vista", "employees"), "a/b")
    assert parse_target(r"vista/\[x\]") == Target(Name("vista"), "[x]")
    assert parse_target(r"vista/\\") == Target(Name("vista"), "\\")
    assert parse_target(r"v\\*") == Target(pattern=r"v\\*")


@given(st.text(min_size=1, max_size=300), st.text(max_size=10))
def test_any_key_can_be_removed_exactly_and_by_its_own_pattern(key: str, other: str) -> None:
    data = open_manager()
    for _ in range(2):
        data.save_cache("d.e", 1, key=key)
        data.save_cache("d.e", 2, key=other)
        assert data.invalidate(f"d.e/{escape_glob(key)}") == 1
        assert data.get_cached_data("d.e", other) == (None if other == key else 2)
    data.save_cache("d.e", 1, key=key)
    assert data.invalidate(f"d:e:{escape_glob(key[:10])}*") >= 1
    assert data.get_cached_data("d.e", key) is None


def test_other_apps_are_left_alone(data: DataManager, shared: FakeCache) -> None:
    shared.set("other:v1:vista:employees:E1", b"1", 60)
    shared.set("acme:v2:vista:employees:E1", b"1", 60)
    data.invalidate("*")
    assert sorted(shared.held) == ["acme:v2:vista:employees:E1", "other:v1:vista:employees:E1"]


def test_what_a_level_kept_while_it_was_away_is_not_served_when_it_is_back() -> None:
    clock = ManualClock()
    shared = FakeCache(clock)
    data = open_manager(("memory", MemoryLevel(clock=clock)), ("shared", shared), clock=clock)
    data.save_cache("vista.employees", "old", key="E1")
    shared.away = True
    assert data.invalidate("vista.employees") == 1
    shared.away = False
    clock.advance(6)
    assert "acme:v1:vista:employees:E1" in shared.held
    assert data.get_cached_data("vista.employees", "E1") is None


@pytest.mark.parametrize("text", ["vista.employees", "vista.employees/E1", "vista:*"])
def test_a_load_that_is_overtaken_is_not_stored(text: str) -> None:
    data = open_manager()
    begun, go_on = threading.Event(), threading.Event()

    def load() -> str:
        begun.set()
        assert go_on.wait(10)
        return "old"

    with ThreadPoolExecutor(1) as pool:
        early = pool.submit(data.get_cached_data_with_fallback, "vista.employees", "E1", load, 60)
        assert begun.wait(10)
        data.invalidate(text)
        late = data.get_cached_data_with_fallback("vista.employees", "E1", lambda: "new", 60)
        go_on.set()
        assert (early.result(10), late) == ("old", "new")
    assert data.get_cached_data("vista.employees", "E1") == "new"


def test_a_load_that_is_overtaken_while_it_is_stored_takes_itself_back() -> None:
    class Overtaken(FakeCache):
        def set(self, key: str, entry: bytes, ttl_seconds: float) -> None:
            data.invalidate("vista.employees/E1")
            super().set(key, entry, ttl_seconds)

    shared = Overtaken(ManualClock())
    data = open_manager(("shared", shared))
    assert data.get_or_populate("vista.employees", key="E1", loader=lambda: "old") == "old"
    assert shared.held == {}


def test_what_was_invalidated_during_a_load_that_fails_is_not_served_stale() -> None:
    clock = ManualClock()
    data = open_manager(clock=clock, tables={"d": {"ttl": 10, "stale_on_error": 600}})
    data.save_cache("d", "old")
    clock.advance(20)

    def load() -> None:
        data.invalidate("d/_")
        raise ConnectionError

    with pytest.raises(ConnectionError):
        data.get_or_populate("d", loader=load)


def test_stamps_only_grow() -> None:
    clock = ManualClock()
    generations = Generations(clock)
    employees, jobs = Name("vista", "employees"), Name("vista", "jobs")
    assert generations.current(employees) == 0
    stamps = [generations.bump(employees), generations.bump(Name("vista")), generations.bump(employees)]
    assert stamps == sorted(set(stamps))
    assert generations.current(employees) == stamps[2]
    assert generations.current(jobs) == stamps[1]
    assert generations.current(Name("graph")) == 0
