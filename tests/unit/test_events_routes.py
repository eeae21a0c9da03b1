"""What a route leaves out is dropped with the reason ``route``; jobs are known by the session, of whatever process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from builders.sink_bench import Bench, Sink, failing
from busway.contracts.events import Event, Severity
from busway.events.policy import Route
from busway.events.session_names import REMEMBERED, SessionNames
from busway.stores.open_sessions import OpenSession


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.close()


def started(bench: Bench, session: str, job: str, *, noted: bool = True) -> None:
    """What a process does when a session starts; where ``noted`` is off, only the journal knows."""
    if noted:
        bench.state.open_sessions.add(OpenSession(session, job, 1, "", "p"))
    bench.emitter.emit("session", Severity.INFO, {"operation": "started", "name": job}, session_id=session)


def taken(bench: Bench, route: Route, *answers: object) -> list[str]:
    sink = Sink(*answers)  # type: ignore[arg-type]
    assert bench.worker(sink, route=route).drain()
    return [name for batch in sink.batches for name in batch]


def test_without_a_route_everything_is_told(bench: Bench) -> None:
    bench.emit("a")
    bench.emit("b", category="error")
    assert taken(bench, Route()) == ["a", "b"]


def test_severity(bench: Bench) -> None:
    bench.emit("a")
    bench.emit("b", category="error")
    bench.emit("c")
    assert taken(bench, Route(severity=Severity.WARNING)) == ["b"]
    books = {"emitted": 3, "delivered": 1, "dead": 0, "dropped": {"route": 2}, "pending": 0}
    assert bench.books(Sink()) == books
    assert bench.measured("busway_events_dropped_total") == 2


def test_categories(bench: Bench) -> None:
    bench.emit("a")
    bench.emit("b", category="audit")
    bench.emit("c", category="skip")
    assert taken(bench, Route(categories=frozenset({"audit", "change"}))) == ["a", "b"]
    assert bench.books(Sink())["dropped"] == {"route": 1}


@pytest.mark.parametrize("noted", [True, False])
def test_jobs_with_events_of_other_processes(bench: Bench, tmp_path: Path, noted: bool) -> None:
    other = Bench(tmp_path)
    started(bench, "s1", "employees")
    started(other, "s2", "vehicles", noted=noted)
    bench.emit("a", session_id="s1")
    other.emit("b", session_id="s2")
    other.emit("c")
    assert taken(bench, Route(jobs=frozenset({"employees"}))) == ["session", "a", "c"]
    assert bench.books(Sink()) == {"emitted": 5, "delivered": 3, "dead": 0, "dropped": {"route": 2}, "pending": 0}
    other.close()


def test_the_job_is_known_to_who_begins_behind_the_start_of_the_session(bench: Bench) -> None:
    started(bench, "s1", "vehicles")
    route = Route(jobs=frozenset({"employees"}))
    assert taken(bench, route) == []
    bench.emit("a", session_id="s1")
    bench.state.open_sessions.remove("s1", 5)
    assert taken(bench, route) == [], "another worker, which has not read the start, and the session has ended"


def test_what_nobody_knows_any_more_is_told(bench: Bench) -> None:
    bench.emit("a", session_id="forgotten")
    assert taken(bench, Route(jobs=frozenset({"employees"}))) == ["a"]


def test_a_digest_is_for_those_it_is_addressed_to(bench: Bench) -> None:
    for facts in ({"only_for": ["other"]}, {"only_for": ["s"]}, {"not_for": ["s"]}, {}):
        bench.emitter.emit("digest", Severity.WARNING, dict(facts), entity_id=str(sorted(facts.items())))
    sink = Sink(receives=frozenset({"digests"}))
    assert bench.worker(sink, route=Route(severity=Severity.CRITICAL)).drain()
    assert sink.batches == [["[('only_for', ['s'])]", "[]"]]
    assert bench.books(sink)["dropped"] == {"route": 2}


def test_what_is_left_out_does_not_wait_for_a_sink_that_fails(bench: Bench) -> None:
    bench.emit("a", "b")
    bench.emit("c", category="error")
    sink = Sink(failing)
    assert bench.worker(sink, route=Route(severity=Severity.ERROR)).drain(patient=False) is False
    assert bench.books(sink) == {"emitted": 3, "delivered": 0, "dead": 0, "dropped": {"route": 2}, "pending": 1}


def test_names_are_forgotten_oldest_first_and_looked_up_again(bench: Bench) -> None:
    names = SessionNames(bench.state)
    bench.state.open_sessions.add(OpenSession("s0", "employees", 1, ""))
    for number in range(REMEMBERED + 1):
        facts = {"operation": "started", "name": f"job {number}"}
        names.learn(Event(str(number), 0, Severity.INFO, "session", session_id=f"s{number}", attributes=facts))
    assert len(names._known) == REMEMBERED
    assert names.name_of("s1") == "job 1"
    assert names.name_of("s0") == "employees"
    assert names.name_of(None) is None


def test_ended_sessions_are_forgotten_in_time(bench: Bench) -> None:
    sessions = bench.state.open_sessions
    for name, ended in (("old", 10), ("new", 20), ("open", None)):
        sessions.add(OpenSession(name, name, 1, ""))
        if ended:
            assert sessions.remove(name, ended) is True
            assert sessions.remove(name, ended) is False
    sessions.forget(20)
    assert [sessions.name_of(name) for name in ("old", "new", "open")] == [None, "new", "open"]
    assert [session.name for session in sessions.all()] == ["open"]
