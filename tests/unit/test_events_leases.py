"""Sinks that several processes share: whose turn it is, and what a process that was replaced can still do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from builders.fault_house import BATCH, SECOND, House, Process
from builders.sink_bench import failing
from busway.contracts.events import Event
from busway.contracts.sinks import Delivery
from busway.events.caretaker import Caretaker
from busway.events.sink_turn import SinkTurn, TurnLostError


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path / "state")
    yield house
    for process in list(house.processes):
        process.die()


def turn(process: Process, sink: str = "all") -> SinkTurn:
    return SinkTurn(process.state.sink_leases, sink)


def test_only_one_process_has_the_turn(house: House) -> None:
    first, second = house.start(), house.start()
    first.emit("a")
    with turn(first).hold() as ours:
        assert ours
        assert second.worker("all").drain() is False
        with turn(second, "other").hold() as other:
            assert other, "each sink has a lease of its own"
    assert house.receivers["all"].taken == []
    assert second.worker("all").drain() is True
    assert len(house.receivers["all"].taken) == 1


def test_a_dead_holder_is_replaced_at_once(house: House) -> None:
    first, second = house.start(), house.start()
    with turn(first).hold() as ours:
        assert ours
        first.die()
        with turn(second).hold() as next_one:
            assert next_one


def test_a_stopped_holder_is_replaced_when_its_lease_is_over(house: House) -> None:
    first, second = house.start(), house.start()
    stopped = turn(first)
    with stopped.hold():
        house.clock.ns += 9 * SECOND
        with turn(second).hold() as early:
            assert not early
        house.clock.ns += 2 * SECOND
        stopped.confirm()  # nobody has taken it: it is still ours
        with turn(second).hold() as late:
            assert late
            with pytest.raises(TurnLostError):
                stopped.confirm()
        with pytest.raises(TurnLostError):
            stopped.confirm()


def test_a_turn_that_is_renewed_lasts(house: House) -> None:
    first, second = house.start(), house.start()
    held = turn(first)
    with held.hold():
        for _ in range(5):
            house.clock.ns += 9 * SECOND
            held.renew()
            with turn(second).hold() as taken:
                assert not taken
        house.clock.ns += 11 * SECOND
        with turn(second).hold() as taken:
            assert taken
            held.renew()
            with pytest.raises(TurnLostError):
                held.confirm()


def test_the_caretaker_renews_whatever_the_sinks_are_doing(house: House) -> None:
    first, second = house.start(), house.start()
    first.emit("a")
    caretaker = first.dispatcher._caretaker
    tried: list[bool] = []

    def slow(events: list[Event]) -> Delivery:
        for _ in range(5):
            house.clock.ns += 9 * SECOND
            assert caretaker.look() == 3.0
        tried.append(second.worker("all").drain())
        return Delivery.done(events)

    first.deliver("all", slow)
    assert tried == [False]
    assert first.dispatcher.accounts.books()["all"].delivered == 1


def test_a_late_commit_does_no_harm(house: House) -> None:
    first, second = house.start(), house.start()
    for name in "abcde":
        first.emit(name)
    house.taken_over(first, second, "all")
    assert len(house.receivers["all"].taken) == 5 + BATCH, "one batch came twice, under the same ids"
    assert house.receivers["all"].repeats == BATCH
    house.check()
    assert second.dispatcher.accounts.books()["all"].delivered == 5
    assert first.dispatcher._parts.metrics.counter("busway_sink_turns_lost_total", sink="all").value == 1


@pytest.mark.parametrize("again", [False, True])
def test_a_late_commit_is_refused_also_before_the_new_holder_has_delivered(house: House, again: bool) -> None:
    first, second = house.start(), house.start()
    first.emit("a")
    if again:
        first.deliver("all", lambda events: Delivery.reject(events, "no"))
        first.dispatcher.dead_letters.replay("all")
    with ExitStack() as held:

        def stands_still(events: list[Event]) -> Delivery:
            house.clock.ns += 11 * SECOND
            assert held.enter_context(turn(second).hold())
            return Delivery.done(events)

        first.deliver("all", stands_still)
        assert first.dispatcher.accounts.books()["all"].pending == 1
    house.check()


def test_who_was_replaced_between_deliveries_delivers_nothing_more(house: House) -> None:
    first, second = house.start(), house.start()
    for name in "abcd":
        first.emit(name)
    worker = first.worker("all")
    commit = worker.progress.commit

    def replaced(settled: object) -> None:
        commit(settled)  # type: ignore[arg-type]
        house.clock.ns += 11 * SECOND
        assert second.worker("all").drain()

    worker.progress.commit = replaced  # type: ignore[method-assign]
    assert worker.drain() is False
    assert house.receivers["all"].repeats == 0


def test_a_delivery_that_is_given_up_gives_the_turn_back(house: House) -> None:
    first, second = house.start(), house.start()
    first.emit("a")
    house.hangs(first, "all")
    assert second.worker("all").drain() is True
    assert house.receivers["all"].taken == [house.receivers["all"].taken[0]] * 2
    house.check()


def test_a_rest_keeps_the_turn_and_the_end_gives_it_back(house: House) -> None:
    first, second = house.start(), house.start()
    first.emit("a")
    first.deliver("all", failing)
    assert first.state.sink_leases.current("all") is None
    assert second.worker("all").drain() is True


def test_the_gauges_are_brought_up_to_date(house: House) -> None:
    process = house.start()
    for name in "abcd":
        process.emit(name)
    house.clock.ns += 60 * SECOND
    caretaker: Caretaker = process.dispatcher._caretaker
    caretaker.look()
    metrics = process.dispatcher._parts.metrics
    assert metrics.gauge("busway_sink_pending_events", sink="all").value == 4
    assert 60 <= metrics.gauge("busway_sink_oldest_pending_seconds", sink="all").value < 61
    for sink in process.sinks:
        process.deliver(sink)
    caretaker.count()
    assert metrics.gauge("busway_sink_pending_events", sink="all").value == 0
    assert metrics.gauge("busway_sink_oldest_pending_seconds", sink="all").value == 0
