"""The event manager with its real parts: journal, state, log and ledger on disk."""

from __future__ import annotations

import json
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from builders.event_house import CANARY, Collector, House, audit
from builders.manual_clock import ManualClock
from busway.contracts.events import Event, EventError, Severity
from busway.contracts.plugins import PluginContext
from busway.contracts.sinks import EventSink
from busway.errors import ConfigurationError, UsageError
from busway.events import ledger_sink, log_sink
from busway.events.ledger import Ledger, bring_up_to_date
from busway.events.manager import EventManager
from busway.events.times import iso_time
from busway.stores.state import StateStore


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path / "state")
    yield house
    house.close()


@pytest.fixture
def ledger(house: House) -> Iterator[Ledger]:
    ledger = Ledger(house.folder)
    yield ledger
    ledger.close()


def test_a_session_of_the_plan(house: House, ledger: Ledger) -> None:
    events = house.open()
    sid = events.start_sync("sync_employees", correlation_id="run-7")
    events.log_creation("employee", "123", {"name": "Jane", "title": "Foreman"}, sid)
    events.log_update("employee", "124", {"email": {"old": "a@x.example", "new": "b@x.example"}}, sid)
    events.log_deletion("employee", "125", "left", sid)
    events.log_skip("employee", "126", "in quarantine", sid)
    events.log_error("validation", "employee", "127", "title missing", ConfigurationError("BW9999", "x"), sid)
    summary = events.end_sync(sid)

    assert {key: summary[key] for key in ("session_id", "name", "correlation_id")} == {
        "session_id": sid,
        "name": "sync_employees",
        "correlation_id": "run-7",
    }
    counts = {key: summary[key] for key in ("created", "updated", "deleted", "skipped", "errors")}
    assert counts == {"created": 1, "updated": 1, "deleted": 1, "skipped": 1, "errors": 1}
    assert summary["duration_seconds"] >= 0

    assert events.flush()
    row = ledger.session(sid[:30])
    assert (row.name, row.state, row.created, row.updated, row.deleted, row.skipped, row.errors) == (
        ("sync_employees", "ended", 1, 1, 1, 1, 1)
    )
    (created,) = ledger.changes(operation="created", session=sid, entity="employee", hours=1)
    assert created.as_dict()["attributes"] == {
        "operation": "created",
        "details": {"name": "[redacted:name]", "title": "Foreman"},
    }
    (error,) = ledger.errors(hours=1, kind="validation")
    assert (error.message, error.type, error.code, error.entity_id) == (
        ("title missing", "ConfigurationError", "BW9999", "127")
    )
    assert sorted(row.category for row in ledger.tail(4)) == ["digest", "error", "session", "skip"]
    told = [line["EventName"] for line in audit(house)]
    assert "digest.first" in told, "the first error of its kind is told at once"
    assert [name for name in told if name != "digest.first"] == [
        "session.started",
        "change.created",
        "change.updated",
        "change.deleted",
        "skip",
        "error",
        "session.ended",
    ]
    assert events.books()["ledger"] == {"emitted": 8, "delivered": 8, "dead": 0, "dropped": {}, "pending": 0}
    assert events.books()["log"] == {"emitted": 8, "delivered": 8, "dead": 0, "dropped": {}, "pending": 0}


@pytest.mark.parametrize("set_back", [0, 3_600])
def test_a_session_lasts_as_long_as_it_lasts_also_when_the_clock_is_set_back(house: House, set_back: int) -> None:
    clock = ManualClock()
    events = house.open(("taker", Collector()), clock=clock)
    started = clock.now_ns()
    events.start_sync("a")
    clock.advance(2.5)
    clock._start_ns -= set_back * 10**9
    summary = events.end_sync()
    assert summary["duration_seconds"] == 2.5
    assert (summary["started_at"], summary["ended_at"]) == (iso_time(started), iso_time(clock.now_ns()))


class MuteError(Exception):
    """What it is about, it cannot say."""

    def __str__(self) -> str:
        raise RuntimeError(CANARY)

    __repr__ = __str__


def test_an_exception_without_a_text_and_other_oddities_never_reach_the_job(house: House, ledger: Ledger) -> None:
    odd: Any = MuteError()
    events = house.open()
    events.start_sync(odd, correlation_id=odd)
    events.log_error("sync", "employee", "1", "it broke", odd)
    events.log_error(odd, odd, odd, odd, odd)
    events.log_update(odd, odd, {"from": odd, "password": odd})
    events.log_deletion("employee", "2", odd)
    events.log_skip("employee", "3", odd)
    events.emit(odd, severity=odd, attributes=odd, error=odd, entity_id=odd)
    assert {name: count for name, count in events.end_sync().items() if count in (1, 2)} == {
        "updated": 1,
        "deleted": 1,
        "skipped": 1,
        "errors": 2,
    }
    assert events.flush()
    plain = next(row for row in ledger.errors() if row.entity_id == "1")
    assert (plain.message, plain.type) == ("it broke", "MuteError")
    assert events.books()["ledger"]["dropped"] == {}, "all of it can be read again"


def test_nothing_starts_before_the_first_event(house: House) -> None:
    before = threading.active_count()
    events = house.open()
    assert events.flush() is True
    assert events.send_hourly_notification() is None
    assert threading.active_count() == before
    assert house.journals() == []


def test_what_must_not_be_written_down_is_in_no_file(house: House) -> None:
    events = house.open()
    sid = events.start_sync(f"sync {CANARY}", correlation_id=CANARY)
    places = {
        "note": CANARY,
        CANARY: 1,
        "list": [CANARY, {"deep": (CANARY,)}],
        "password": "pw-canary",
        "b": CANARY.encode(),
    }
    events.log_creation("employee", f"id-{CANARY}", places, sid)
    events.log_update(CANARY, "1", {"first_name": "Janecanary", "x": places}, sid)
    events.log_deletion("employee", "1", f"because {CANARY}", sid)
    events.log_skip("employee", CANARY, CANARY, sid)
    events.log_error(CANARY, "employee", "1", f"bad {CANARY}", ValueError(CANARY), sid)
    events.emit("system", attributes=places, error=EventError("k", CANARY), entity_id=CANARY)
    events.send_hourly_notification()
    summary = events.end_sync(sid)
    assert CANARY not in repr(summary)
    assert events.flush()
    for path in house.folder.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        for canary in (CANARY.encode(), b"pw-canary", b"Janecanary"):
            assert canary not in content, path


def test_files_are_private(house: House) -> None:
    events = house.open()
    events.emit("system")
    assert events.flush()
    files = [path for path in house.folder.rglob("*") if path.is_file()]
    assert {"audit.log", "ledger.db", "state.db"} <= {path.name for path in files}
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_sessions_of_threads_do_not_mix(house: House, ledger: Ledger) -> None:
    events = house.open()

    def job(number: int) -> dict[str, Any]:
        events.start_sync(f"job {number}")
        for step in range(50 + number):
            events.log_creation("thing", f"{number}-{step}")
        return events.end_sync()

    with ThreadPoolExecutor(6) as pool:
        summaries = list(pool.map(job, range(6)))
    assert [summary["created"] for summary in summaries] == [50, 51, 52, 53, 54, 55]
    assert events.flush()
    assert {row.name: row.created for row in ledger.sessions()} == {f"job {n}": 50 + n for n in range(6)}
    assert events.books()["ledger"]["delivered"] == sum(range(50, 56)) + 12


def test_any_thread_may_log_to_any_session_by_its_id(house: House, ledger: Ledger) -> None:
    events = house.open()
    sids = [events.start_sync(f"shared {number}") for number in range(3)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: events.log_update("thing", str(number), {"a": 1}, sids[number % 3]), range(60)))
    assert [events.end_sync(sid)["updated"] for sid in sids] == [20, 20, 20]
    assert events.flush()
    for place, sid in enumerate(sids):
        told = {int(row.entity_id or "") for row in ledger.changes(session=sid)}
        assert told == set(range(place, 60, 3))


def test_unknown_sessions_are_refused(house: House) -> None:
    events = house.open()
    for call in (
        lambda: events.log_creation("e", "1", session_id="nope"),
        lambda: events.emit("system", session_id="nope"),
        lambda: events.end_sync("nope"),
        events.end_sync,
    ):
        with pytest.raises(UsageError) as caught:
            call()
        assert caught.value.code == "BW3001"
    assert house.journals() == []


def test_an_event_without_a_session_is_an_event(house: House, ledger: Ledger) -> None:
    events = house.open()
    event_id = events.log_creation("thing", "1")
    assert events.flush()
    (change,) = ledger.changes()
    assert (change.event_id, change.session_id) == (event_id, None)


def test_a_new_sink_gets_what_is_still_there(house: House) -> None:
    first = house.open()
    first.log_creation("thing", "1")
    assert first.flush()
    late = Collector()
    second = house.open(*house.built_in(), ("late", late))
    second.log_creation("thing", "2")
    assert second.flush()
    assert [event.entity_id for event in late.events] == ["1", "2"]


def test_a_journal_is_deleted_when_it_is_read_and_its_writer_gone(house: House) -> None:
    first = house.open()
    first.log_creation("thing", "1")
    first.flush()
    assert len(house.journals()) == 1
    first.close()
    assert house.journals() == []
    second = house.open()
    second.log_creation("thing", "2")
    assert second.flush()
    assert second.books()["ledger"] == {"emitted": 2, "delivered": 2, "dead": 0, "dropped": {}, "pending": 0}


def test_events_after_closing_wait_for_the_next_process(house: House, ledger: Ledger) -> None:
    first = house.open()
    first.close()
    first.log_creation("thing", "late")
    first.close()
    assert bring_up_to_date(house.folder)
    assert [change.entity_id for change in ledger.changes()] == ["late"]


def test_two_managers_on_one_folder_deliver_everything_once(house: House, ledger: Ledger) -> None:
    shared_a, shared_b = Collector(), Collector()
    first, second = house.open(("x", shared_a)), house.open(("x", shared_b))
    for number in range(60):
        (first, second)[number % 2].log_creation("thing", str(number))
    assert first.flush()
    assert second.flush()
    got = [event.entity_id for event in shared_a.events + shared_b.events]
    assert sorted(got, key=lambda name: int(name or 0)) == [str(number) for number in range(60)]


def test_a_session_that_died_with_its_process_is_interrupted(house: House, ledger: Ledger) -> None:
    crashed = house.open()
    sid = crashed.start_sync("crashed")
    crashed.log_creation("thing", "1")
    running = house.open()
    other = running.start_sync("running")
    running.flush()
    assert ledger.session(sid).state == "running"
    house.dies(crashed)
    running.start_sync("next")
    assert running.flush()
    states = {row.session_id: row.state for row in ledger.sessions()}
    assert states[sid] == "interrupted"
    assert states[other] == "running"
    assert ledger.session(sid).created == 1


def test_redelivery_changes_nothing_in_the_ledger(house: House, ledger: Ledger) -> None:
    events = house.open()
    sid = events.start_sync("a")
    events.log_creation("thing", "1")
    events.log_skip("thing", "2", "why")
    events.end_sync(sid)
    assert events.flush()
    before = (ledger.sessions(), ledger.tail(100))
    state = StateStore(house.folder)
    with state.transaction() as connection:
        connection.execute("DELETE FROM cursors WHERE sink = 'ledger'")
    state.close()
    assert bring_up_to_date(house.folder)
    assert (ledger.sessions(), ledger.tail(100)) == before
    assert len(before[1]) == 4


def test_a_prefix_must_mean_one_session(house: House, ledger: Ledger) -> None:
    events = house.open()
    first, second = events.start_sync("a"), events.start_sync("b")
    assert events.flush()
    shared = "".join(a for a, b in zip(first, second, strict=True) if a == b)[:4]
    for prefix in (shared, "", "zzz", "%"):
        with pytest.raises(UsageError) as caught:
            ledger.session(prefix)
        assert caught.value.code == "BW3002"
    assert ledger.session(second).name == "b"


def test_a_digest_counts_errors_once(house: House) -> None:
    news = Collector(frozenset({"digests"}))
    events = house.open(*house.built_in(), ("news", news))
    for number in range(30):
        events.log_error("sync", "employee", str(number), f"employee {number} has no site")
    events.log_error("sync", "employee", "x", "other")
    content = events.send_hourly_notification()
    assert content is not None
    assert (content["errors"], content["more_groups"]) == (31, 0)
    assert [(group["message"], group["count"]) for group in content["groups"]] == [
        ("employee 0 has no site", 30),
        ("other", 1),
    ]
    assert events.send_hourly_notification() is None
    assert events.flush()
    (event,) = news.events
    assert (event.category, event.event_id, event.attributes["errors"]) == ("digest", content["event_id"], 31)


def test_errors_of_a_deleted_journal_are_in_the_next_digest(house: House) -> None:
    first = house.open()
    first.log_error("sync", None, None, "broken")
    first.close()
    assert house.journals() == []
    content = house.open().send_hourly_notification()
    assert content is not None
    assert content["errors"] == 1


def test_a_digest_that_was_cut_short_goes_out_under_its_id(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    events = house.open()
    events.log_error("sync", None, None, "broken")
    digest = events._pipeline.digest
    monkeypatch.setattr(digest, "_write", lambda record: False)
    first = digest.send()
    monkeypatch.undo()
    assert first is not None
    assert digest.send() == first
    assert digest.send() is None


def test_an_unbound_manager_binds_at_first_use(house: House) -> None:
    calls: list[int] = []
    real = house.open()

    def binder() -> EventManager:
        calls.append(1)
        return real

    door = EventManager(binder)
    assert calls == []
    door.log_creation("thing", "1")
    door.log_creation("thing", "2")
    assert calls == [1]
    assert real.books()["ledger"]["emitted"] == 2
    door.release()
    door.pending()
    assert calls == [1, 1]
    with pytest.raises(UsageError) as caught:
        EventManager().start_sync("x")
    assert caught.value.code == "BW3003"
    assert not hasattr(door, "no_such_thing")


def test_reading_creates_nothing_where_nothing_was(tmp_path: Path) -> None:
    assert bring_up_to_date(tmp_path / "none") is True
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("log_file", "name"), [("", "state/audit.log"), ("logs.txt", "logs.txt")])
def test_the_log_sink_reads_its_settings(tmp_path: Path, log_file: str, name: str) -> None:
    (tmp_path / "state").mkdir()
    settings = SimpleNamespace(log_file=log_file, log_format="text", log_level="ERROR")
    context = PluginContext("log", settings, state_dir=tmp_path / "state", root=tmp_path)
    sink = log_sink.busway_event_sink(context)
    events = [Event(str(level), 0, level, "system") for level in Severity]
    assert sink.deliver(events).delivered == {event.event_id for event in events}
    lines = (tmp_path / name).read_text().splitlines()
    assert [line.split()[1] for line in lines] == ["ERROR", "CRITICAL"]


def test_the_log_sink_can_use_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    context = PluginContext("log", SimpleNamespace(log_file="-", log_format="json", log_level="INFO"))
    log_sink.busway_event_sink(context).deliver([Event("e", 0, Severity.INFO, "system")])
    captured = capsys.readouterr()
    assert json.loads(captured.err)["EventName"] == "system"
    assert captured.out == ""


def test_the_ledger_sink_is_a_plugin(tmp_path: Path) -> None:
    sink = ledger_sink.busway_event_sink(PluginContext("ledger", None, state_dir=tmp_path))
    assert isinstance(sink, EventSink)
    sink.deliver([Event("e", 0, Severity.INFO, "system")])
    sink.close()
    assert (tmp_path / "ledger.db").exists()
