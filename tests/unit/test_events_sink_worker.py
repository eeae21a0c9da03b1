"""One sink, without threads: what a worker makes of every answer."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.sink_bench import Answer, Bench, Sink, failing, memory_folder, without
from busway.contracts.events import Event
from busway.contracts.sinks import Delivery
from busway.events.backoff import Backoff
from busway.events.progress import StoredProgress


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.close()


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
    assert [rest for rest in rests if rest] == [7.5] * 6
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


@pytest.mark.parametrize("names", ["a", "ab", "abcde"])
def test_an_outage_kills_no_event(bench: Bench, names: str) -> None:
    bench.emit(*names)
    sink = Sink(*[failing] * 60)
    assert bench.worker(sink).drain()
    assert bench.books(sink)["dead"] == 0
    assert bench.books(sink)["delivered"] == len(names)


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
    with memory_folder() as folder:
        bench = Bench(Path(folder))
        bench.emit(*map(str, range(count)))
        sink = Sink(*[ANSWERS[name] for name in names], batch_size=batch_size)
        worker = bench.worker(sink)
        while not worker.drain(patient=False):
            assert bench.books(sink)["emitted"] == count
        books = bench.books(sink)
        assert (books["emitted"], books["pending"]) == (count, 0)
        assert books["dead"] == bench.state.dead_letters.count("s")
        bench.close()


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


def test_an_event_never_overtakes_an_earlier_one_of_its_record(bench: Bench) -> None:
    bench.emit("a", "b", "a", "c")
    sink = Sink(without("a"), without("a"))
    assert bench.worker(sink).drain()
    assert sink.batches[0] == ["a", "b"], "the second event of a is not handed over with the first"
    assert sink.batches[1] == ["a", "c"], "it is passed by, and holds up nobody else"
    assert sink.batches[2:] == [["a"], ["a"]]


def test_a_sink_that_takes_all_or_nothing_gets_several_events_of_a_record_at_once(bench: Bench) -> None:
    class Atomic(Sink):
        atomic = True

    bench.emit("a", "a", "b", "a")
    sink = Atomic(failing, failing)
    assert bench.worker(sink).drain()
    assert sink.batches == [["a", "a", "b", "a"]] * 3


def test_a_sink_that_breaks_its_word_is_not_believed_any_more(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    class Liar(Sink):
        atomic = True

    bench.emit("a", "b", "c")
    sink = Liar(without("b"), without("e"))
    worker = bench.worker(sink)
    assert worker.drain()
    bench.emit("d", "d")
    assert worker.drain()
    assert sink.batches == [["a", "b", "c"], ["b"], ["d"], ["d"]]
    told = [record.getMessage() for record in caplog.records if "atomic" in record.getMessage()]
    assert told == ["sinks.s says that it is atomic and took a part of a batch; it is not believed any more"]


def test_one_by_one_keeps_the_order_of_a_record_too(bench: Bench) -> None:
    class Atomic(Sink):
        atomic = True

    taken: list[int] = []

    def moody(events: list[Event]) -> Delivery:
        if len(events) > 1 or (events[0].attributes["n"] == 1 and len(sink.batches) < 12):
            return failing(events)
        taken.extend(event.attributes["n"] for event in events if event.entity_id == "a")
        return Delivery.done(events)

    bench.emit("x", "a", "a", "a", "y")
    sink = Atomic(*[moody] * 60)
    assert bench.worker(sink).drain()
    assert taken == [1, 2, 3]


@st.composite
def partial_answers(draw: st.DrawFn) -> tuple[list[str], int, list[int]]:
    names = draw(st.lists(st.sampled_from("abc"), min_size=1, max_size=20))
    return names, draw(st.integers(1, 8)), draw(st.lists(st.integers(0, 255), max_size=15))


@given(partial_answers(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_order_holds_whatever_is_left_out(schedule: tuple[list[str], int, list[int]], crash: bool) -> None:
    """Every answer takes some of the batch, or fails; a crash in between forgets what is in hand."""
    names, batch_size, masks = schedule
    with memory_folder() as folder:
        bench = Bench(Path(folder))
        bench.emit(*names)
        got: list[tuple[str | None, int]] = []

        def masked(mask: int) -> Answer:
            def answer(events: list[Event]) -> Delivery:
                if mask == 0:
                    return failing(events)
                taken = [event for place, event in enumerate(events) if mask >> (place % 8) & 1]
                got.extend((event.entity_id, event.attributes["n"]) for event in taken)
                return Delivery.partial(taken)

            return answer

        def rest(events: list[Event]) -> Delivery:
            got.extend((event.entity_id, event.attributes["n"]) for event in events)
            return Delivery.done(events)

        sink = Sink(*map(masked, masks), *[rest] * 50, batch_size=batch_size)
        while not bench.worker(sink).drain(patient=not crash):  # a new worker each time: the crash
            pass
        for name in set(names):
            assert [number for one, number in got if one == name] == list(range(1, names.count(name) + 1))
        assert bench.books(sink)["delivered"] == len(names)
        bench.close()


def test_what_is_settled_behind_a_hole_is_not_delivered_again_after_a_crash(bench: Bench) -> None:
    bench.emit("a", "b", "c")
    bench.emit("d")
    sink = Sink(lambda e: Delivery.partial(e[2:], rejected={e[1].event_id: "no"}), failing)
    assert bench.worker(sink).drain(patient=False) is False
    assert bench.books(sink)["pending"] == 4, "the cursor stands before the hole"
    assert bench.worker(sink).drain(), "another worker, as after a crash"
    assert sink.batches == [["a", "b", "c", "d"], ["a"], ["a"]]
    assert bench.books(sink) == {"emitted": 4, "delivered": 3, "dead": 1, "dropped": {}, "pending": 0}
    assert [letter.reason for letter in bench.state.dead_letters.of("s")] == ["no"]
    assert list(bench.state.cursors.ahead("s")) == []


def test_an_open_breaker_lets_one_event_through_and_another_one_each_time(bench: Bench) -> None:
    bench.emit("a", "b", "c")
    sink = Sink(*[failing] * 20)
    assert bench.worker(sink).drain()
    batch = ["a", "b", "c"]
    singles = [["a"], ["b"], ["c"]]
    assert sink.batches[:14] == [batch, batch, batch, *singles, batch, *singles, batch, *singles]
    assert sink.batches[14:20] == singles * 2, "probes"
    assert sink.batches[20:] == [["a"], ["b", "c"]], "the probe that gets through, and the rest at once"


def test_a_poison_event_in_front_does_not_keep_the_breaker_open(bench: Bench) -> None:
    bench.emit("poison", "a", "b")

    def answer(events: list[Event]) -> Delivery:
        down = len(sink.batches) < 16
        return failing(events) if down or any(e.entity_id == "poison" for e in events) else Delivery.done(events)

    sink = Sink(*[answer] * 100)
    assert bench.worker(sink).drain()
    assert bench.books(sink) == {"emitted": 3, "delivered": 2, "dead": 1, "dropped": {}, "pending": 0}


def test_the_next_process_begins_with_a_probe_where_the_last_one_met_an_outage(bench: Bench) -> None:
    bench.emit("a", "b", "c")
    broken = Sink(*[failing] * 40)
    first = bench.worker(broken)
    while not first.breaker_open:
        assert first.drain(patient=False) is False
    sink, waited_for = Sink(), []

    def answer(events: list[Event]) -> Delivery:
        waited_for.append(worker.is_worth_waiting_for(1.0))
        return failing(events)

    sink.answers = [answer]
    worker = bench.worker(sink)
    assert worker.drain(patient=False) is False
    assert [len(batch) for batch in sink.batches] == [1]
    assert waited_for == [True], "it may be over by now"
    assert worker.is_worth_waiting_for(1.0) is False, "it is not"
    assert worker.trouble().startswith("fails (ConnectionError, ")
    last = Sink()
    assert bench.worker(last).drain()
    assert [len(batch) for batch in last.batches] == [1, 2], "the probe that gets through, and the rest at once"
    assert bench.progress(last).failures() == (0, "")
    bench.emit("d", "e")
    broken.answers = []
    assert first.drain()
    assert broken.batches[-1] == ["d", "e"], "no probe: what others know by now counts"


@pytest.mark.parametrize("scope", ["process", "installation"])
def test_failures_count_over_all_attempts_of_a_process(bench: Bench, scope: str) -> None:
    class Scoped(Sink):
        pass

    Scoped.scope = scope
    bench.emit("a")
    sink = Scoped(*[failing] * 40)
    worker = bench.worker(sink)
    for _ in range(5):
        assert worker.drain(patient=False) is False
    assert worker.breaker_open
    sink.answers = []
    assert worker.drain()
    assert worker.breaker_open is False


def test_an_event_that_is_left_out_again_and_again_holds_up_nobody(bench: Bench) -> None:
    bench.emit("a", *map(str, range(30)))
    sink = Sink(*[without("a")] * 12, batch_size=4)
    worker = bench.worker(sink)
    assert worker.drain()
    assert worker.breaker_open is False
    assert bench.books(sink)["delivered"] == 31
    assert sink.batches[-1] == ["a"]


def test_while_the_state_cannot_be_written_nothing_is_delivered_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.emit("a", "b")
    sink, progress = Sink(batch_size=1), StoredProgress(bench.state, "s")
    commit, failures = progress.commit, iter([sqlite3.OperationalError("disk is full")] * 5)

    def full(settled: object) -> None:
        if failure := next(failures, None):
            raise failure
        commit(settled)  # type: ignore[arg-type]

    monkeypatch.setattr(progress, "commit", full)
    assert bench.worker(sink, progress=progress).drain()
    assert sink.batches == [["a"], ["b"]]
    assert bench.books(sink)["delivered"] == 2


def test_events_of_several_journals_come_in_the_order_of_their_time(bench: Bench, tmp_path: Path) -> None:
    other = Bench(tmp_path)
    for number in range(6):
        (bench, other)[number % 2].emit(str(number))
    sink = Sink(batch_size=4)
    assert bench.worker(sink).drain()
    assert sink.batches == [["0", "1", "2", "3"], ["4", "5"]]
    other.close()


def test_what_a_worker_does_is_measured(bench: Bench) -> None:
    bench.emit("a", "b")
    sink = Sink(failing, lambda e: Delivery.partial(e[:1], rejected={e[1].event_id: "no"}))
    assert bench.worker(sink).drain()
    assert bench.measured("busway_sink_delivered_total") == 1
    assert bench.measured("busway_sink_dead_total") == bench.measured("busway_dead_letters") == 1
    assert bench.measured("busway_sink_failures_total") == 1
    assert bench.measured("busway_sink_delivery_seconds") == 2
    assert bench.measured("busway_sink_last_success_timestamp_seconds") > 0
    assert bench.measured("busway_sink_circuit_open") == 0
    sink.answers = [failing] * 8
    bench.emit("c")
    worker = bench.worker(sink)
    assert worker.drain(patient=False) is False
    while not worker.breaker_open:
        worker.drain(patient=False)
    assert bench.measured("busway_sink_circuit_open") == 1


def test_large_events_are_taken_in_hand_few_at_a_time(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("busway.events.window.MAX_BYTES", 5000)
    bench.emit(*"abcdef", filler="x" * 2000)
    sink = Sink()
    assert bench.worker(sink).drain()
    assert sink.batches == [["a", "b", "c"], ["d", "e", "f"]]
