"""Processes of one hour that meet the same error again and again, some of them killed: ``FOLDER SECONDS ERRORS END``.

:func:`an_hour_of_errors` runs them one after the other, and one more when the hour is over, and returns what each sink
was told.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from busway import Delivery
from busway.contracts.clock import SystemClock
from busway.contracts.events import Event
from busway.events.manager import EventManager
from busway.events.policy import EventPolicy, Route
from busway.metrics.registry import Metrics
from busway.redaction.redactor import Redactor
from busway.stores.state import StateStore

__all__ = ["SINKS", "an_hour_of_errors"]

SINKS = ("email", "chat", "pager")
"""Told everything; by digests alone; at once again after ten minutes, but of another job."""
ROUTES = {
    "email": Route(categories=frozenset({"digest"})),
    "chat": Route(categories=frozenset({"digest"}), first=False),
    "pager": Route(categories=frozenset({"digest"}), jobs=frozenset({"vehicles"}), repeat_seconds=600),
}
HOUR = 3_600


class Later(SystemClock):
    """The clock of the system, and so many seconds."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds

    def now_ns(self) -> int:  # type: ignore[override]
        return SystemClock.now_ns() + self._seconds * 10**9


class Inbox:
    """Notes what it is told in a file."""

    receives = frozenset({"events", "digests"})

    def __init__(self, file: Path) -> None:
        self._file = file

    def deliver(self, events: list[Event]) -> Delivery:
        lines = [json.dumps({"event_id": one.event_id, **one.attributes}) + "\n" for one in events]
        with self._file.open("a") as stream:
            stream.write("".join(lines))
        return Delivery.done(events)

    def close(self) -> None: ...


def main(folder: Path, seconds: int, errors: int, end: str) -> None:
    state = StateStore(folder)
    events = EventManager.open(
        folder,
        sinks=[(name, Inbox(folder / name)) for name in SINKS],
        redactor=Redactor(),
        clock=Later(seconds),
        metrics=Metrics(),
        state=state,
        policy=EventPolicy(digest_seconds=HOUR, routes=ROUTES),
    )
    events.start_sync("employees")
    for number in range(errors):
        events.log_error("validation", "employee", str(number), f"employee {seconds}{number} has no site")
    if end == "dies":
        sys.stdout.write("emitted\n")
        sys.stdout.flush()
        sys.stdin.readline()
    events.send_due_notifications()
    events.flush(30)
    events.close(5)
    state.close()


def an_hour_of_errors(folder: Path, processes: int, errors: int, seed: int) -> dict[str, list[dict[str, Any]]]:
    """By sink the digests it was told, each once, in order; every second process is killed when it has emitted."""
    dice = random.Random(seed)
    for number in range(processes):
        end = "dies" if number % 2 else "ends"
        process = _start(folder, number * HOUR // (processes + 1), errors, end)
        if end == "dies":
            assert process.stdout is not None
            assert process.stdout.readline() == "emitted\n"
            try:  # somewhere in counting, telling and delivering
                process.wait(dice.uniform(0, 0.3))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
        process.communicate(timeout=120)
    _start(folder, HOUR + 60, 0, "ends").communicate(timeout=120)
    return {name: _told(folder / name) for name in SINKS}


def _start(folder: Path, seconds: int, errors: int, end: str) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, str(folder), str(seconds), str(errors), end]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _told(file: Path) -> list[dict[str, Any]]:
    lines = file.read_text().splitlines() if file.exists() else []
    return list({told["event_id"]: told for told in map(json.loads, lines) if "kind" in told}.values())


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
