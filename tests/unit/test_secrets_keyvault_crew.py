"""Threads that read: one per name, no more than places, nobody waits beyond the deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from busway.contracts.clock import SystemClock
from busway.contracts.secrets import SecretValue
from busway.errors import RefusedError
from busway.metrics.registry import Counter
from busway_secrets_keyvault.crew import Crew, Outcome, Overdue
from busway_secrets_keyvault.deadline import Deadline


class Reads:
    """Reads that wait for names held back, and count themselves."""

    def __init__(self) -> None:
        self.held: dict[str, threading.Event] = {}
        self.names: list[str] = []
        self.late: list[Outcome] = []
        self.behind = Counter()

    def __call__(self, name: str, deadline: Deadline) -> Outcome:
        self.names.append(name)
        if name in self.held:
            self.held[name].wait(30)
        if name == "NONE":
            return None
        return RefusedError("BW1404", "synthetic") if name == "REFUSED" else SecretValue(f"value of {name}")

    def crew(self, threads: int = 3) -> Crew:
        return Crew(self, self.late.append, self.behind, threads)


@pytest.fixture
def reads() -> Iterator[Reads]:
    reads = Reads()
    yield reads
    for event in reads.held.values():
        event.set()


def within(seconds: float) -> Deadline:
    return Deadline(SystemClock(), seconds)


def until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < limit, "it did not happen"
        time.sleep(0.001)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text("ABC_", min_size=1), max_size=20, unique=True), st.integers(1, 5))
def test_each_name_gets_its_own_outcome(names: list[str], threads: int) -> None:
    reads = Reads()
    found = reads.crew(threads).read(names, within(10))
    assert list(found) == names
    assert all(isinstance(one, SecretValue) and one.value == f"value of {name}" for name, one in found.items())
    assert sorted(reads.names) == sorted(names)


def test_errors_and_missing_names_are_outcomes(reads: Reads) -> None:
    found = reads.crew().read(["NONE", "REFUSED"], within(10))
    assert found["NONE"] is None
    assert isinstance(found["REFUSED"], RefusedError)


def test_those_who_want_one_name_at_once_share_a_read(reads: Reads) -> None:
    reads.held["A"] = threading.Event()
    crew = reads.crew()
    with ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(crew.read, ["A"], within(10)) for _ in range(20)]
        until(lambda: reads.names == ["A"])
        reads.held["A"].set()
        found = [one.result() for one in asked]
    assert all(isinstance(one["A"], SecretValue) for one in found)
    assert len(reads.names) <= 2  # a thread that came after the end reads again


def test_a_read_that_hangs_is_left_behind_and_not_begun_again(reads: Reads) -> None:
    reads.held["A"] = threading.Event()
    crew = reads.crew()
    assert crew.read(["A"], within(0.02)) == {"A": Overdue.OVERDUE}
    assert (crew.stuck, reads.behind.value) == (1, 1)
    assert crew.read(["A"], within(0.02)) == {"A": Overdue.OVERDUE}
    assert (reads.names, crew.stuck, reads.behind.value) == (["A"], 1, 1)
    reads.held["A"].set()
    until(lambda: crew.stuck == 0)
    assert [one.value for one in reads.late if isinstance(one, SecretValue)] == ["value of A"]
    assert isinstance(crew.read(["A"], within(10))["A"], SecretValue)


def test_the_late_failure_of_a_read_that_was_given_up_is_no_answer_to_a_later_question(reads: Reads) -> None:
    reads.held["REFUSED"] = threading.Event()
    crew = reads.crew()
    crew.read(["REFUSED"], within(0.02))
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(crew.read, ["REFUSED", "B"], within(10))
        until(lambda: "B" in reads.names)
        reads.held["REFUSED"].set()
        assert isinstance(asked.result()["REFUSED"], RefusedError)
    assert reads.names.count("REFUSED") == 2


def test_names_behind_one_that_hangs_are_called_off_and_can_be_asked_again(reads: Reads) -> None:
    reads.held["A"] = threading.Event()
    crew = reads.crew(threads=1)
    assert crew.read(["A", "B", "C"], within(0.02)) == dict.fromkeys("ABC", Overdue.OVERDUE)
    assert (crew.stuck, reads.names) == (1, ["A"])
    reads.held["A"].set()
    until(lambda: crew.stuck == 0)
    found = crew.read(["B", "C"], within(10))
    assert all(isinstance(one, SecretValue) for one in found.values())


def test_without_a_free_place_there_is_nothing_to_wait_for(reads: Reads) -> None:
    crew = reads.crew(threads=2)
    for name in "AB":
        reads.held[name] = threading.Event()
        crew.read([name], within(0.02))
    start = time.monotonic()
    assert crew.read(["C"], within(20)) == {"C": Overdue.OVERDUE}
    assert time.monotonic() - start < 5
    assert "C" not in reads.names


def test_a_thread_that_does_not_start_leaves_nothing_behind(reads: Reads, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    crew = reads.crew(threads=1)
    for _ in range(3):
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            with pytest.raises(RuntimeError):
                crew.read(["A"], within(1))
    assert isinstance(crew.read(["A"], within(10))["A"], SecretValue)
