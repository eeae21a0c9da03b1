"""Provenance: what a caller can ask about a value, and that a level is away."""

from __future__ import annotations

import pytest

from builders.cache_processes import CacheProcess, CacheServer, SharedCache
from builders.manual_clock import ManualClock
from busway.data.provenance import Provenance
from busway.testing.caches import FakeCache


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def provenance(process: CacheProcess, name: str) -> Provenance:
    found = process.levels.read(process.key(name), process.policy, process.stamp(name), promote=False)
    assert found is not None
    return Provenance.of(found, process.clock.now_ns(), process.levels.degraded, process.levels.states())


def test_a_level_that_is_away_is_part_of_the_answer_until_it_is_back(clock: ManualClock) -> None:
    shared = SharedCache(CacheServer(), clock)
    process = CacheProcess(clock, ("shared", shared), ("file", FakeCache(clock)))
    process.put("vista.employees", 1)
    process.memory.close()
    before = provenance(process, "vista.employees")
    assert (before.level, before.degraded) == ("shared", False)
    assert before.levels == {"memory": "up", "shared": "up", "file": "up"}
    shared.away = True
    process.put("vista.jobs", 1)
    during = provenance(process, "vista.employees")
    assert (during.level, during.degraded) == ("file", True)
    assert during.levels == {"memory": "up", "shared": "away", "file": "up"}
    shared.mend()
    clock.advance(6)
    process.levels.tend()
    after = provenance(process, "vista.employees")
    assert (after.level, after.degraded, after.levels) == ("shared", False, before.levels)
