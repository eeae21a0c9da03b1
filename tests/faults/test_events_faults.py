"""What becomes of events when processes die, fork or fill the disk, or sinks misbehave. Real processes throughout."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from busway.contracts.clock import SystemClock
from busway.contracts.events import Event
from busway.contracts.sinks import Delivery, EventSink
from busway.events.backoff import Backoff
from busway.events.journal_reader import JournalFolder
from busway.events.ledger import Ledger, bring_up_to_date
from busway.events.ledger_sink import LedgerSink
from busway.events.manager import EventManager
from busway.events.sink_worker import WorkerParts
from busway.metrics.registry import Metrics
from busway.redaction.redactor import Redactor
from busway.stores.state import StateStore

CHILD = """
import os, sys
from pathlib import Path
from busway.contracts.clock import SystemClock
from busway.events.ledger_sink import LedgerSink
from busway.events.log_sink import LogSink
from busway.events.manager import EventManager
from busway.metrics.registry import Metrics
from busway.redaction.redactor import Redactor
from busway.stores.state import StateStore

folder = Path(sys.argv[1])
state = StateStore(folder)
events = EventManager.open(
    folder, sinks=[("log", LogSink(folder / "audit.log")), ("ledger", LedgerSink(folder))],
    redactor=Redactor(), clock=SystemClock(), metrics=Metrics(), state=state,
)
def ready():
    print("ready", flush=True)
    sys.stdin.read()
"""


class Gate:
    """A sink that hangs until it is let go."""

    def __init__(self) -> None:
        self.entered, self.open = threading.Event(), threading.Event()
        self.closed = False

    def deliver(self, events: list[Event]) -> Delivery:
        self.entered.set()
        self.open.wait(30)
        return Delivery.done(events)

    def close(self) -> None:
        self.closed = True


class Broken:
    def deliver(self, events: list[Event]) -> Delivery:
        raise ConnectionError("away")

    def close(self) -> None:
        raise ConnectionError("away")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def state(folder: Path) -> Iterator[StateStore]:
    state = StateStore(folder)
    yield state
    state.close()


@pytest.fixture
def ledger(folder: Path) -> Iterator[Ledger]:
    ledger = Ledger(folder)
    yield ledger
    ledger.close()


def opened(folder: Path, state: StateStore, *sinks: tuple[str, EventSink]) -> EventManager:
    parts = WorkerParts(backoff=Backoff(initial_seconds=0.001, maximum_seconds=0.01))
    return EventManager.open(
        folder, sinks=sinks, redactor=Redactor(), clock=SystemClock(), metrics=Metrics(), state=state, parts=parts
    )


def child(folder: Path, script: str) -> subprocess.Popen[str]:
    code = CHILD + textwrap.dedent(script)
    return subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def killed(folder: Path, script: str) -> None:
    """Runs the script to its ``ready()`` and kills it there."""
    process = child(folder, script)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.kill()
    process.communicate()


def journalled(folder: Path) -> list[str]:
    journals = JournalFolder(folder / "journal")
    return [
        str(line.record["entity_id"]) if line.record else line.fault
        for file in journals.files()
        for line in journals.lines(file)
    ]


def test_nothing_emitted_is_lost_by_a_kill(folder: Path, ledger: Ledger) -> None:
    killed(
        folder,
        """
        sid = events.start_sync("doomed")
        for number in range(2000):
            events.log_creation("thing", str(number), {"n": number}, sid)
        ready()
        """,
    )
    assert journalled(folder)[1:] == [str(number) for number in range(2000)]
    assert bring_up_to_date(folder)
    assert {row.entity_id for row in ledger.changes(limit=5000)} == {str(number) for number in range(2000)}
    (session,) = ledger.sessions()
    assert (session.state, session.created) == ("running", 2000)


def test_the_next_run_tells_the_interruption_and_clears_up(folder: Path, state: StateStore, ledger: Ledger) -> None:
    killed(folder, 'events.start_sync("doomed"); events.log_creation("thing", "1"); ready()')
    events = opened(folder, state, ("ledger", LedgerSink(folder)))
    events.start_sync("next")
    events.end_sync()
    assert events.close()
    assert {row.name: row.state for row in ledger.sessions()} == {"doomed": "interrupted", "next": "ended"}
    assert list((folder / "journal").iterdir()) == []
    assert state.open_sessions.all() == []


def test_a_torn_tail_is_skipped_and_counted(folder: Path, state: StateStore, ledger: Ledger) -> None:
    killed(folder, 'events.log_creation("thing", "1"); events.log_creation("thing", "2"); ready()')
    (path,) = (folder / "journal").iterdir()
    path.write_bytes(path.read_bytes()[:-9])
    events = opened(folder, state, ("ledger", LedgerSink(folder)))
    events.log_creation("thing", "3")
    assert events.flush()
    assert [row.entity_id for row in ledger.changes()] == ["3", "1"]
    books = {"emitted": 3, "delivered": 2, "dead": 0, "dropped": {"torn": 1}, "pending": 0}
    assert events.books()["ledger"] == books
    events.close()
    again = opened(folder, state, ("ledger", LedgerSink(folder)))
    assert again.books()["ledger"] == books
    again.close()


def test_sinks_that_hang_or_raise_delay_nobody(folder: Path, state: StateStore, ledger: Ledger) -> None:
    gate = Gate()
    events = opened(folder, state, ("hangs", gate), ("raises", Broken()), ("ledger", LedgerSink(folder)))
    for number in range(300):
        events.log_creation("thing", str(number))
    assert gate.entered.wait(10)
    assert events.flush(0.5) is False
    pending = events.pending()
    assert (pending["ledger"], pending["hangs"], pending["raises"]) == (0, 300, 300)
    assert len(ledger.changes(limit=1000)) == 300
    for books in events.books().values():
        assert books["emitted"] == 300 == books["delivered"] + books["pending"]
    gate.open.set()
    started = time.monotonic()
    assert events.close(10.0) is False
    assert time.monotonic() - started < 8  # the open breaker of the broken sink was not waited for
    assert gate.closed
    assert len(list((folder / "journal").iterdir())) == 1  # the broken sink has not read it


def test_closing_does_not_wait_for_a_sink_that_hangs(folder: Path, state: StateStore) -> None:
    gate = Gate()
    events = opened(folder, state, ("hangs", gate))
    events.log_creation("thing", "1")
    assert gate.entered.wait(10)
    started = time.monotonic()
    assert events.close(0.3) is False
    assert time.monotonic() - started < 5
    assert gate.closed is False
    gate.open.set()


def test_a_forked_child_writes_its_own_file_and_starts_no_threads(folder: Path, ledger: Ledger) -> None:
    process = child(
        folder,
        """
        import threading
        sid = events.start_sync("family")
        events.log_creation("thing", "parent-1", session_id=sid)
        pid = os.fork()
        if pid == 0:
            for number in range(100):
                events.log_creation("thing", f"child-{number}", session_id=sid)
            assert threading.active_count() == 1
            assert events.flush()
            events.close()
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        for number in range(2, 201):
            events.log_creation("thing", f"parent-{number}", session_id=sid)
        print(events.end_sync()["created"], events.flush(), events.close())
        state.close()
        """,
    )
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert out.split() == ["200", "True", "True"]
    names = [row.entity_id for row in ledger.changes(limit=1000)]
    assert len([name for name in names if str(name).startswith("child")]) == 100
    assert len([name for name in names if str(name).startswith("parent")]) == 200
    logged = [orjson.loads(line)["Body"] for line in (folder / "audit.log").read_bytes().splitlines()]
    assert len([body for body in logged if "child" in body]) == 100


def test_a_child_forked_before_the_first_event_starts_no_threads_either(folder: Path, ledger: Ledger) -> None:
    """As servers do that fork their workers when they start."""
    process = child(
        folder,
        """
        import threading
        pid = os.fork()
        if pid == 0:
            events.log_creation("thing", "child")
            events.log_error("sync", "thing", "child", "broken")
            assert events.flush(5)
            os._exit(0 if threading.active_count() == 1 else 1)
        assert os.waitpid(pid, 0)[1] == 0
        events.log_creation("thing", "parent")
        print(events.flush(), events.close(), threading.active_count())
        state.close()
        """,
    )
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "True True 1\n")
    assert {row.entity_id for row in ledger.changes()} == {"child", "parent"}
    assert (folder / "audit.log").read_bytes().count(b"thing child") >= 1, (
        "sinks of the process are served in the child"
    )


@pytest.mark.parametrize("how", ["gives up", "dies"])
def test_a_forked_child_does_not_keep_the_locks_of_its_parent(folder: Path, how: str) -> None:
    process = child(
        folder,
        f"""
        from busway.events.journal_reader import JournalFolder
        from busway.stores import file_lock
        dies = {how == "dies"}
        writer = events._pipeline._writer
        events._pipeline.dispatcher._started = True
        events.log_creation("thing", "1")
        journals = JournalFolder(folder / "journal")
        (file,) = journals.files()
        read, write = os.pipe()
        started, start = os.pipe()
        path = folder / "locks" / "test.lock"
        lock = file_lock.file_lock(path)
        assert lock.__enter__()
        (descriptor,) = file_lock._open
        pid = os.fork()
        if pid == 0:
            os.close(write)
            os.write(start, b"1")
            os.read(read, 1)
            os._exit(0)
        if dies:  # what the operating system does then: it closes, and unlocks nothing
            os.read(started, 1)
            file_lock._open.clear()
            os.close(descriptor)
            for written in writer._files.take_all():
                written.abandon()
        else:
            lock.__exit__(None, None, None)
            writer.close()
        with file_lock.file_lock(path, wait=False) as again:
            print(again, journals.writer_is_gone(file), flush=True)
        os.close(write)
        os.waitpid(pid, 0)
        os._exit(0)
        """,
    )
    out, _ = process.communicate(timeout=60)
    assert out.split() == ["True", "True"]


def test_a_full_disk_is_never_raised_and_what_waited_for_it_is_delivered(folder: Path) -> None:
    process = child(
        folder,
        """
        import resource, signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        events._pipeline.dispatcher._started = True  # deliver later, with room again
        events.log_creation("thing", "0")
        events.pending()  # opens the state, which needs room
        journal = next((folder / "journal").iterdir())
        resource.setrlimit(resource.RLIMIT_FSIZE, (journal.stat().st_size + 1000, resource.RLIM_INFINITY))
        for number in range(1, 100):
            events.log_creation("thing", str(number), {"filler": "x" * 50})
        book = events.books()["ledger"]
        print(book["emitted"], book["pending"] + sum(book["dropped"].values()), events.pending()["ledger"])
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        events.log_creation("thing", "after")
        events._pipeline.dispatcher._started = False
        print(events.flush(20), *events.books()["ledger"].values())
        events.close()
        state.close()
        """,
    )
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert out.splitlines() == ["100 100 100", "True 101 101 0 {} 0"]
    ledger = Ledger(folder)
    names = {row.entity_id for row in ledger.changes(limit=1000)}
    ledger.close()
    assert names == {*map(str, range(100)), "after"}


def test_an_exit_without_closing_delivers(folder: Path, ledger: Ledger) -> None:
    process = child(folder, 'events.log_creation("thing", "1")')
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert [row.entity_id for row in ledger.changes()] == ["1"]
    assert '"employee' not in (folder / "audit.log").read_text()
    assert "thing 1" in (folder / "audit.log").read_text()


def test_four_processes_share_one_ledger(folder: Path, ledger: Ledger) -> None:
    script = """
    sid = events.start_sync(f"p{os.getpid()}")
    for number in range(200):
        events.log_creation("thing", f"{os.getpid()}-{number}")
    events.end_sync()
    events.close(20)
    state.close()
    """
    processes = [child(folder, script) for _ in range(4)]
    for process in processes:
        process.communicate(timeout=90)
        assert process.returncode == 0
    assert bring_up_to_date(folder)
    assert len(ledger.changes(limit=10_000)) == 800
    assert {row.created for row in ledger.sessions()} == {200}
