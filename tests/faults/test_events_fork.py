"""Forks while events are emitted and delivered. In a process of its own: 3.12 and later warn of forks with threads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from builders.forking_process import forks_under_load


def test_forks_under_load(tmp_path: Path) -> None:
    """A hundred; soak has a thousand."""
    assert forks_under_load(tmp_path / "state", 100) == "(True, True, True, 0)"


HELD = """
import os, signal, sys
from pathlib import Path
from busway import Delivery
from busway.contracts.clock import SystemClock
from busway.events.log_sink import LogSink
from busway.events.manager import EventManager
from busway.metrics.registry import Metrics
from busway.redaction.redactor import Redactor
from busway.stores.state import StateStore

folder = Path(sys.argv[1])
state = StateStore(folder)
events = EventManager.open(
    folder, sinks=[("log", LogSink(folder / "audit.log"))],
    redactor=Redactor(), clock=SystemClock(), metrics=Metrics(), state=state,
)
events.log_creation("thing", "parent")
events.flush(20)
dispatcher = events._pipeline.dispatcher
locks = [dispatcher._starting, dispatcher._sweeping, dispatcher._moved, events._pipeline.sessions._lock]
for worker in dispatcher._workers:
    locks += [worker.progress._lock, worker.delivery._lock, worker._ending, worker.metrics.delivered._lock]
for lock in locks:
    lock.acquire()  # as other threads may have done at the moment of the fork
if os.fork() == 0:
    signal.alarm(20)
    sid = events.start_sync("in the child")
    events.log_creation("thing", "child")
    events.end_sync(sid)
    done = events.flush(5) and events.close(5)
    os._exit(0 if done else 1)
status = os.waitstatus_to_exitcode(os.wait()[1])
for lock in locks:
    lock.release()
print(status, events.close(5), flush=True)
state.close()
"""


def test_no_lock_of_the_parent_holds_up_its_child(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", HELD, str(tmp_path / "state")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "0 True\n", done.stderr
    assert "thing child" in (tmp_path / "state" / "audit.log").read_text()


AT_WORK = """
import os, signal, sys, threading, time
from pathlib import Path
from busway.contracts.clock import SystemClock
from busway.events import journal
from busway.events.log_sink import LogSink
from busway.events.manager import EventManager
from busway.metrics.registry import Metrics
from busway.redaction.redactor import Redactor
from busway.stores import process_database
from busway.stores.state import StateStore

journal.FORK_SECONDS = process_database.FORK_SECONDS = 30.0
folder = Path(sys.argv[1])
state = StateStore(folder)
events = EventManager.open(
    folder, sinks=[("log", LogSink(folder / "audit.log"))],
    redactor=Redactor(), clock=SystemClock(), metrics=Metrics(), state=state,
)
events.start_sync("opens the state")
writer, counter = events._pipeline._writer, events._pipeline.emitter._counters[9]
locks = {
    "an append": (writer._lock, counter._lock),
    "the ring": (writer._detour.settled, counter._lock),
    "the state": (state._database.connection.lock,),
}[sys.argv[2]]
in_it, done = threading.Event(), []

def at_work():
    for lock in locks:
        lock.acquire()
    in_it.set()
    time.sleep(0.1)
    done.append(True)
    for lock in reversed(locks):
        lock.release()

thread = threading.Thread(target=at_work)
thread.start()
in_it.wait()
if os.fork() == 0:
    signal.alarm(20)
    events.log_creation("thing", "child")
    os._exit(0 if done else 1)
print(os.waitstatus_to_exitcode(os.wait()[1]), events.close(5), flush=True)
state.close()
"""


@pytest.mark.parametrize("what", ["an append", "the ring", "the state"])
def test_a_fork_waits_for_threads_that_are_in_the_middle_of(tmp_path: Path, what: str) -> None:
    """The copy of what they hold would be held for ever."""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", AT_WORK, str(tmp_path / "state"), what]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert done.stdout == "0 True\n", done.stdout + done.stderr
