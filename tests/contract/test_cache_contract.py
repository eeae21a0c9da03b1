"""The conformance suite for cache backends catches what it promises to catch.

Every specimen breaks one promise: the check of that promise fails for it, and no other does. A backend that keeps all
of them passes all checks, with nothing skipped.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from builders import broken_cache_parts, broken_caches
from builders.cache_specimens import HANGING, SPECIMENS, Specimen
from builders.manual_clock import ManualClock
from builders.suites import checks_of, failing, skipped
from busway.contracts.caches import CacheBackend
from busway.testing.caches import CacheBackendContract, FakeCache, FakeCacheServer, FakeSharedCache

CHECKS = checks_of(CacheBackendContract)


@pytest.fixture(autouse=True)
def hanging_calls_end() -> Iterator[None]:
    HANGING.clear()
    yield
    HANGING.set()


class HastyContract(CacheBackendContract):
    """For backends in this process, which have no reason to take long."""

    patience = 0.5
    settle = 0.005


def fixtures_for(make: Callable[[FakeCacheServer, ManualClock], Any]) -> dict[str, Any]:
    """What the fixtures of a subclass would give for the backend that ``make`` builds."""
    clock, server, gone = ManualClock(), FakeCacheServer(), FakeCacheServer()
    gone.stamps["server is away"] = 1
    backend, other, lost = make(server, clock), make(server, clock), make(FakeCacheServer(), clock)
    lost.away = True
    return {
        "backend": backend,
        "other": other,
        "elapse": clock.advance,
        "unreachable": lost,
        "recover": lambda: setattr(lost, "away", False),
        "corrupt": lambda key, garbage: backend.held.update({key: (garbage, 1e12)}),
        "build": lambda: make(gone, clock),
        "locks": backend,
        "other_locks": other,
        "name": "contract-1",
        "stamps": backend,
        "other_stamps": other,
        "stamp_name": "contract:v1:1",
        "news": backend,
        "other_news": other,
    }


class TestFakeSharedCache(CacheBackendContract):
    """The backend the specimens are made from keeps every promise."""

    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock()

    @pytest.fixture
    def server(self) -> FakeCacheServer:
        return FakeCacheServer()

    @pytest.fixture
    def backend(self, server: FakeCacheServer, clock: ManualClock) -> CacheBackend:
        return FakeSharedCache(server, clock)

    @pytest.fixture
    def other(self, server: FakeCacheServer, clock: ManualClock) -> CacheBackend:
        return FakeSharedCache(server, clock)

    @pytest.fixture
    def elapse(self, clock: ManualClock) -> Callable[[float], None]:
        return clock.advance

    @pytest.fixture
    def build(self) -> Callable[[], CacheBackend]:
        return FakeSharedCache

    @pytest.fixture
    def unreachable(self) -> CacheBackend:
        lost = FakeSharedCache()
        lost.away = True
        return lost

    @pytest.fixture
    def recover(self, unreachable: FakeSharedCache) -> Callable[[], object]:
        return lambda: setattr(unreachable, "away", False)

    @pytest.fixture
    def corrupt(self, backend: FakeSharedCache) -> Callable[[str, bytes], object]:
        return lambda key, garbage: backend.held.update({key: (garbage, 1e12)})


def test_what_the_specimens_are_made_from_fails_nothing() -> None:
    assert failing(HastyContract, lambda: fixtures_for(Specimen)) == []


@pytest.mark.parametrize(("specimen", "check"), SPECIMENS, ids=lambda one: getattr(one, "__name__", one))
def test_a_specimen_fails_the_check_of_its_promise_and_no_other(specimen: type[Specimen], check: str) -> None:
    assert failing(HastyContract, lambda: fixtures_for(specimen)) == [check]


def test_every_check_has_a_specimen() -> None:
    assert {specimen.__module__ for specimen, _ in SPECIMENS} == {broken_caches.__name__, broken_cache_parts.__name__}
    assert {check for _, check in SPECIMENS} == set(CHECKS)
    assert len(CHECKS) >= 25


def test_one_fixture_is_enough_for_most_checks() -> None:
    def alone() -> dict[str, Any]:
        fixtures = fixtures_for(Specimen)
        others = dict.fromkeys(("other", "other_locks", "other_stamps", "other_news"), fixtures["backend"])
        return {**fixtures, **others, **dict.fromkeys(("unreachable", "recover", "corrupt", "build"))}

    reasons = skipped(HastyContract, alone)
    assert len(CHECKS) - len(reasons) >= 25
    assert all("define the fixture" in reason for reason in reasons)


def test_the_contract_needs_a_backend() -> None:
    def nothing(server: FakeCacheServer, clock: ManualClock) -> FakeCache:
        return FakeCache(clock)

    assert "test_a_missing_key_is_none" not in failing(HastyContract, lambda: fixtures_for(nothing))
    with pytest.raises(NotImplementedError, match="'backend'"):
        inspect.unwrap(CacheBackendContract.backend.__wrapped__)(CacheBackendContract())  # type: ignore[attr-defined]
