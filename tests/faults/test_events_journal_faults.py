"""What the journal holds after processes die, fork, or meet a full disk. Real processes and real kills throughout."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from busway.contracts.clock import SystemClock
from busway.events.journal import JournalWriter
from busway.events.journal_line import encode_line
from busway.events.journal_reader import JournalFolder
from busway.metrics.registry import Counter

CHILD = """
import os, signal, sys, threading, time
from pathlib import Path
from busway.contracts.clock import SystemClock
from busway.contracts.sinks import Delivery
from busway.events.manager import EventManager
from busway.metrics.registry import Metrics
from busway.redaction.redactor import Redactor
from busway.stores.state import StateStore

class Away:
    # Takes nothing, so that the journals stay.
    def deliver(self, batch):
        return Delivery.retry_after(3600)
    def close(self): ...

folder = Path(sys.argv[1])
state = StateStore(folder)
events = EventManager.open(
    folder, sinks=[("away", Away())], redactor=Redactor(["a-secret-value"]), clock=SystemClock(), metrics=Metrics(),
    state=state,
)
def emit(first, last):
    for number in range(first, last):
        events.emit("change", entity_type="thing", entity_id=str(number), attributes={"n": number, "t": "text"})
def ready():
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


def child(folder: Path, script: str) -> subprocess.Popen[str]:
    code = CHILD + textwrap.dedent(script)
    return subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def names(folder: Path) -> list[str]:
    journals = JournalFolder(folder / "journal")
    lines = (line for file in journals.files() for line in journals.lines(file))
    return [str(line.record["entity_id"]) if line.record else line.fault for line in lines]


ENDS = {
    "SIGKILL": "ready()",
    "SIGTERM": "ready()",
    "os._exit": "os._exit(0)",
    "return": "",
}


@pytest.mark.parametrize("how", ENDS)
def test_10_000_of_10_000_are_there_however_the_process_ends(folder: Path, how: str) -> None:
    process = child(folder, f"emit(0, 10_000)\n{ENDS[how]}")
    if how.startswith("SIG"):
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(getattr(signal, how))
    process.communicate(timeout=60)
    assert process.returncode == {"SIGKILL": -9, "SIGTERM": -15}.get(how, 0)
    assert names(folder) == [str(number) for number in range(10_000)]


def test_a_quiet_job_loses_nothing_either(folder: Path) -> None:
    process = child(folder, "emit(0, 200); ready()")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.kill()
    process.communicate()
    assert names(folder) == [str(number) for number in range(200)]


def test_a_kill_while_emitting_loses_nothing_that_was_emitted(folder: Path) -> None:
    process = child(
        folder,
        """
        for start in range(0, 10**9, 100):
            emit(start, start + 100)
            os.write(1, b"%d\\n" % (start + 100))
        """,
    )
    assert process.stdout is not None
    told = 0
    while told < 3000:
        told = int(process.stdout.readline())
    process.kill()
    rest, _ = process.communicate()
    told = max([told, *(int(line) for line in rest.splitlines(keepends=True) if line.endswith("\n"))])
    found = names(folder)
    if found[-1] == "torn":
        found.pop()
    assert len(found) >= told
    assert found == [str(number) for number in range(len(found))]


def test_a_signal_handler_that_ends_the_process_loses_nothing(folder: Path) -> None:
    process = child(
        folder,
        """
        def end(*args):
            events.emit("change", entity_type="thing", entity_id="the handler's")
            raise SystemExit(3)
        signal.signal(signal.SIGTERM, end)
        print("ready", flush=True)
        for start in range(0, 10**9, 100):
            emit(start, start + 100)
        """,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.05)  # somewhere in the middle of emitting
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 3
    found = names(folder)
    assert "the handler's" in found
    rest = [name for name in found if name != "the handler's"]
    assert rest == [str(number) for number in range(len(rest))]


def test_files_and_folders_are_private(folder: Path) -> None:
    child(folder, "os.umask(0); emit(0, 1)").communicate(timeout=60)
    (path,) = (folder / "journal").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_full_disk_costs_no_event_when_there_is_room_again(folder: Path) -> None:
    process = child(
        folder,
        """
        import resource
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        emit(0, 1)
        journal = next((folder / "journal").iterdir())
        resource.setrlimit(resource.RLIMIT_FSIZE, (journal.stat().st_size + 1000, resource.RLIM_INFINITY))
        started = time.monotonic()
        emit(1, 500)
        writer = events._pipeline._writer
        print(time.monotonic() - started < 5, writer.waiting > 400, dict(writer.dropped))
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        writer.sync(10)
        emit(500, 510)
        """,
    )
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert out.split() == ["True", "True", "{}"]
    assert names(folder) == [str(number) for number in range(510)]


def test_a_disk_that_stays_full_is_counted_and_the_job_goes_on(folder: Path) -> None:
    process = child(
        folder,
        """
        import resource
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
        emit(0, 300)
        writer = events._pipeline._writer
        writer.close(0.2)
        print(writer.dropped["journal_full"])
        """,
    )
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    found = names(folder)
    assert found == [str(number) for number in range(len(found))]
    assert len(found) + int(out) == 300
    assert 0 < len(found) < 300


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_device_without_room(tmp_path: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        writer = JournalWriter(tmp_path, SystemClock(), write=lambda descriptor, data: os.write(full, data))
        for number in range(50):
            assert not writer.append_line(encode_line({"event_id": str(number)}), Counter(), 17)
        writer.close(0.1)
    finally:
        os.close(full)
    assert writer.dropped == {"journal_full": 50}


def test_a_forked_child_writes_a_file_of_its_own_and_takes_nothing_along(folder: Path) -> None:
    process = child(
        folder,
        """
        emit(0, 100)
        pid = os.fork()
        if pid == 0:
            emit(1000, 1100)
            print(threading.active_count(), flush=True)
            os._exit(0)
        os.waitpid(pid, 0)
        emit(100, 200)
        """,
    )
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert out.split() == ["1"]
    journals = JournalFolder(folder / "journal")
    by_file = [[line.record["entity_id"] for line in journals.lines(file) if line.record] for file in journals.files()]
    assert sorted(by_file) == [[str(n) for n in range(200)], [str(n) for n in range(1000, 1100)]]
    ids = [line.record["event_id"] for file in journals.files() for line in journals.lines(file) if line.record]
    assert len(set(ids)) == 300


def test_a_fork_does_not_wait_for_a_disk_that_stands_still_nor_take_its_lines_along(tmp_path: Path) -> None:
    entered, free = threading.Event(), threading.Event()

    def write(descriptor: int, data: bytes) -> int:
        if os.getpid() == parent and b"hangs" in data:
            entered.set()
            free.wait(30)
        return os.write(descriptor, data)

    def put(name: str) -> None:
        writer.append_line(encode_line({"event_id": name}), Counter(), 9)

    parent, writer = os.getpid(), JournalWriter(tmp_path, SystemClock(), write=write)
    put("first")
    thread = threading.Thread(target=put, args=("hangs",))
    thread.start()
    assert entered.wait(10)
    put("waits")
    started = time.monotonic()
    pid = os.fork()
    if pid == 0:
        try:
            put("the child's")
            os._exit(0 if writer.waiting == 0 else 4)
        finally:
            os._exit(5)
    assert time.monotonic() - started < 5
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    free.set()
    thread.join(10)
    writer.close(10)
    journals = JournalFolder(tmp_path)
    by_file = [[line.record["event_id"] for line in journals.lines(file) if line.record] for file in journals.files()]
    assert sorted(by_file) == [["first", "hangs", "waits"], ["the child's"]]
