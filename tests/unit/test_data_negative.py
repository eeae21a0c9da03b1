"""Nothing found and nothing loaded, remembered for a while."""

from __future__ import annotations

import traceback
from typing import Any

import pytest

from builders.data_managers import open_manager
from builders.manual_clock import ManualClock
from busway.data.memory_level import MemoryLevel
from busway.data.negative import FailedLoad, FailedLoads
from busway.testing.caches import FakeCache

STALE = {"ttl": 60, "stale_on_error": "1h", "retry_after": "30s"}
ERRORS = {"negative_ttl": "30s", "negative_errors": True}


class Loader:
    """Counts its calls and returns or raises what it is told."""

    def __init__(self, outcome: Any) -> None:
        self.outcome = outcome
        self.calls = 0

    def __call__(self) -> Any:
        self.calls += 1
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


class Site:
    """A manager with one policy for the domain ``d``."""

    def __init__(self, policy: dict[str, Any]) -> None:
        self.clock = ManualClock()
        self.cache = FakeCache(self.clock)
        self.data = self.process(policy)

    def process(self, policy: dict[str, Any]) -> Any:
        levels: list[Any] = [("memory", MemoryLevel(clock=self.clock)), ("shared", self.cache)]
        return open_manager(*levels, clock=self.clock, tables={"d": policy})

    def ask(self, loader: Any, **options: Any) -> Any:
        return self.data.get_or_populate("d", loader=loader, **options)


def test_that_there_is_nothing_is_remembered_as_long_as_the_policy_says() -> None:
    site, loader = Site({"ttl": "1h", "negative_ttl": "30s", "stale_on_error": "1h"}), Loader(None)
    assert [site.ask(loader), site.ask(loader, ttl_seconds=600)] == [None, None]
    site.clock.advance(29)
    assert site.ask(loader) is None
    assert loader.calls == 1
    site.clock.advance(2)
    loader.outcome = "found"
    assert site.ask(loader) == "found"
    site.clock.advance(1_000)
    assert site.ask(loader) == "found"
    assert loader.calls == 2, "what was found is as good as any value"


def test_a_ttl_shorter_than_the_negative_one_holds() -> None:
    site, loader = Site({"negative_ttl": "1h"}), Loader(None)
    site.ask(loader, ttl_seconds=10)
    site.clock.advance(11)
    site.ask(loader, ttl_seconds=10)
    assert loader.calls == 2


def test_nothing_is_not_served_in_place_of_a_failed_load() -> None:
    site = Site({"ttl": "1h", "negative_ttl": "30s", "stale_on_error": "1h"})
    assert site.ask(Loader(None)) is None
    site.clock.advance(31)
    with pytest.raises(ConnectionError):
        site.ask(Loader(ConnectionError("gone")))


def test_a_negative_ttl_of_0_remembers_nothing() -> None:
    site, loader = Site({"negative_ttl": 0}), Loader(None)
    assert [site.ask(loader), site.ask(loader)] == [None, None]
    assert loader.calls == 2
    assert site.cache.held == {}


def test_a_none_that_is_cached_and_nothing_cached_are_told_apart() -> None:
    site = Site({"negative_ttl": "30s"})
    assert site.data.get_cached_data("d") is None
    assert site.data.provenance("d") is None
    site.ask(Loader(None))
    assert site.data.get_cached_data("d") is None
    provenance = site.data.provenance("d")
    assert provenance is not None
    assert provenance.ttl_seconds == 30


def test_a_none_that_somebody_saves_is_a_value_and_lives_as_long_as_he_says() -> None:
    site = Site({"ttl": "1h", "negative_ttl": "30s"})
    site.data.save_cache("d", None)
    provenance = site.data.provenance("d")
    assert provenance is not None
    assert provenance.ttl_seconds == pytest.approx(3600)


def test_answers_that_say_there_is_nothing_are_counted() -> None:
    site = Site({"negative_ttl": "30s"})
    for _ in range(4):
        site.ask(Loader(None))
    site.data.get_cached_data("d")
    assert site.data.stats()["domains"]["d"]["negative"] == 4
    (memory, _) = site.data.stats()["levels"]
    assert (memory["hits"], memory["negative"]) == (4, 4)


def test_after_a_failed_load_the_stale_value_is_served_without_another_attempt_for_a_while() -> None:
    site, broken = Site(STALE), Loader(ConnectionError("gone"))
    site.data.save_cache("d", "old")
    site.clock.advance(100)
    assert [site.ask(broken) for _ in range(5)] == ["old"] * 5
    assert broken.calls == 1
    site.clock.advance(31)
    assert site.ask(broken) == "old"
    assert broken.calls == 2
    site.clock.advance(31)
    assert site.ask(Loader("new")) == "new"
    assert site.data.stats()["stale_served"] == 6


def test_without_a_throttle_every_caller_tries() -> None:
    site, broken = Site({**STALE, "retry_after": 0}), Loader(ConnectionError("gone"))
    site.data.save_cache("d", "old")
    site.clock.advance(100)
    assert [site.ask(broken), site.ask(broken)] == ["old", "old"]
    assert broken.calls == 2


def test_what_another_process_loads_ends_the_throttle() -> None:
    site, broken = Site(STALE), Loader(ConnectionError("gone"))
    site.data.save_cache("d", "old")
    site.clock.advance(100)
    assert site.ask(broken) == "old"
    site.process(STALE).warm("d", lambda: "theirs")
    assert site.ask(broken) == "theirs"


def test_a_failed_load_is_remembered_where_the_policy_says_so() -> None:
    failure = ConnectionError("gone")
    site, broken = Site(ERRORS), Loader(failure)
    for _ in range(3):
        with pytest.raises(ConnectionError) as caught:
            site.ask(broken)
        assert caught.value is failure
    assert broken.calls == 1
    site.clock.advance(31)
    assert site.ask(Loader("found")) == "found"
    assert site.data.stats()["failures_served"] == 2


def test_a_failed_load_is_remembered_in_its_process_only() -> None:
    site = Site(ERRORS)
    with pytest.raises(ConnectionError):
        site.ask(Loader(ConnectionError("gone")))
    assert site.process(ERRORS).get_or_populate("d", loader=Loader("reached")) == "reached"
    assert site.ask(Loader("another")) == "reached"


@pytest.mark.parametrize("named", ["d", "d/_", "d:_:*"])
def test_what_is_invalidated_is_tried_again(named: str) -> None:
    site, broken = Site(ERRORS), Loader(ConnectionError("gone"))
    with pytest.raises(ConnectionError):
        site.ask(broken)
    site.data.invalidate(named)
    with pytest.raises(ConnectionError):
        site.ask(broken)
    assert broken.calls == 2


def test_an_exception_raised_again_and_again_does_not_grow() -> None:
    site, lengths = Site(ERRORS), []
    broken = Loader(ConnectionError("gone"))
    for _ in range(5):
        with pytest.raises(ConnectionError) as caught:
            site.ask(broken)
        lengths.append(len(traceback.extract_tb(caught.value.__traceback__)))
    assert lengths[1] == lengths[4]


def failed(at_ns: int, until_ns: int) -> FailedLoad:
    return FailedLoad(ValueError(), at_ns, until_ns, 0)


def test_failed_loads_are_bounded_and_those_that_say_nothing_any_more_go_first() -> None:
    loads = FailedLoads(most=3)
    for number in range(5):
        loads.remember(str(number), failed(number, 100))
    assert [number for number in range(5) if loads.of(str(number))] == [2, 3, 4]
    loads.remember("late", failed(100, 200))
    assert len(loads) == 1
    loads.forget("late")
    loads.forget("late")
    assert loads.of("late") is None


def test_nothing_is_kept_where_nobody_would_ask_for_it() -> None:
    site, broken = Site(ERRORS), Loader(ConnectionError("gone"))
    for name in ("d", "other"):
        with pytest.raises(ConnectionError):
            site.data.get_or_populate(name, loader=broken)
    assert len(site.data._state.guard._failed) == 1


def test_a_load_that_succeeds_ends_the_memory_of_one_that_failed() -> None:
    site = Site({**ERRORS, "ttl": 5})
    with pytest.raises(ConnectionError):
        site.ask(Loader(ConnectionError("gone")))
    assert site.data.warm("d", Loader("found"))
    site.clock.advance(6)
    assert site.ask(Loader("found again")) == "found again"


def test_what_was_invalidated_during_a_load_that_fails_is_not_served() -> None:
    site = Site(STALE)
    site.data.save_cache("d", "old")
    site.clock.advance(100)

    def invalidated() -> Any:
        site.data.invalidate("d/_")
        raise ConnectionError

    with pytest.raises(ConnectionError):
        site.ask(invalidated)


def test_what_became_too_old_during_a_load_that_fails_is_not_served() -> None:
    site = Site(STALE)
    site.data.save_cache("d", "old")
    site.clock.advance(100)

    def endless() -> Any:
        site.clock.advance(3_600)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        site.ask(endless)
