"""Single flight, with real threads and without sleeping."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

import pytest

from busway.data.single_flight import Flight, LeaderGoneError, SingleFlight
from busway.errors import UsageError
from busway.plugins.worker import EscapeError


class Load:
    """A load that tells when it has begun and ends when it is told to."""

    def __init__(self, outcome: object = "value") -> None:
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.runs = 0
        self._outcome = outcome

    def __call__(self, flight: Flight) -> object:
        self.runs += 1
        self.begun.set()
        assert self.go_on.wait(10)
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        return self._outcome

    def over(self) -> Load:
        """Without a wait."""
        self.go_on.set()
        return self


def waiting(flights: SingleFlight, key: str, count: int) -> Callable[[], bool]:
    """Whether ``count`` threads wait for the flight of ``key``."""

    def reached() -> bool:
        flight = flights._flights.get(key)
        return flight is not None and len(flight.boarded) == count

    return reached


def until(condition: Callable[[], bool]) -> None:
    for _ in range(1_000_000):
        if condition():
            return
        threading.Event().wait(0)  # gives the processor away
    raise AssertionError("it never came to that")


def board(pool: ThreadPoolExecutor, flights: SingleFlight, load: Load, count: int) -> list[Future[object]]:
    """One leader inside its load and ``count - 1`` that wait for it."""
    callers = [pool.submit(flights.run, "k", load)]
    assert load.begun.wait(10)
    callers += [pool.submit(flights.run, "k", load) for _ in range(count - 1)]
    until(waiting(flights, "k", count - 1))
    return callers


def test_many_callers_share_one_load() -> None:
    flights, load = SingleFlight(), Load({"a": 1})
    with ThreadPoolExecutor(32) as pool:
        callers = board(pool, flights, load, 32)
        load.go_on.set()
        values = [caller.result(10) for caller in callers]
    assert load.runs == 1
    assert all(value is values[0] for value in values)


def test_many_callers_share_one_failure() -> None:
    failure = ConnectionError("the source is gone")
    flights, load = SingleFlight(), Load(failure)
    with ThreadPoolExecutor(16) as pool:
        callers = board(pool, flights, load, 16)
        load.go_on.set()
        assert all(caller.exception(10) is failure for caller in callers)
    assert load.runs == 1


def test_a_failure_is_not_remembered() -> None:
    flights, load = SingleFlight(), Load(ValueError("first"))
    load.go_on.set()
    with pytest.raises(ValueError, match="first"):
        flights.run("k", load)
    assert flights.run("k", lambda flight: "second") == "second"


def test_keys_do_not_wait_for_each_other() -> None:
    flights, load = SingleFlight(), Load()
    with ThreadPoolExecutor(1) as pool:
        caller = pool.submit(flights.run, "slow", load)
        assert load.begun.wait(10)
        assert flights.run("quick", lambda flight: 1) == 1
        load.go_on.set()
        assert caller.result(10) == "value"


def test_waiters_of_an_interrupted_leader_choose_another() -> None:
    flights, interrupted, second = SingleFlight(), Load(KeyboardInterrupt()), Load("second")
    second.go_on.set()
    with ThreadPoolExecutor(4) as pool:
        leader = pool.submit(flights.run, "k", interrupted)
        assert interrupted.begun.wait(10)
        waiters = [pool.submit(flights.run, "k", second) for _ in range(3)]
        until(waiting(flights, "k", 3))
        interrupted.go_on.set()
        wait([leader, *waiters], 10)
        assert isinstance(leader.exception(), KeyboardInterrupt)
        assert [waiter.result() for waiter in waiters] == ["second"] * 3


def test_a_detached_flight_ends_for_those_on_board_and_the_next_caller_starts_anew() -> None:
    flights, old = SingleFlight(), Load("old")
    with ThreadPoolExecutor(2) as pool:
        callers = board(pool, flights, old, 2)
        assert flights.detach(lambda key: key == "k") == 1
        assert flights.run("k", lambda flight: ("new", flight.detached)) == ("new", False)
        old.go_on.set()
        assert [caller.result(10) for caller in callers] == ["old", "old"]
    assert flights.detach(lambda key: True) == 0


def test_a_load_that_asks_for_itself_is_refused_instead_of_waiting_for_ever() -> None:
    flights = SingleFlight()
    with pytest.raises(UsageError, match="BW2007"):
        flights.run("k", lambda flight: flights.run("k", lambda inner: 1))
    assert flights.run("k", lambda flight: 2) == 2


def test_a_flight_is_waited_for_no_longer_than_somebody_wants_to() -> None:
    flights = SingleFlight()
    flight, leads = flights.board("k")
    assert leads
    assert flight.wait(0) is False
    assert flight.wait(0.001) is False
    flights.lead("k", flight, lambda flight: 1)
    assert flight.wait(0) is True
    assert flight.wait(None) is True
    assert flights.under_way("k") is None


def test_a_load_that_times_out_itself_has_ended() -> None:
    flights = SingleFlight()
    flight, _ = flights.board("k")
    with pytest.raises(TimeoutError, match="the source"):
        flights.lead("k", flight, Load(TimeoutError("the source")).over())
    assert flight.wait(0) is True


def test_a_load_behind_raises_nothing_where_it_runs_and_everything_where_it_is_waited_for() -> None:
    flights = SingleFlight()
    for outcome, raised in ((ValueError("no"), ValueError), (SystemExit(1), EscapeError)):
        flight, _ = flights.board("k")
        flights.lead_behind("k", flight, Load(outcome).over())
        with pytest.raises(raised):
            flight.outcome()
    flight, _ = flights.board("k")
    flights.lead_behind("k", flight, lambda flight: "value")
    assert flight.outcome() == "value"


def test_who_gives_up_leaves_the_flight_to_those_on_board() -> None:
    flights = SingleFlight()
    flight, _ = flights.board("k", lambda: Flight.timed(7.0))
    flights.give_up("k", flight)
    with pytest.raises(LeaderGoneError):
        flight.outcome()
    assert flight.looked is not None
    assert flight.looked.is_set(), "nobody waits for what he will not see"
    assert flights.run("k", lambda flight: 1) == 1


def test_detaching_is_told() -> None:
    told: list[bool] = []
    flights = SingleFlight(on_detach=lambda matches: told.append(matches("k")))
    flights.detach("k".__eq__)
    flights.detach("other".__eq__)
    assert told == [True, False]


def test_a_flight_that_ends_while_somebody_begins_to_wait_is_not_waited_for() -> None:
    flight = Flight()

    class JustMissed(dict[str, threading.Event]):
        """Whoever ends the flight finds nobody waiting, a moment before somebody does."""

        def setdefault(self, key: str, default: threading.Event) -> threading.Event:
            flight.end("value")
            return super().setdefault(key, default)

    flight._event = JustMissed()
    assert flight.wait(0) is True
    assert flight.outcome() == "value"
