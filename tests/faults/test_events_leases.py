"""Processes that share a state folder, one of them killed or stopped while it delivers. Real processes throughout."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from builders.plugin_world import until
from busway.contracts.clock import SystemClock
from busway.contracts.events import Event
from busway.contracts.sinks import Delivery
from busway.events.manager import EventManager
from busway.metrics.registry import Metrics
from busway.redaction.redactor import Redactor
from busway.stores.state import StateStore

BATCH = 10

WRITER = """
import os, sys, threading
from pathlib import Path
from busway import Delivery
from busway.contracts.clock import SystemClock
from busway.events import caretaker
from busway.events.manager import EventManager
from busway.metrics.registry import Metrics
from busway.redaction.redactor import Redactor
from busway.stores import sink_leases
from busway.stores.state import StateStore

sink_leases.LEASE_SECONDS, caretaker.RENEW_SECONDS = 1.0, 0.3
folder, role = Path(sys.argv[1]), sys.argv[2]

class Receiver:
    \"\"\"Notes what arrived in a file, and who brought it. A holder stops when its batch has arrived, or before.\"\"\"
    batch_size = 10
    def deliver(self, events):
        if role == "early holder":
            print("delivering", flush=True)
            sys.stdin.readline()
        with (folder / "arrived").open("a") as stream:
            stream.write("".join(f"{event.event_id} {os.getpid()}\\n" for event in events))
        if role == "holder":
            print("delivering", flush=True)
            sys.stdin.readline()
        return Delivery.done(events)
    def close(self): ...

state = StateStore(folder)
events = EventManager.open(
    folder, sinks=[("receiver", Receiver())], redactor=Redactor(), clock=SystemClock(), metrics=Metrics(), state=state
)
"""


class Reader:
    """A sink of a process that only looks: it must never be given anything to do."""

    calls = 0

    def deliver(self, events: list[Event]) -> Delivery:
        Reader.calls += 1
        return Delivery()

    def close(self) -> None: ...


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    StateStore(tmp_path / "state").close()
    return tmp_path / "state"


def process(folder: Path, role: str, script: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER + textwrap.dedent(script), str(folder), role]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


HOLDER = """
for number in range(50):
    events.log_creation("thing", f"holder-{number}")
events.flush(60)
print("flushed", flush=True)
events.close(5)
state.close()
"""
WRITERS = """
for number in range(100):
    events.log_creation("thing", f"{os.getpid()}-{number}")
print(events.flush(60), flush=True)
events.close(5)
state.close()
"""


def arrived(folder: Path) -> Counter[str]:
    """Event ids, and how often they came."""
    path = folder / "arrived"
    return Counter(line.split()[0] for line in path.read_text().splitlines()) if path.exists() else Counter()


@contextmanager
def books(folder: Path) -> Iterator[EventManager]:
    """A manager that only looks."""
    state = StateStore(folder)
    manager = EventManager.open(
        folder,
        sinks=[("receiver", Reader())],
        redactor=Redactor(),
        clock=SystemClock(),
        metrics=Metrics(),
        state=state,
    )
    yield manager
    manager.close(0)
    state.close()


def journalled(folder: Path) -> int:
    return sum(len(path.read_bytes().splitlines()) for path in (folder / "journal").iterdir())


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_the_holder_of_the_lease_goes_and_nothing_is_lost(folder: Path, how: str) -> None:
    holder = process(folder, "holder", HOLDER)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "delivering\n"
    before = arrived(folder)
    assert 0 < before.total() <= BATCH
    others = [process(folder, "writer", WRITERS) for _ in range(3)]
    # All of the others have written, and none can deliver, as long as the holder lives and renews.
    until(lambda: journalled(folder) >= 350, 60)
    assert arrived(folder) == before
    holder.send_signal(signal.SIGKILL if how == "killed" else signal.SIGSTOP)
    for other in others:
        out, _ = other.communicate(timeout=60)
        assert (out, other.returncode) == ("True\n", 0)
    got = arrived(folder)
    assert len(got) == 350, "0 lost"
    assert got.total() - len(got) <= BATCH, "at most one batch came twice, under the same ids"
    if how == "stopped":
        holder.send_signal(signal.SIGCONT)
        out, _ = holder.communicate("go on\n" * 50, timeout=60)
        assert out.splitlines()[-1] == "flushed"
        assert arrived(folder) == got, "its late commit changed nothing, and it delivered nothing more"
    else:
        holder.communicate()
    with books(folder) as manager:
        book = manager.books()["receiver"]
    assert book == {"emitted": 350, "delivered": 350, "dead": 0, "dropped": {}, "pending": 0}


def test_what_a_holder_had_in_hand_when_it_was_killed_is_delivered_by_the_next(folder: Path) -> None:
    holder = process(folder, "early holder", HOLDER)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "delivering\n"
    holder.kill()
    holder.communicate()
    assert arrived(folder) == {}
    out, _ = process(folder, "writer", WRITERS).communicate(timeout=60)
    assert out == "True\n"
    got = arrived(folder)
    assert (len(got), got.total()) == (150, 150)


@pytest.mark.parametrize(("script", "pending"), [("pass", 1), ("events.flush(30)", 0)])
def test_who_looks_only_delivers_and_deletes_nothing(folder: Path, script: str, pending: int) -> None:
    emitting = f'events.log_creation("thing", "1"); {script}; os.kill(os.getpid(), 9)'
    process(folder, "writer", emitting).communicate(timeout=60)
    with books(folder) as manager:
        assert manager.pending() == {"receiver": pending}
        assert manager.books()["receiver"]["pending"] == pending
        assert manager.dead_letters() == []
        assert manager.close(5) is not bool(pending)
    assert Reader.calls == 0
    assert arrived(folder).total() == 1 - pending
    assert len(list((folder / "journal").iterdir())) == 1


def test_a_flush_delivers_what_others_left(folder: Path) -> None:
    for _ in range(2):
        process(folder, "writer", 'events.log_creation("thing", "1"); os.kill(os.getpid(), 9)').communicate(timeout=60)
    last = process(folder, "writer", "print(events.flush(30)); events.close(5); state.close()")
    out, _ = last.communicate(timeout=60)
    assert out == "True\n"
    assert arrived(folder).total() == 2
    assert list((folder / "journal").iterdir()) == []
