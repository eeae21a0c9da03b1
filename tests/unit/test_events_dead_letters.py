"""Dead letters: looked at, delivered once more under the same id, or given up; the books stay exact throughout."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from builders.fault_house import House, Process
from builders.sink_bench import failing
from busway.contracts.events import Event
from busway.contracts.sinks import Delivery
from busway.errors import UsageError
from busway.events.books import Books
from busway.stores.dead_letters import DeadLetter


def reject(events: list[Event]) -> Delivery:
    return Delivery.reject(events, "no such mailbox")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path / "state")
    yield house
    for process in list(house.processes):
        process.die()


@pytest.fixture
def process(house: House) -> Process:
    """Three events, of which ``all`` and ``own`` refused the first two."""
    process = house.start()
    process.emit("a")
    process.emit("b")
    for sink in ("all", "own"):
        process.deliver(sink, reject)
    process.emit("c")
    for sink in ("all", "own"):
        process.deliver(sink)
    return process


def books(process: Process, sink: str) -> Books:
    process.house.check()
    return process.dispatcher.accounts.books()[sink]


SINKS = pytest.mark.parametrize("sink", ["all", "own"])


@SINKS
def test_they_are_listed_latest_first(process: Process, sink: str) -> None:
    letters = process.dispatcher.dead_letters.letters(sink)
    assert [(one.event["entity_id"], one.reason, one.sink) for one in letters] == [
        ("b", "no such mailbox", sink),
        ("a", "no such mailbox", sink),
    ]
    assert len(process.dispatcher.dead_letters.letters()) == 4


@SINKS
def test_a_replay_delivers_them_under_their_ids(process: Process, sink: str) -> None:
    desk = process.dispatcher.dead_letters
    ids = [letter.event_id for letter in desk.letters(sink)]
    assert books(process, sink).dead == 2
    assert desk.replay(sink) == 2
    assert (books(process, sink).dead, books(process, sink).pending) == (0, 2)
    assert process.dispatcher.accounts.pending()[sink] == 2
    assert process.worker(sink).is_behind()
    process.deliver(sink)
    assert process.sinks[sink].receiver.taken[-2:] == ids[::-1], "in the order in which they happened"
    assert books(process, sink) == Books(3, 3)
    assert desk.letters(sink) == []
    assert desk.replay(sink) == 0


@SINKS
def test_only_those_named(process: Process, sink: str) -> None:
    desk = process.dispatcher.dead_letters
    ids = [letter.event_id for letter in desk.letters(sink)]
    assert desk.replay(sink, [ids[0], ids[0], "unknown"]) == 1
    assert [letter.event_id for letter in desk.letters(sink)][-1] == ids[1]
    process.deliver(sink)
    assert books(process, sink) == Books(3, 2, 1)


@SINKS
def test_one_that_fails_again_is_dead_again_with_the_new_reason(process: Process, sink: str) -> None:
    desk = process.dispatcher.dead_letters
    assert desk.replay(sink) == 2
    process.deliver(sink, failing)
    assert books(process, sink).pending == 2
    process.deliver(sink, lambda events: Delivery.reject(events[:1], "still not"))
    process.deliver(sink)
    (letter,) = desk.letters(sink)
    assert (letter.event["entity_id"], letter.reason) == ("a", "still not")
    assert books(process, sink) == Books(3, 2, 1)


@SINKS
def test_a_drop_is_counted(process: Process, sink: str) -> None:
    desk = process.dispatcher.dead_letters
    first = desk.letters(sink)[0].event_id
    assert desk.drop(sink, [first, "unknown"]) == 1
    assert books(process, sink) == Books(3, 1, 1, {"discarded": 1})
    assert desk.drop(sink) == 1
    assert books(process, sink) == Books(3, 1, 0, {"discarded": 2})
    assert desk.letters(sink) == []


@SINKS
def test_one_that_has_arrived_cannot_be_dropped(process: Process, sink: str) -> None:
    desk = process.dispatcher.dead_letters
    ids = [letter.event_id for letter in desk.letters(sink)]
    assert desk.replay(sink) == 2
    process.deliver(sink)
    assert desk.drop(sink, ids) == 0
    assert books(process, sink) == Books(3, 3)


@SINKS
def test_one_that_waits_is_not_dropped(process: Process, sink: str) -> None:
    desk = process.dispatcher.dead_letters
    assert desk.replay(sink) == 2
    assert desk.drop(sink, None if sink == "all" else []) == 0
    process.deliver(sink)
    assert books(process, sink) == Books(3, 3)


def test_a_kill_during_a_replay_loses_none(process: Process, house: House) -> None:
    process.dispatcher.dead_letters.replay("all")
    house.killed_while_delivering(process, "all")
    other = house.start()
    assert books(other, "all").pending == 2
    other.deliver("all")
    assert books(other, "all") == Books(3, 3)
    assert house.receivers["all"].repeats == 2


def test_those_of_a_process_that_is_gone_can_be_replayed_by_another(process: Process, house: House) -> None:
    process.die()
    other = house.start()
    assert other.dispatcher.dead_letters.replay("own") == 2
    assert books(other, "own") == Books(2, pending=2), "they enter the books of the process that was asked"
    other.deliver("own")
    assert books(other, "own") == Books(2, 2)
    assert other.dispatcher.dead_letters.letters("own") == []


def test_letters_from_a_time_without_books_do_not_unbalance_them(process: Process) -> None:
    letter = DeadLetter("all", "00000000-0000-7000-8000-000000000000", "old", {"broken": 1}, 5)
    process.state.dead_letters.add([letter])
    process.dispatcher.dead_letters.drop("all", [process.dispatcher.dead_letters.letters("all")[0].event_id])
    assert process.dispatcher.dead_letters.replay("all") == 2
    process.deliver("all")
    found = process.dispatcher.accounts.books()["all"]
    assert found.balanced
    assert (found.emitted, found.delivered, found.dead) == (4, 2, 1), "what cannot be read is dead again"
    (left,) = process.dispatcher.dead_letters.letters("all")
    assert left.event == {"broken": 1}


def test_a_replay_wakes_the_dispatcher(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[bool] = []
    monkeypatch.setattr(process.dispatcher.dead_letters, "_notify", lambda: woken.append(True))
    assert process.dispatcher.dead_letters.replay("all", []) == 0
    assert woken == []
    process.dispatcher.dead_letters.replay("all")
    assert woken == [True]


def test_an_unknown_sink_is_refused_with_the_nearest_name(process: Process) -> None:
    desk = process.dispatcher.dead_letters
    for ask in (desk.replay, desk.drop):
        with pytest.raises(UsageError) as caught:
            ask("al")
        assert caught.value.code == "BW3020"
        assert "did you mean all?" in caught.value.problem.fix
    with pytest.raises(UsageError) as caught:
        desk.replay("xyz")
    assert "busway events dead list" in caught.value.problem.fix


def test_those_of_a_sink_that_is_gone_can_be_dropped(process: Process) -> None:
    process.state.dead_letters.add([DeadLetter("gone", "1", "old", {}, 5)])
    desk = process.dispatcher.dead_letters
    with pytest.raises(UsageError):
        desk.replay("gone")
    assert desk.drop("gone") == 1
    assert desk.letters("gone") == []
