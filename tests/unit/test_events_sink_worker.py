"""One sink, without threads: what a worker makes of every answer. Time is a clock that jumps when somebody waits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from busway.contracts.clock import SystemClock
from busway.contracts.events import Event, Severity
from busway.contracts.sinks import Delivery
from busway.events.backoff import Backoff
from busway.events.books import keep_books
from busway.events.emitter import Emitter
from busway.events.journal import JournalWriter
from busway.events.journal_reader import JournalFolder
from busway.events.progress import StoredProgress
from busway.events.sink_worker import SinkWorker, WorkerParts
from busway.events.window import Window
from busway.metrics.registry import Metrics
from busway.redaction.redactor import Redactor
from busway.stores.state import StateStore

EVENTS = frozenset({"events"})
Answer = Callable[[list[Event]], Delivery]


class JumpingClock(SystemClock):
    """A rest ends as soon as somebody looks whether it is over; the seconds asked for are noted."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 1000.0
        return self.now


class Sink:
    def __init__(
        self, *answers: Answer, batch_size: int = 100, receives: frozenset[str] = frozenset({"events"})
    ) -> None:
        self.answers = list(answers)
        self.batch_size = batch_size
        self.receives = receives
        self.batches: list[list[str]] = []

    def deliver(self, events: list[Event]) -> Delivery:
        self.batches.append([event.entity_id or event.category for event in events])
        answer = self.answers.pop(0) if self.answers else Delivery.done
        return answer(events)

    def close(self) -> None: ...


def failing(events: list[Event]) -> Delivery:
    raise ConnectionError("password=hunter2hunter2")


class Bench:
    def __init__(self, folder: Path) -> None:
        self.state = StateStore(folder)
        self.writer = JournalWriter(folder / "journal", SystemClock())
        self.folder = JournalFolder(folder / "journal")
        self.redactor = Redactor(["a-secret-value"])
        self.emitter = Emitter(self.writer, self.redactor, SystemClock(), Metrics(), lambda: None)

    def emit(self, *names: str, category: str = "change") -> None:
        for name in names:
            self.emitter.emit(category, Severity.INFO, {}, entity_type="x", entity_id=name)

    def worker(self, sink: Sink) -> SinkWorker:
        window = Window(self.folder, sink.receives, self.folder.files)
        parts = replace(WorkerParts(), clock=JumpingClock(), redact_text=self.redactor.redact_text, random=lambda: 0.0)
        return SinkWorker("s", sink, window, StoredProgress(self.state, "s"), parts)

    def books(self, sink: Sink) -> dict[str, object]:
        books = keep_books(
            self.folder, self.folder.files(), sink.receives, StoredProgress(self.state, "s").read(), self.writer.dropped
        )
        assert books.balanced
        return books.as_dict()


@pytest.fixture
def bench(tmp_path: Path) -> object:
    bench = Bench(tmp_path)
    yield bench
    bench.writer.close()
    bench.state.close()


def test_batches_in_order_each_event_once(bench: Bench) -> None:
    bench.emit(*"abcde")
    sink = Sink(batch_size=2)
    assert bench.worker(sink).drain()
    assert sink.batches == [["a", "b"], ["c", "d"], ["e"]]
    assert bench.worker(sink).drain()
    assert len(sink.batches) == 3
    assert bench.books(sink) == {"emitted": 5, "delivered": 5, "dead": 0, "dropped": {}, "pending": 0}


def test_only_what_the_sink_receives(bench: Bench) -> None:
    bench.emit("a")
    bench.emit("news", category="digest")
    plain, digests = Sink(), Sink(receives=frozenset({"digests"}))
    assert bench.worker(plain).drain()
    assert plain.batches == [["a"]]
    assert bench.books(plain)["emitted"] == 1
    bench.state.cursors.forget(bench.writer.files[0])
    assert bench.worker(digests).drain()
    assert digests.batches == [["news"]]


def test_what_was_not_named_comes_again_with_what_is_new(bench: Bench) -> None:
    bench.emit("a", "b", "c")
    sink = Sink(lambda events: Delivery.partial([events[0], events[2]]))
    assert bench.worker(sink).drain()
    assert sink.batches == [["a", "b", "c"], ["b"]]
    assert bench.books(sink)["delivered"] == 3


def test_a_rejected_event_is_a_dead_letter_with_a_redacted_reason(bench: Bench) -> None:
    bench.emit("a", "b")
    sink = Sink(lambda e: Delivery.partial([e[0]], rejected={e[1].event_id: "no mailbox a-secret-value"}))
    assert bench.worker(sink).drain()
    (letter,) = bench.state.dead_letters.of("s")
    assert (letter.event["entity_id"], letter.reason) == ("b", "no mailbox [redacted:secret]")
    assert bench.books(sink) == {"emitted": 2, "delivered": 1, "dead": 1, "dropped": {}, "pending": 0}


def test_a_dead_event_behind_a_pending_one_is_not_forgotten(bench: Bench) -> None:
    bench.emit("a", "b")
    sink = Sink(lambda e: Delivery(rejected={e[1].event_id: "never"}))
    assert bench.worker(sink).drain()
    assert bench.state.dead_letters.count("s") == 1
    assert bench.books(sink)["dead"] == 1


def test_an_exception_means_nothing_arrived(bench: Bench) -> None:
    bench.emit("a", "b")
    sink = Sink(failing, failing)
    assert bench.worker(sink).drain()
    assert sink.batches == [["a", "b"]] * 3
    assert bench.books(sink)["delivered"] == 2


def test_an_answer_of_the_wrong_type_is_a_failure(bench: Bench) -> None:
    bench.emit("a")
    sink = Sink(lambda events: None)  # type: ignore[arg-type,return-value]
    assert bench.worker(sink).drain()
    assert sink.batches == [["a"], ["a"]]


def test_impatient_draining_gives_up_at_the_first_failure(bench: Bench) -> None:
    bench.emit("a")
    sink = Sink(failing)
    assert bench.worker(sink).drain(patient=False) is False
    assert bench.books(sink)["pending"] == 1


def test_retry_after_is_honoured_and_is_no_failure(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.emit("a")
    sink = Sink(*[lambda events: Delivery.retry_after(7.5)] * 6)
    worker = bench.worker(sink)
    rests: list[float] = []
    monkeypatch.setattr(worker, "_rest", rests.append)
    assert worker.drain()
    assert rests == [7.5] * 6 + [0.0]
    assert worker.breaker_open is False


def test_the_breaker_opens_after_five_failures_and_closes_with_a_success(bench: Bench) -> None:
    bench.emit("a")
    states: list[bool] = []
    sink = Sink()
    worker = bench.worker(sink)

    def answer(events: list[Event]) -> Delivery:
        states.append(worker.breaker_open)
        return Delivery.done(events) if worker.breaker_open else failing(events)

    sink.answers = [answer] * 20
    assert worker.drain()
    assert states[-1] is True
    assert len([state for state in states if not state]) >= 5
    assert worker.breaker_open is False


def test_a_poison_event_dies_and_the_others_live(bench: Bench) -> None:
    bench.emit("a", "poison", "b")

    def answer(events: list[Event]) -> Delivery:
        return failing(events) if any(event.entity_id == "poison" for event in events) else Delivery.done(events)

    sink = Sink(*[answer] * 100)
    assert bench.worker(sink).drain()
    (letter,) = bench.state.dead_letters.of("s")
    assert letter.event["entity_id"] == "poison"
    assert "hunter2" not in letter.reason
    assert bench.books(sink) == {"emitted": 3, "delivered": 2, "dead": 1, "dropped": {}, "pending": 0}


def test_an_outage_kills_no_event(bench: Bench) -> None:
    bench.emit("a", "b", "c", "d", "e")
    sink = Sink(*[failing] * 60)
    assert bench.worker(sink).drain()
    assert bench.books(sink)["dead"] == 0
    assert bench.books(sink)["delivered"] == 5


def test_damaged_lines_are_dropped_and_counted(bench: Bench) -> None:
    bench.emit("a", "b", "c")
    (path,) = bench.folder.path.iterdir()
    path.write_bytes(path.read_bytes().replace(b'"b"', b'"X"'))
    sink = Sink()
    assert bench.worker(sink).drain()
    assert sink.batches == [["a", "c"]]
    assert bench.books(sink) == {"emitted": 3, "delivered": 2, "dead": 0, "dropped": {"corrupt": 1}, "pending": 0}


ANSWERS: dict[str, Answer] = {
    "done": Delivery.done,
    "nothing": lambda events: Delivery(),
    "first": lambda events: Delivery.partial(events[:1]),
    "last": lambda events: Delivery.partial(events[-1:]),
    "reject": lambda events: Delivery.reject(events[:2], "no"),
    "later": lambda events: Delivery.retry_after(1),
    "stranger": lambda events: Delivery(frozenset({"unknown"}), {"other": "no"}),
    "raise": failing,
}


@given(st.lists(st.sampled_from(sorted(ANSWERS)), max_size=25), st.integers(1, 12), st.integers(1, 5))
@settings(max_examples=30, deadline=None)
def test_the_books_balance_whatever_the_sink_answers(names: list[str], count: int, batch_size: int) -> None:
    with TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        bench.emit(*map(str, range(count)))
        sink = Sink(*[ANSWERS[name] for name in names], batch_size=batch_size)
        worker = bench.worker(sink)
        while not worker.drain(patient=False):
            assert bench.books(sink)["emitted"] == count
        books = bench.books(sink)
        assert (books["emitted"], books["pending"]) == (count, 0)
        assert books["dead"] == bench.state.dead_letters.count("s")
        bench.writer.close()
        bench.state.close()


def test_only_one_process_has_the_turn(bench: Bench) -> None:
    bench.emit("a")
    sink = Sink()
    with StoredProgress(bench.state, "s").turn() as ours:
        assert ours
        assert bench.worker(sink).drain() is False
    assert sink.batches == []
    assert bench.worker(sink).drain() is True


def test_backoff_grows_to_its_maximum_with_half_of_it_random() -> None:
    backoff = Backoff(initial_seconds=1, factor=2, maximum_seconds=10)
    assert [backoff.delay(n, lambda: 1.0) for n in (1, 2, 3, 4, 5, 500)] == [1, 2, 4, 8, 10, 10]
    assert backoff.delay(3, lambda: 0.0) == 2
