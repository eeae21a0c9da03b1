"""The short way to a hit in the level inside the process: the same answers, counts and safety as the long one."""

from __future__ import annotations

from typing import Any

import pytest

from builders.data_managers import open_manager
from builders.manual_clock import ManualClock
from busway.contracts.caches import Entry
from busway.data.memory_level import MemoryLevel


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


def test_a_hit_is_counted_and_does_not_load() -> None:
    manager = open_manager(("memory", MemoryLevel()))
    loads = [manager.get_or_populate("a.b", loader=lambda: 1) for _ in range(3)]
    assert loads == [1, 1, 1]
    stats = manager.stats()
    assert (stats["loads"], stats["levels"][0]["hits"]) == (1, 2)


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
