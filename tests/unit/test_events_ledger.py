"""The ledger: selection, retention, and what becomes of a damaged one."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from builders.error_journal import ErrorJournal, error_record
from builders.manual_clock import ManualClock
from busway.contracts.clock import SystemClock
from busway.contracts.events import Event, EventError, Severity
from busway.errors import ConfigurationError
from busway.events import ledger_retention
from busway.events.event_codec import event_of
from busway.events.ids import new_event_id
from busway.events.ledger import Ledger, Selection, bring_up_to_date
from busway.events.ledger_database import LedgerDatabase
from busway.events.ledger_sink import LedgerSink
from busway.events.policy import EventPolicy, Route
from busway.stores.state_dir import prepare_state_dir

HOUR_NS = 3_600_000_000_000
CLOCK = ManualClock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return prepare_state_dir(tmp_path)


@pytest.fixture
def ledger(folder: Path) -> Iterator[Ledger]:
    with closing(Ledger(folder, CLOCK)) as made:
        yield made


def change(
    entity: str, number: str, session: str | None = None, *, hours_ago: float = 0.0, operation: str = "created"
) -> Event:
    at = CLOCK.now_ns() - int(hours_ago * HOUR_NS)
    return Event(new_event_id(), at, Severity.INFO, "change", entity, number, session, {"operation": operation})


def started(session: str, name: str, hours_ago: float = 0.0) -> Event:
    at = CLOCK.now_ns() - int(hours_ago * HOUR_NS)
    facts = {"operation": "started", "name": name}
    return Event(new_event_id(), at, Severity.INFO, "session", session_id=session, attributes=facts)


def ended(session: str, name: str, hours_ago: float = 0.0) -> Event:
    at = CLOCK.now_ns() - int(hours_ago * HOUR_NS)
    facts = {"operation": "ended", "name": name, "started_ns": at, "ended_ns": at}
    return Event(new_event_id(), at, Severity.INFO, "session", session_id=session, attributes=facts)


def deliver(folder: Path, *events: Event, policy: EventPolicy | None = None) -> None:
    sink = LedgerSink(folder, CLOCK, policy)
    assert sink.deliver(list(events)).delivered == {event.event_id for event in events}
    sink.close()


def test_every_option_narrows_the_answer(folder: Path, ledger: Ledger) -> None:
    error = Event(
        new_event_id(), 1, Severity.ERROR, "error", "title", "9", "s2", {}, EventError("sync", "m", code="BW1")
    )
    deliver(
        folder,
        started("s1", "employees"),
        started("s2", "titles"),
        change("employee", "1", "s1"),
        change("employee", "2", "s1", hours_ago=3, operation="updated"),
        change("title", "1", "s2"),
        change("title", "3"),
        error,
    )
    assert [row.entity_id for row in ledger.changes()] == ["3", "1", "2", "1"]
    assert [row.entity_id for row in ledger.changes(job="employees")] == ["2", "1"]
    assert [row.job for row in ledger.changes()] == [None, "titles", "employees", "employees"]
    assert [row.entity_type for row in ledger.changes(entity_id="1")] == ["title", "employee"]
    assert [row.entity_id for row in ledger.changes(hours=2, entity="employee")] == ["1"]
    assert [row.entity_id for row in ledger.changes(operation="updated")] == ["2"]
    assert [row.entity_id for row in ledger.changes(session="s2")] == ["1"]
    assert [row.code for row in ledger.errors(kind="sync", job="titles")] == ["BW1"]
    assert ledger.errors(job="employees") == ledger.errors(kind="other") == []
    assert [row.name for row in ledger.sessions(job="titles")] == ["titles"]
    assert [row.category for row in ledger.tail(2, Selection(job="titles"))] == ["session", "change"]


def test_a_value_cannot_become_sql(folder: Path, ledger: Ledger) -> None:
    deliver(folder, change("employee", "1"))
    assert ledger.changes(entity="' OR 1=1 --") == []
    assert ledger.changes(job="x' OR '1'='1") == []


def test_each_goes_through_a_history_of_many_pages(
    folder: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("busway.events.ledger.PAGE", 3)
    deliver(folder, *(change("employee", str(number)) for number in range(10)), change("title", "x"))
    assert [row.entity_id for row in ledger.each(Selection(entity="employee"))] == [str(number) for number in range(10)]


def test_history_is_kept_for_as_long_as_the_policy_says(
    folder: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_retention, "CHUNK", 2)
    old = [change("employee", f"old {number}", "s1", hours_ago=49) for number in range(5)]
    deliver(
        folder,
        started("s1", "a", 49), ended("s1", "a", 49), started("s2", "b", 49), started("s3", "c", 1),
        *old, change("employee", "new", "s3", hours_ago=1),
        policy=EventPolicy(ledger_seconds=48 * 3600.0),
    )  # fmt: skip
    assert [row.entity_id for row in ledger.changes()] == ["new"]
    assert [row.name for row in ledger.sessions()] == ["c", "b"], "one that runs is kept"


def test_the_manager_can_tell_the_sink_its_policy(folder: Path, ledger: Ledger) -> None:
    sink = LedgerSink(folder, CLOCK)
    sink.deliver([change("employee", "old", hours_ago=80 * 24)])
    assert len(ledger.changes()) == 1
    other = LedgerSink(folder, CLOCK)
    other.follow(EventPolicy(ledger_seconds=24 * 3600.0))
    other.deliver([change("employee", "new")])
    assert [row.entity_id for row in ledger.changes()] == ["new"]
    sink.close()
    other.close()


def test_old_history_is_looked_for_once_an_hour(folder: Path, ledger: Ledger) -> None:
    clock = ManualClock()
    sink = LedgerSink(folder, clock, EventPolicy(ledger_seconds=3600.0))
    sink.deliver([])
    sink.deliver([change("employee", "old", hours_ago=2)])
    assert len(ledger.changes()) == 1
    clock.advance(3600)
    sink.deliver([])
    assert ledger.changes() == []
    sink.close()


def garble(path: Path) -> None:
    path.write_bytes(b"this is no database" * 1_000)


def tear(path: Path) -> None:
    """The pages behind the first one."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = path.read_bytes()
    path.write_bytes(content[:4096] + os.urandom(len(content) - 4096))


@pytest.mark.parametrize("damage", [garble, tear])
@pytest.mark.parametrize("reader", [True, False])
def test_a_damaged_ledger_is_set_aside_and_rebuilt_from_the_journals(
    tmp_path: Path, damage: Callable[[Path], None], reader: bool, caplog: pytest.LogCaptureFixture
) -> None:
    journal = ErrorJournal(tmp_path)
    for number in range(40):
        journal.error(f"error {number}")
    assert bring_up_to_date(tmp_path)
    damage(tmp_path / "ledger.db")
    if not reader:
        late = error_record("late", CLOCK.now_ns())
        journal.write(late)
        deliver(tmp_path, event_of(late))
        assert "was damaged" in caplog.text
    with closing(Ledger(tmp_path, CLOCK)) as ledger:
        messages = {row.message for row in ledger.errors()}
        assert {f"error {number}" for number in range(40)} <= messages
        assert bool(ledger.notices) is reader
        assert len(list(tmp_path.glob("ledger.db.damaged-*"))) >= 1
        assert bring_up_to_date(tmp_path)
        (told,) = ledger.errors(kind="ledger")
        assert told.code == "BW3041"
        assert "ledger.db.damaged-2" in told.message
    journal.state.close()


def test_what_its_route_leaves_out_gets_into_the_ledger_by_no_way(tmp_path: Path) -> None:
    """Not by the sink, not by a command that catches up, and not when a damaged one is made anew."""
    journal = ErrorJournal(tmp_path, routes={"ledger": Route(jobs=frozenset({"titles"}), severity=Severity.ERROR)})
    titles, people = journal.session("titles"), journal.session("employees")
    now, digest = SystemClock.now_ns(), {"severity": 13, "category": "digest", "error": None}
    for record in (
        error_record("wanted", now, session_id=titles),
        error_record("of another job", now, session_id=people),
        error_record("too harmless", now, severity=9, session_id=titles),
        {**error_record("for another sink", now), **digest, "attributes": {"only_for": ["pager"]}},
        {**error_record("for everyone", now), **digest},
    ):
        journal.write(record)

    def kept() -> list[tuple[str, str]]:
        with closing(Ledger(tmp_path, policy=journal.policy)) as ledger:
            return [(row.category, row.error_message or "") for row in ledger.tail(100)]

    assert bring_up_to_date(tmp_path, policy=journal.policy)
    assert kept() == [("error", "wanted"), ("digest", "")]
    assert journal.state.sink_counts.of("ledger") == {"delivered": 2, "dropped:route": 3}
    garble(tmp_path / "ledger.db")
    assert kept() == [("error", "wanted"), ("digest", "")]
    journal.state.close()


def test_a_ledger_that_another_process_set_aside_is_left(folder: Path, ledger: Ledger) -> None:
    mine = LedgerDatabase(folder, CLOCK)
    mine.write(lambda connection: None)
    (folder / "ledger.db").rename(folder / "ledger.db.damaged-x")
    for part in ("-wal", "-shm"):
        (folder / f"ledger.db{part}").unlink(missing_ok=True)
    deliver(folder, change("employee", "new"))
    assert mine.rows("SELECT count(*) FROM events") == [(1,)]
    mine.close()


def test_a_healthy_ledger_is_never_set_aside(folder: Path, ledger: Ledger) -> None:
    deliver(folder, change("employee", "1"))
    database = LedgerDatabase(folder, CLOCK)
    database._mend()
    assert list(folder.glob("ledger.db.damaged-*")) == []
    assert len(ledger.changes()) == 1
    database.close()


def test_a_newer_ledger_is_refused_and_not_touched(folder: Path, ledger: Ledger) -> None:
    deliver(folder, change("employee", "1"))
    with closing(sqlite3.connect(folder / "ledger.db")) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(ConfigurationError, match="BW3101"):
        ledger.changes()
    with pytest.raises(ConfigurationError, match="BW3101"):
        LedgerSink(folder, CLOCK).deliver([change("employee", "2")])
    with closing(sqlite3.connect(folder / "ledger.db")) as connection:
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (1,)
    assert list(folder.glob("ledger.db.damaged-*")) == []


def test_a_ledger_of_the_first_version_is_brought_up_to_date(folder: Path, ledger: Ledger) -> None:
    from busway.events.ledger_schema import LEDGER_MIGRATIONS
    from busway.stores.database import open_database

    open_database(folder / "ledger.db", LEDGER_MIGRATIONS[:1]).close()
    deliver(folder, change("employee", "1"))
    assert len(ledger.changes()) == 1
    assert (folder / "ledger.db.v1.bak").exists()
