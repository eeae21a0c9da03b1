"""Chaos is what was ordered: nothing when calm, the same trouble for the same seed, and no other kind of trouble."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from builders.manual_clock import ManualClock
from busway.contracts.caches import CacheBackend, Entry, SupportsGenerations, SupportsLocks, SupportsPublish
from busway.data.entry_format import UndecodableEntry, decode, encode
from busway.data.memory_level import MemoryLevel
from busway.errors import UnreachableError
from busway.testing import CacheBackendContract, ChaosCache, FakeCache, FakeCacheServer, FakeSharedCache

KEY = "a:v1:d:e:x"
OPTIONAL = (SupportsLocks, SupportsGenerations, SupportsPublish)


class TestCalmChaos(CacheBackendContract):
    """With all probabilities at zero it is what it wraps."""

    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock()

    @pytest.fixture
    def server(self) -> FakeCacheServer:
        return FakeCacheServer()

    @pytest.fixture
    def backend(self, server: FakeCacheServer, clock: ManualClock) -> CacheBackend:
        return ChaosCache(FakeSharedCache(server, clock), fail=0, clock=clock)

    @pytest.fixture
    def other(self, server: FakeCacheServer, clock: ManualClock) -> CacheBackend:
        return ChaosCache(FakeSharedCache(server, clock), fail=0, clock=clock)

    @pytest.fixture
    def elapse(self, clock: ManualClock) -> Callable[[float], None]:
        return clock.advance

    @pytest.fixture
    def unreachable(self) -> CacheBackend:
        return ChaosCache(FakeSharedCache(), fail=1)

    @pytest.fixture
    def recover(self, unreachable: ChaosCache) -> Callable[[], object]:
        return lambda: setattr(unreachable, "fail", 0)


def outcomes(seed: int, **options: Any) -> list[Any]:
    """What a hundred reads of one entry bring."""
    cache = ChaosCache(FakeCache(), fail=0, rng=random.Random(seed))
    cache.set(KEY, b"entry", 60)
    for name, value in options.items():
        setattr(cache, name, value)
    found: list[Any] = []
    for _ in range(100):
        try:
            found.append(cache.get(KEY))
        except UnreachableError as error:
            found.append(error.problem.code)
    return found


def test_the_same_seed_makes_the_same_trouble() -> None:
    assert outcomes(1, fail=0.3, garbage=0.3) == outcomes(1, fail=0.3, garbage=0.3)
    assert outcomes(1, fail=0.3, garbage=0.3) != outcomes(2, fail=0.3, garbage=0.3)


def test_it_fails_as_often_as_ordered_with_a_code_of_its_own() -> None:
    counted = Counter(outcomes(7, fail=0.3))
    assert set(counted) == {b"entry", "BW2036"}
    assert 15 <= counted["BW2036"] <= 45
    assert set(outcomes(7, fail=1)) == {"BW2036"}


def test_garbage_is_bytes_that_nobody_stored_and_no_entry() -> None:
    now = 1_767_225_600_000_000_000
    packed = encode(Entry({"n": 1}, 1, now, now, now))
    inner = FakeCache()
    cache = ChaosCache(inner, fail=0, garbage=1, rng=random.Random(3))
    cache.set(KEY, packed, 60)
    answers = [cache.get(KEY) for _ in range(200)]
    assert all(type(answer) is bytes and answer != packed for answer in answers)
    assert len(set(answers)) > 50
    assert b"" in answers
    assert (cache.garbled, cache.failed) == (200, 0)
    for answer in answers:
        with pytest.raises(UndecodableEntry):
            decode(answer)
    assert cache.get("missing") is None, "where there is nothing, there is no garbage"
    assert inner.get(KEY) == packed, "what is stored stays whole"


def test_it_dawdles_on_the_clock_it_was_given() -> None:
    clock = ManualClock()
    cache = ChaosCache(FakeCache(clock), fail=0, delay=2.0, rng=random.Random(5), clock=clock)
    waits = []
    for _ in range(50):
        before = clock.monotonic()
        cache.delete(KEY)
        waits.append(clock.monotonic() - before)
    assert all(0 <= wait <= 2 for wait in waits)
    assert len(set(waits)) > 40
    assert 0.5 < sum(waits) / len(waits) < 1.5


def test_a_late_failure_has_done_its_work() -> None:
    inner = FakeSharedCache()
    for late, held in ((0.0, None), (1.0, b"1")):
        cache = ChaosCache(inner, fail=1, late=late)
        with pytest.raises(UnreachableError, match="BW2036"):
            cache.set(KEY, b"1", 60)
        assert inner.get(KEY) == held
        assert cache.failed == 1


def test_a_scan_may_break_off() -> None:
    cache = ChaosCache(FakeCache(), fail=0, rng=random.Random(4))
    for number in range(100):
        cache.set(f"a:v1:d:e:{number}", b"1", 60)
    cache.fail = 0.1
    found: list[str] = []
    with pytest.raises(UnreachableError):
        found.extend(cache.scan("*"))
    assert 0 < len(found) < 100


def test_it_has_what_the_inner_one_has_and_nothing_else() -> None:
    shared, alone = ChaosCache(FakeSharedCache()), ChaosCache(FakeCache(stores_in_clear=False))
    for protocol in OPTIONAL:
        assert isinstance(shared, protocol)
        assert not isinstance(alone, protocol)
    assert isinstance(alone, ChaosCache)
    assert alone.stores_in_clear is False
    memory = ChaosCache(MemoryLevel(), fail=0, garbage=1)
    entry = Entry(1, 1, 1, 2, 3)
    memory.set(KEY, entry, 60)
    assert memory.holds_entries
    assert not hasattr(memory, "stores_in_clear")
    assert memory.get(KEY) is entry, "garbage is bytes; a level in the process has none"


def test_locks_stamps_and_messages_fail_as_well() -> None:
    cache: Any = ChaosCache(FakeSharedCache(), fail=1)
    calls: list[Callable[[], Any]] = [
        lambda: cache.acquire_lock("n", "t", 1),
        lambda: cache.renew_lock("n", "t", 1),
        lambda: cache.release_lock("n", "t"),
        lambda: cache.wait_lock("n", 1),
        lambda: cache.read_generations(["n"]),
        lambda: cache.raise_generation("n", 1),
        lambda: cache.publish(b"m"),
        lambda: cache.subscribe(print),
    ]
    for call in calls:
        with pytest.raises(UnreachableError, match="BW2036"):
            call()
    assert cache.failed == len(calls)
    cache.close()
    assert cache.inner.closed
