"""Forks while events are emitted and delivered. In a process of its own: 3.12 and later warn of forks with threads."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

FORKS = 1000

SCRIPT = """
import faulthandler, os, sys, threading, time
faulthandler.dump_traceback_later(90, exit=True)
from pathlib import Path
from busway import Delivery
from busway.contracts.clock import SystemClock
from busway.events.log_sink import LogSink
from busway.events.manager import EventManager
from busway.metrics.registry import Metrics
from busway.redaction.redactor import Redactor
from busway.stores.state import StateStore

FORKS = int(sys.argv[2])
folder = Path(sys.argv[1])

class Receiver:
    def __init__(self): self.ids = []
    def deliver(self, events):
        self.ids += [event.event_id for event in events]
        return Delivery.done(events)
    def close(self): ...

receiver, state = Receiver(), StateStore(folder)
events = EventManager.open(
    folder, sinks=[("log", LogSink(folder / "audit.log")), ("receiver", receiver)],
    redactor=Redactor(), clock=SystemClock(), metrics=Metrics(), state=state,
)
stop, emitted = threading.Event(), []

def load(name):
    number = 0
    while not stop.is_set():
        sid = events.start_sync(name)
        for _ in range(20):
            events.log_creation("thing", f"{name}-{number}", {"n": number})
            number += 1
        emitted.append(events.end_sync()["created"] + 2)
        stop.wait(0.02)

threads = [threading.Thread(target=load, args=(name,)) for name in ("left", "right")]
for thread in threads:
    thread.start()
for number in range(FORKS):
    pid = os.fork()
    if pid == 0:
        events.log_creation("thing", f"child-{number}")
        events.log_error("sync", "thing", f"child-{number}", "broken")
        if number % 50 == 0:
            events.start_sync("in the child")
            events.end_sync()
            events.flush(0)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0, number
stop.set()
for thread in threads:
    thread.join()
whole = sum(emitted) + 2 * FORKS + 2 * len(range(0, FORKS, 50))
flushed = events.flush(60)
books = events.books()["receiver"]
print(flushed, books["emitted"] == books["delivered"] == whole, len(set(receiver.ids)) == whole, flush=True)
events.close(5)
state.close()
print(len(list((folder / "journal").iterdir())), flush=True)
"""


def test_a_thousand_forks_under_load(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(SCRIPT)]
    done = subprocess.run(
        [*command, str(tmp_path / "state"), str(FORKS)], capture_output=True, text=True, timeout=110, check=False
    )
    assert done.stdout == "True True True\n0\n", done.stdout + done.stderr[-4000:]


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
