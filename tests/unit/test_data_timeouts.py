"""Soft and hard time-outs: callers stop waiting, loads do not. A time-out of some milliseconds is waited for really."""

from __future__ import annotations

import contextvars
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from builders.data_managers import open_manager
from builders.manual_clock import ManualClock
from busway.data.background import BackgroundLoads
from busway.data.gate import Gate
from busway.errors import UnreachableError
from busway.plugins.worker import EscapeError
from busway.testing.caches import FakeCache

SOFT = {"ttl": 60, "stale_on_error": "1h", "soft_timeout": "10ms"}
HARD = {"ttl": 60, "hard_timeout": "10ms"}
BOTH = {**SOFT, "hard_timeout": "20s"}
PATIENT = {"ttl": 60, "stale_on_error": "1h", "soft_timeout": "20s", "hard_timeout": "30s"}


class SlowLoad:
    """A loader that ends when it is told to."""

    def __init__(self, outcome: Any = "new") -> None:
        self.outcome = outcome
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.runs = 0
        self.thread = ""

    def __call__(self) -> Any:
        self.runs += 1
        self.thread = threading.current_thread().name
        self.begun.set()
        assert self.go_on.wait(20)
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


class Site:
    """A manager over one level of bytes, and what is known about its loads."""

    def __init__(self, policy: dict[str, Any]) -> None:
        self.clock = ManualClock()
        self.cache = FakeCache(self.clock)
        self.data = open_manager(("shared", self.cache), clock=self.clock, tables={"d": policy})

    def stale(self) -> Site:
        """With a value that is no longer fresh."""
        self.data.save_cache("d", "old")
        self.clock.advance(100)
        return self

    def ask(self, loader: Any, name: str = "d") -> Any:
        return self.data.get_or_populate(name, loader=loader)

    @property
    def guard(self) -> Any:
        return self.data._state.guard

    def landed(self) -> None:
        """Waits for the load under way to be stored."""
        flight = self.guard.flights.under_way("acme:v1:d:_:_")
        if flight is not None:
            assert flight.wait(20)


def test_a_stale_value_is_served_when_the_load_is_slow_and_the_load_is_not_lost() -> None:
    site, load = Site(SOFT).stale(), SlowLoad()
    assert site.ask(load) == "old"
    assert site.ask(load) == "old", "who comes later joins the load under way"
    assert site.data.stats()["stale_served"] == 2
    load.go_on.set()
    site.landed()
    assert load.runs == 1
    assert site.data.get_cached_data("d") == "new"
    assert load.thread == "busway-load"


def test_a_quick_load_is_waited_for_although_there_is_a_stale_value() -> None:
    site, load = Site(PATIENT).stale(), SlowLoad()
    load.go_on.set()
    assert site.ask(load) == "new"
    assert site.ask(lambda: "newer") == "new"


def test_without_a_stale_value_the_soft_time_out_says_nothing() -> None:
    site, load = Site(SOFT), SlowLoad()
    with ThreadPoolExecutor(1) as pool:
        caller = pool.submit(site.ask, load)
        assert load.begun.wait(20)
        with pytest.raises(TimeoutError):
            caller.result(0.05)
        load.go_on.set()
        assert caller.result(20) == "new"


def test_a_caller_waits_for_a_load_no_longer_than_the_hard_time_out_and_the_next_one_finds_its_value() -> None:
    site, load = Site(HARD), SlowLoad()
    with pytest.raises(UnreachableError, match=r"BW2012: the load of d takes longer than 0\.01 s"):
        site.ask(load)
    assert site.data.stats()["overdue"] == 1
    load.go_on.set()
    site.landed()
    assert site.ask(lambda: "another") == "new"


def test_the_hard_time_out_serves_the_stale_value_where_there_is_one() -> None:
    site, load = Site({"ttl": 60, "stale_on_error": "1h", "hard_timeout": "10ms"}).stale(), SlowLoad()
    assert site.ask(load) == "old"
    load.go_on.set()
    site.landed()
    assert site.data.get_cached_data("d") == "new"


def test_a_load_that_fails_in_time_is_raised_or_answered_with_the_stale_value() -> None:
    failure = ConnectionError("gone")
    load = SlowLoad(failure)
    load.go_on.set()
    with pytest.raises(ConnectionError) as caught:
        Site({"hard_timeout": "20s"}).ask(load)
    assert caught.value is failure
    assert Site(PATIENT).stale().ask(load) == "old"


def test_a_time_out_of_the_loader_is_its_own_failure_and_not_taken_for_ours() -> None:
    load = SlowLoad(TimeoutError("the source"))
    load.go_on.set()
    with pytest.raises(TimeoutError, match="the source"):
        Site({"hard_timeout": "20s"}).ask(load)


def test_a_loader_that_ends_the_process_only_ends_its_load() -> None:
    load = SlowLoad(SystemExit(3))
    load.go_on.set()
    with pytest.raises(EscapeError, match="SystemExit"):
        Site({"hard_timeout": "20s"}).ask(load)


def test_what_is_invalidated_during_a_slow_load_is_neither_stored_nor_served_stale() -> None:
    site, load = Site(BOTH).stale(), SlowLoad()
    assert site.ask(load) == "old"
    site.data.invalidate("d")
    fresh = SlowLoad("after")
    with ThreadPoolExecutor(1) as pool:
        caller = pool.submit(site.ask, fresh)
        assert fresh.begun.wait(20), "a new load, not the one from before the invalidation"
        load.go_on.set()
        fresh.go_on.set()
        assert caller.result(20) == "after", "what was stale is gone: it is waited for to the hard time-out"
    assert site.data.get_cached_data("d") == "after"


def test_an_exact_invalidation_keeps_the_result_of_a_slow_load_out() -> None:
    site, load = Site(SOFT).stale(), SlowLoad()
    assert site.ask(load) == "old"
    flight = site.guard.flights.under_way("acme:v1:d:_:_")
    site.data.invalidate("d/_")
    load.go_on.set()
    assert flight.wait(20)
    assert site.data.get_cached_data("d") is None


def test_the_loader_sees_the_context_of_its_caller() -> None:
    session: contextvars.ContextVar[str] = contextvars.ContextVar("session", default="none")
    session.set("mine")
    assert Site({"hard_timeout": "20s"}).ask(session.get) == "mine"


def test_a_loader_that_asks_for_itself_is_told_in_the_background_too() -> None:
    site = Site({"hard_timeout": "20s"})
    with pytest.raises(Exception, match="BW2007"):
        site.ask(lambda: site.ask(lambda: 1))


def test_loads_within_loads_need_no_second_thread() -> None:
    site = Site({"hard_timeout": "20s"})
    site.guard.background = BackgroundLoads(threads=1)

    def deep() -> Any:
        return site.ask(lambda: site.ask(lambda: "deep", "d.c"), "d.b")

    assert site.ask(deep, "d.a") == "deep"


def test_a_load_within_a_load_does_not_wait_for_one_that_waits_for_its_thread() -> None:
    site = Site({"hard_timeout": "20s"})
    site.guard.background = BackgroundLoads(threads=1)
    begun, go_on = threading.Event(), threading.Event()

    def outer() -> Any:
        begun.set()
        assert go_on.wait(20)
        return site.ask(lambda: "inner, by the outer", "d.b")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(site.ask, outer, "d.a")
        assert begun.wait(20)
        second = pool.submit(site.ask, lambda: "inner", "d.b")
        for _ in range(1_000_000):
            flight = site.guard.flights.under_way("acme:v1:d:b:_")
            if flight is not None and flight.waits:
                break
            threading.Event().wait(0)
        go_on.set()
        assert first.result(20) == "inner, by the outer"
        assert second.result(20) in ("inner", "inner, by the outer")


def test_when_too_many_loads_hang_callers_are_told_or_served_stale() -> None:
    site, hanging, waiting = (
        Site({"hard_timeout": "10ms", "ttl": 60, "stale_on_error": "1h"}).stale(),
        SlowLoad(),
        SlowLoad(),
    )
    site.guard.background = BackgroundLoads(threads=1, waiting=1)
    for load, name in ((hanging, "d.a"), (waiting, "d.b")):
        with pytest.raises(UnreachableError, match="BW2012"):
            site.ask(load, name)
    with pytest.raises(UnreachableError, match="BW2013"):
        site.ask(lambda: 1, "d.c")
    assert site.ask(lambda: 1) == "old"
    assert waiting.runs == 0
    hanging.go_on.set()
    waiting.go_on.set()
    assert waiting.begun.wait(20), "what waited for a thread gets it"


def test_without_lock_the_time_outs_hold_all_the_same() -> None:
    site, load = Site(HARD), SlowLoad()
    for _ in range(2):
        with pytest.raises(UnreachableError, match="BW2012"):
            site.data.get_cached_data_with_fallback("d", None, load, lock=False)
    load.go_on.set()
    assert load.runs <= 2


def test_a_load_that_ends_after_the_close_is_stored_nowhere() -> None:
    site, load = Site(HARD), SlowLoad()
    with pytest.raises(UnreachableError):
        site.ask(load)
    flight = site.guard.flights.under_way("acme:v1:d:_:_")
    site.data.close()
    calls = list(site.cache.calls)
    load.go_on.set()
    assert flight.wait(20)
    assert flight.outcome()[0].value == "new", "those who still wait get it"
    assert site.cache.calls == calls
    assert site.ask(lambda: "loaded by its caller") == "loaded by its caller"


def test_closing_waits_for_a_write_that_is_under_way_and_lets_no_other_begin() -> None:
    writing, go_on, order = threading.Event(), threading.Event(), []

    class Slow(FakeCache):
        def set(self, key: str, entry: bytes, ttl_seconds: float) -> None:
            writing.set()
            assert go_on.wait(20)
            order.append("written")

        def close(self) -> None:
            order.append("closed")

    data = open_manager(("slow", Slow()))
    with ThreadPoolExecutor(2) as pool:
        saving = pool.submit(data.save_cache, "d", 1)
        assert writing.wait(20)
        closing = pool.submit(data.close)
        while data._state.guard._gate.open:
            threading.Event().wait(0)
        assert data.save_cache("e", 1) is False
        go_on.set()
        closing.result(20)
        assert saving.result(20) is True
    assert order == ["written", "closed"]


def test_closing_the_gate_waits_no_longer_than_somebody_is_inside() -> None:
    gate = Gate()
    visit = gate.enter()
    with ThreadPoolExecutor(1) as pool:
        closing = pool.submit(gate.close, 30)
        while gate.open:
            threading.Event().wait(0)
        gate.leave(visit)
        assert closing.result(10) is True


def test_the_gate_waits_a_moment_only() -> None:
    gate = Gate()
    visit = gate.enter()
    assert visit is not None
    assert gate.close(0.01) is False
    assert gate.enter() is None
    assert gate.close(0.01) is False
    gate.leave(visit)
    assert gate.close(0.01) is True


def test_threads_are_few_and_daemons_and_do_what_waits_before_they_end() -> None:
    loads = BackgroundLoads(threads=2, waiting=3)
    done: list[int] = []
    go_on, names = threading.Event(), set()

    def work(number: int) -> None:
        names.add(threading.current_thread())
        assert BackgroundLoads.inside()
        assert go_on.wait(20)
        done.append(number)

    taken = [loads.submit(partial(work, number)) for number in range(2)]
    while len(names) < 2:
        threading.Event().wait(0)
    taken += [loads.submit(partial(work, number)) for number in range(2, 6)]
    assert taken == [True] * 5 + [False]
    loads.close()
    assert loads.submit(lambda: None) is False
    go_on.set()
    for thread in names:
        assert thread.daemon
        thread.join(20)
    assert sorted(done) == [0, 1, 2, 3, 4]
    assert not BackgroundLoads.inside()


def test_many_threads_share_a_slow_load(  # each waits on its own, all get the same
) -> None:
    site, load = Site({"hard_timeout": "20s"}), SlowLoad({"rows": 1})
    with ThreadPoolExecutor(16) as pool:
        callers: list[Future[Any]] = [pool.submit(site.ask, load) for _ in range(16)]
        assert load.begun.wait(20)
        load.go_on.set()
        values = [caller.result(20) for caller in callers]
    assert all(value == {"rows": 1} for value in values)
    assert load.runs == 1


def test_an_interrupted_leader_leaves_the_load_to_another(monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site({"hard_timeout": "20s"})
    find, first = site.guard.find, threading.Event()

    def interrupted(address: Any, **options: Any) -> Any:
        if not first.is_set():
            first.set()
            raise KeyboardInterrupt
        return find(address, **options)

    monkeypatch.setattr(site.guard, "find", interrupted)
    with pytest.raises(KeyboardInterrupt):
        site.ask(lambda: 1)
    assert site.ask(lambda: 2) == 2
