"""The books balance at every moment of any schedule of faults, and nothing is lost."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.fault_house import BATCH, SECOND, House
from builders.sink_bench import failing, memory_folder
from busway.contracts.sinks import Delivery

Step = tuple[str, int, int, str]
"""What happens, to which process, with which other number, at which sink."""

ANSWERS = {
    "done": Delivery.done,
    "first": lambda events: Delivery.partial(events[:1]),
    "last": lambda events: Delivery.partial(events[-1:]),
    "nothing": lambda events: Delivery(),
    "reject": lambda events: Delivery.reject(events[1:], "no"),
    "later": lambda events: Delivery.retry_after(30),
    "raise": failing,
}


def emit(house: House, process: int, number: int, _: str) -> None:
    for record in range(1 + number % 4):
        house.process(process).emit(f"r{record % 3}", error=number % 3 == 0)


def deliver(house: House, process: int, number: int, sink: str) -> None:
    names = sorted(ANSWERS)
    script = [ANSWERS[names[(number + step) % len(names)]] for step in range(number % 4 + 1)]
    house.process(process).deliver(sink, *script)


def sweep(house: House, process: int, number: int, _: str) -> None:
    house.process(process).dispatcher.sweep()


def replay(house: House, process: int, number: int, sink: str) -> None:
    desk = house.process(process).dispatcher.dead_letters
    ids = [letter.event_id for letter in desk.letters(sink)]
    before = len(ids)
    if number % 3:
        assert desk.replay(sink, ids[:2]) <= before
    else:
        assert desk.drop(sink) <= before


def clock(house: House, process: int, number: int, _: str) -> None:
    house.clock.ns += (number - 6) * 1800 * SECOND


def start(house: House, process: int, number: int, _: str) -> None:
    if len(house.processes) < 3:
        house.start()


STEPS: dict[str, Callable[[House, int, int, str], None]] = {
    "emit": emit,
    "emit more": emit,
    "deliver": deliver,
    "deliver more": deliver,
    "sweep": sweep,
    "replay": replay,
    "clock": clock,
    "start": start,
    "kill": lambda house, process, number, sink: house.process(process).die(),
    "kill in a line": lambda house, process, number, sink: house.torn_by_a_kill(house.process(process)),
    "kill in a delivery": lambda house, process, number, sink: house.killed_while_delivering(
        house.process(process), sink
    ),
    "hang": lambda house, process, number, sink: house.hangs(house.process(process), sink),
    "take over": lambda house, process, number, sink: house.taken_over(
        house.process(process), house.process(number), sink
    ),
    "swept meanwhile": lambda house, process, number, sink: house.swept_meanwhile(
        house.process(process), house.process(number), sink
    ),
    "fork": lambda house, process, number, sink: house.forked_child(house.process(process), ["r0", "r9"]),
}

SCHEDULES = st.lists(
    st.tuples(
        st.sampled_from(sorted(STEPS)), st.integers(0, 2), st.integers(0, 12), st.sampled_from(["all", "some", "own"])
    ),
    min_size=3,
    max_size=25,
)


@given(SCHEDULES)
@settings(max_examples=220, deadline=None)
def test_the_books_balance_in_every_schedule_of_faults(schedule: list[Step]) -> None:
    logging.disable(logging.CRITICAL)
    try:
        with memory_folder() as folder:
            run(House(Path(folder) / "state"), schedule)
    finally:
        logging.disable(logging.NOTSET)


def run(house: House, schedule: list[Step]) -> None:
    house.start()
    for step, process, number, sink in schedule:
        STEPS[step](house, process, number, sink)
        house.check()
    last = house.heal()
    books = last.dispatcher.accounts.books()
    letters = {letter.event_id for letter in last.dispatcher.dead_letters.letters("all")}
    for sink in ("all", "some"):
        assert books[sink].pending == 0
        assert books[sink].dead == last.state.dead_letters.count(sink)
        assert house.receivers[sink].repeats <= BATCH * house.faults
    told = set(house.receivers["all"].taken) | letters
    dropped = books["all"].dropped
    given_up = dropped.get("discarded", 0) + dropped.get("retention", 0)
    assert len(told) + given_up >= house.emitted, "nothing is lost"
    assert dropped.get("torn", 0) + dropped.get("retention", 0) >= house.torn >= dropped.get("torn", 0)
    for left in list(house.processes):
        left.die()


@pytest.mark.parametrize("sink", ["all", "some", "own"])
def test_every_fault_in_a_row(tmp_path: Path, sink: str) -> None:
    schedule: list[Step] = []
    for number, step in enumerate(sorted(STEPS)):
        schedule += [("emit", number, number, sink), (step, number, number, sink), ("start", 0, 0, sink)]
    run(House(tmp_path / "state"), schedule * 2)


@pytest.mark.parametrize("sink", ["all", "own"])
def test_the_books_agree_while_journals_are_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sink: str) -> None:
    """Between looking at what a sink has done and counting the journals."""
    house = House(tmp_path / "state")
    process, other = house.start(), house.start()
    for _ in range(2 * BATCH):
        process.emit("a")  # several files, of which all but the last are full
    for name in process.sinks:
        assert process.deliver(name)
    progress = process.worker(sink).progress
    read, sweepers = progress.read, [process] if sink == "own" else [other, process]

    def read_and_swept() -> object:
        known = read()
        for sweeper in sweepers:
            sweeper.dispatcher.sweep()
        return known

    monkeypatch.setattr(progress, "read", read_and_swept)
    before = len(process.writer.files)
    books = process.dispatcher.accounts.books()[sink]
    assert len(process.writer.files) < before
    assert (books.balanced, books.emitted, books.delivered) == (True, 2 * BATCH, 2 * BATCH), books
    for one in list(house.processes):
        one.die()
