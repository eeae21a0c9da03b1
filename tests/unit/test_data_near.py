"""The short ways to a hit in the level inside the process: the same answers, counts and safety as the long one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from builders.data_managers import open_manager
from builders.manual_clock import ManualClock
from busway.contracts.caches import Entry
from busway.data.manager import DataManager
from busway.data.memory_level import MemoryLevel
from busway.data.nearby import NOTES, TRUSTED_SECONDS
from busway.data.tally import Tally
from busway.metrics.registry import Counter, Metrics
from busway.testing.caches import FakeCache


class Failing(MemoryLevel):
    """Breaks when told to."""

    broken = False
    asked = 0

    def get(self, key: str) -> Entry | None:
        self.asked += 1
        if self.broken:
            raise RuntimeError("broken")
        return super().get(key)


class Strange(MemoryLevel):
    """Answers with something that is no entry."""

    def get(self, key: str) -> Any:
        return {"value": 1}


class Counted(MemoryLevel):
    """Not the level itself but one of its kind: the shortest way is not for it."""

    asked = 0

    def get(self, key: str) -> Entry | None:
        self.asked += 1
        return super().get(key)


def noted(manager: DataManager) -> int:
    """How many notes there are that still count."""
    state = manager._state
    return sum(
        slot.entry is not None and state.monotonic() < until and epoch == state.generations.epoch
        for slot, until, epoch, _ in state.near.notes.values()
    )


class Near:
    """A manager whose value of ``a.b`` is noted, and a loader that says when it was needed again."""

    def __init__(self, *below: tuple[str, Any], **options: Any) -> None:
        self.clock = ManualClock()
        self.memory = MemoryLevel(2, self.clock)
        self.metrics = Metrics()
        self.manager = open_manager(("memory", self.memory), *below, clock=self.clock, metrics=self.metrics, **options)
        for _ in range(3):
            assert self.ask("first") == "first"
        assert noted(self.manager) == 1

    def ask(self, value: Any = "again", **options: Any) -> Any:
        return self.manager.get_or_populate("a.b", loader=lambda: value, ttl_seconds=60, **options)


def test_a_hit_is_counted_and_does_not_load() -> None:
    manager = open_manager(("memory", MemoryLevel()))
    loads = [manager.get_or_populate("a.b", loader=lambda: 1) for _ in range(3)]
    assert loads == [1, 1, 1]
    stats = manager.stats()
    assert (stats["loads"], stats["levels"][0]["hits"]) == (1, 2)


def test_every_hit_of_the_shortest_way_is_counted_once() -> None:
    near = Near()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: [near.ask() for _ in range(500)], range(8)))
    for _ in range(2):  # asking for the counts does not change them
        stats = near.manager.stats()
        assert (stats["loads"], stats["levels"][0]["hits"], stats["domains"]["a"]["hits"]) == (1, 4002, 4002)


def test_the_tally_settles_what_it_counted() -> None:
    counter = Counter()
    tally = Tally(counter)
    for expected in (0, 3, 3, 1003):
        for _ in range(expected - int(counter.value)):
            tally.tick()
        tally.settle()
        assert counter.value == expected


@pytest.mark.parametrize(
    "end",
    [
        lambda near: near.clock.advance(60),
        lambda near: near.manager.invalidate("a.b"),
        lambda near: near.manager.invalidate("a"),
        lambda near: near.manager.invalidate("a.b/_"),
        lambda near: near.manager.invalidate("a:*"),
        lambda near: near.memory.delete("acme:v1:a:b:_"),
        lambda near: near.memory.close(),
        lambda near: near.manager.close(),
        lambda near: [near.manager.save_cache("other", n, key=str(n)) for n in range(4)],
        lambda near: near.manager._state.generations.learn("a.b", near.clock.now_ns() + 1),
    ],
    ids=["ttl", "entity", "domain", "key", "pattern", "delete", "level", "manager", "evicted", "another process"],
)
def test_whatever_ends_an_entry_ends_its_note(end: Callable[[Near], Any]) -> None:
    near = Near()
    end(near)
    assert near.ask() == "again"


def test_a_value_that_was_replaced_is_not_served() -> None:
    near = Near()
    near.manager.save_cache("a.b", "saved")
    assert near.ask() == "saved"
    near.manager.warm("a.b", lambda: "warmed")
    assert near.ask() == "warmed"


def test_a_generation_of_something_else_costs_one_look_and_no_load() -> None:
    near = Near()
    near.manager.invalidate("other.thing")
    assert noted(near.manager) == 0
    assert near.ask() == "first"
    assert noted(near.manager) == 1


def test_what_is_invalidated_while_it_is_judged_is_not_noted() -> None:
    near = Near()
    state = near.manager._state
    address = state.locate("a.b", None)
    epoch = state.generations.epoch
    entry = state.guard.get_or_load(address, None)  # type: ignore[arg-type]
    near.manager.invalidate("a.b")
    state.near.note(("a.b", None), "a", address.key, entry, epoch)
    assert noted(near.manager) == 0


def test_what_is_invalidated_between_the_judgement_and_the_note_is_not_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    near = Near()
    near.manager.invalidate("other")  # ends the note, so that the next caller goes the ordinary way
    guard = near.manager._state.guard
    judge = guard.get_or_load

    def judged_and_overtaken(*asked: Any, **options: Any) -> Entry:
        entry = judge(*asked, **options)
        near.manager.invalidate("a.b")
        return entry

    monkeypatch.setattr(guard, "get_or_load", judged_and_overtaken)
    assert near.ask() == "first"
    monkeypatch.undo()
    assert near.ask() == "again"


def test_nothing_is_trusted_for_long_without_a_look_at_what_others_did() -> None:
    shared = FakeCache(ManualClock())
    near = Near(("shared", shared))
    near.clock.advance(TRUSTED_SECONDS)
    assert noted(near.manager) == 0


def test_notes_are_made_at_the_second_asking_and_their_number_is_bounded() -> None:
    manager = open_manager()
    manager.get_or_populate("a", key="once", loader=lambda: 1)
    assert noted(manager) == 0
    notes = manager._state.near.notes
    note = (None, 0.0, 0, lambda: 0)
    notes.update({("x", str(n)): note for n in range(NOTES)})  # type: ignore[misc]
    for _ in range(2):
        manager.get_or_populate("a", key="twice", loader=lambda: 1)
    assert len(notes) == 1


def test_a_remembered_none_is_not_noted_and_not_forgotten() -> None:
    manager = open_manager()
    for _ in range(4):
        assert manager.get_or_populate("a", loader=lambda: None) is None
    assert noted(manager) == 0
    assert manager.stats()["domains"]["a"] | {"load_seconds": 0.0} == {
        "loads": 1, "failed_loads": 0, "stale_served": 0, "overdue": 0, "failures_served": 0, "load_seconds": 0.0,
        "hits": 3, "misses": 1, "negative": 3, "writes": 1,
    }  # fmt: skip


def test_an_adopted_manager_takes_the_same_way_and_a_released_one_none() -> None:
    near = Near()
    door = DataManager(lambda: near.manager)
    assert door.get_or_populate("a.b", loader=lambda: "again") == "first"
    near.memory.delete("acme:v1:a:b:_")
    assert door.get_or_populate("a.b", loader=lambda: "again") == "again"
    other = open_manager()
    door.adopt(other)
    assert door.get_or_populate("a.b", loader=lambda: "other") == "other"
    door.release()
    assert door.get_or_populate("a.b", loader=lambda: "third") == "again"


def test_only_the_memory_level_itself_is_passed_by() -> None:
    memory = Counted()
    manager = open_manager(("memory", memory))
    for _ in range(5):
        manager.get_or_populate("a.b", loader=lambda: 1)
    assert memory.asked >= 5
    assert noted(manager) == 0


def test_a_key_that_was_asked_for_the_shortest_way_is_the_last_to_go() -> None:
    near = Near()
    for number in range(6):
        near.ask()
        near.manager.save_cache("other", number, key=str(number))
    assert near.ask() == "first"


def test_threads_see_the_value_of_before_or_after_an_invalidation_and_never_an_older_one() -> None:
    manager, stop = open_manager(), threading.Event()
    made = [0]

    def reader() -> bool:
        last = -1
        while not stop.is_set():
            seen = manager.get_or_populate("a.b", loader=lambda: made[0])
            if seen < last:
                return False
            last = seen
        return True

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(reader) for _ in range(4)]
        for _ in range(300):
            made[0] += 1
            manager.invalidate("a.b")
            assert manager.get_or_populate("a.b", loader=lambda: made[0]) == made[0]
        stop.set()
        assert [one.result(20) for one in readers] == [True] * 4


def test_what_is_no_longer_fresh_or_was_invalidated_is_loaded_again() -> None:
    clock = ManualClock()
    manager = open_manager(("memory", MemoryLevel(clock=clock)), clock=clock)
    values = iter(range(10))
    assert manager.get_or_populate("a.b", loader=lambda: next(values), ttl_seconds=60) == 0
    assert manager.get_or_populate("a.b", loader=lambda: next(values), ttl_seconds=60) == 0
    clock.advance(61)
    assert manager.get_or_populate("a.b", loader=lambda: next(values), ttl_seconds=60) == 1
    manager.invalidate("a.b")
    assert manager.get_or_populate("a.b", loader=lambda: next(values), ttl_seconds=60) == 2


def test_a_level_that_breaks_costs_a_load_and_is_asked_through_its_breaker_from_then_on() -> None:
    backend = Failing()
    manager = open_manager(("memory", backend))
    assert manager.get_or_populate("a.b", loader=lambda: 1) == 1
    backend.broken = True
    assert manager.get_or_populate("a.b", loader=lambda: 2) == 2
    assert manager.stats()["degraded"]
    asked = backend.asked
    assert manager.get_or_populate("a.b", loader=lambda: 3) == 3
    assert backend.asked == asked, "while the breaker is open the level is left alone"


@pytest.mark.parametrize("closed", [False, True])
def test_nonsense_is_no_hit_and_a_closed_manager_has_nothing(closed: bool) -> None:
    manager = open_manager(("memory", MemoryLevel() if closed else Strange()))
    manager.save_cache("a.b", 7)
    if closed:
        manager.close()
    assert manager.get_or_populate("a.b", loader=lambda: 9) == 9
