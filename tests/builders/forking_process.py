"""A process that forks while two of its threads emit and a third delivers: ``FOLDER FORKS``.

:func:`forks_under_load` runs it, in a process of its own: 3.12 and later warn of forks with threads.
"""

from __future__ import annotations

import faulthandler
import os
import subprocess
import sys
import threading
from pathlib import Path

from busway import Delivery
from busway.contracts.clock import SystemClock
from busway.contracts.events import Event
from busway.events.log_sink import LogSink
from busway.events.manager import EventManager
from busway.metrics.registry import Metrics
from busway.redaction.redactor import Redactor
from busway.stores.state import StateStore

__all__ = ["forks_under_load"]

SESSION_EVERY = 50
"""One child in so many has a session and flushes."""


class Receiver:
    def __init__(self) -> None:
        self.ids: list[str] = []

    def deliver(self, events: list[Event]) -> Delivery:
        self.ids += [event.event_id for event in events]
        return Delivery.done(events)

    def close(self) -> None: ...


class Load:
    """Emits until it is stopped."""

    def __init__(self, events: EventManager) -> None:
        self._events = events
        self._stop = threading.Event()
        self._emitted: list[int] = []
        self._threads = [threading.Thread(target=self._run, args=(name,)) for name in ("left", "right")]
        for thread in self._threads:
            thread.start()

    def stop(self) -> int:
        """How many events there were."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        return sum(self._emitted)

    def _run(self, name: str) -> None:
        number = 0
        while not self._stop.is_set():
            self._events.start_sync(name)
            for _ in range(20):
                self._events.log_creation("thing", f"{name}-{number}", {"n": number})
                number += 1
            self._emitted.append(self._events.end_sync()["created"] + 2)
            self._stop.wait(0.02)


def live_in_the_child(events: EventManager, number: int) -> None:
    events.log_creation("thing", f"child-{number}")
    events.log_error("sync", "thing", f"child-{number}", "broken")
    if number % SESSION_EVERY == 0:
        events.start_sync("in the child")
        events.end_sync()
        events.flush(0)
    os._exit(0)


def main(folder: Path, forks: int) -> None:
    faulthandler.dump_traceback_later(60 + forks / 10, exit=True)
    receiver, state = Receiver(), StateStore(folder)
    events = EventManager.open(
        folder,
        sinks=[("log", LogSink(folder / "audit.log")), ("receiver", receiver)],
        redactor=Redactor(),
        clock=SystemClock(),
        metrics=Metrics(),
        state=state,
    )
    load = Load(events)
    for number in range(forks):
        pid = os.fork()
        if pid == 0:
            live_in_the_child(events, number)
        assert os.waitpid(pid, 0)[1] == 0, number
    whole = load.stop() + 2 * forks + 2 * len(range(0, forks, SESSION_EVERY))
    flushed, books = events.flush(60), events.books()["receiver"]
    events.close(5)
    state.close()
    left = len(list((folder / "journal").iterdir()))
    told = (flushed, books["emitted"] == books["delivered"] == whole, len(set(receiver.ids)) == whole, left)
    sys.stdout.write(f"{told}\n")


def forks_under_load(folder: Path, forks: int) -> str:
    """``(True, True, True, 0)`` when all was delivered, the books have it, each came, and no journal is left."""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", __file__, str(folder), str(forks)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90 + forks / 10, check=False)
    return done.stdout.strip() or done.stderr[-4000:]


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
