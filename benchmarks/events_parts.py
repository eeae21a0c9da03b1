"""What the parts of ``events.py`` share: events, a manager with its real parts, receivers, processes, tables."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any

from busway.contracts.clock import Clock, SystemClock
from busway.contracts.events import Event
from busway.contracts.sinks import Delivery, EventSink
from busway.events.journal_reader import JournalFolder
from busway.events.manager import EventManager
from busway.events.policy import EventPolicy
from busway.metrics.registry import Metrics
from busway.redaction.engine import Engine
from busway.redaction.redactor import Redactor
from busway.stores.state import StateStore
from busway.stores.state_dir import JOURNAL

__all__ = [
    "SECRETS",
    "House",
    "Receive",
    "Receiving",
    "Row",
    "ToFile",
    "attributes",
    "child",
    "event",
    "folder",
    "ids_in",
    "journalled",
    "median",
    "ratio",
    "said",
    "say",
    "start",
    "wait_until",
]

Row = tuple[str, str, str]
"""What, goal, measured."""
Receive = Callable[[Sequence[Mapping[str, Any]]], None]
"""What a sink does with some events."""

SECRETS = [f"synthetic-secret-{Random(number).getrandbits(96):024x}" for number in range(15)]
TABLES = ("assets", "employees", "vehicles", "titles", "sites", "work_orders", "meters")
FIELDS = ("label", "site", "status", "since", "owner", "vin", "title", "phase")


def attributes(number: int) -> dict[str, Any]:
    """Eight attributes as a sync job has them; no two events have the same."""
    return {
        "table": TABLES[number % 7],
        "source": "erp",
        "target": "cmms",
        "batch": number // 20,
        "duration_ms": number * 0.75,
        "changed": [FIELDS[number % 8], FIELDS[number // 8 % 8], "status"],
        "site": f"Plant {number * 7919 % 100_003} - North",
        "dry_run": False,
    }


def event(number: int) -> dict[str, Any]:
    """One event of ten fields, about 430 bytes of JSON, for peers: id and time cost them nothing."""
    return {
        "event_id": "01890a5d-ac96-774b-bcce-b302099a8057",
        "seq": number,
        "timestamp": "2026-11-23T10:11:12.123456Z",
        "severity": "info",
        "category": "sync.update",
        "entity_type": "asset",
        "entity_id": f"A-{number:06d}",
        "session_id": "01890a5d-ac96-774b-bcce-b302099a0001",
        "attributes": attributes(number),
        "error": None,
    }


class ToFile:
    """Appends one JSON line for each event, with one write, so that a kill takes nothing that was received."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, events: Sequence[Mapping[str, Any]]) -> None:
        lines = "".join(json.dumps(dict(one), default=list) + "\n" for one in events)
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            os.write(file, lines.encode())
        finally:
            os.close(file)


class Receiving:
    """A sink that hands on what it gets."""

    def __init__(self, receive: Receive, batch_size: int = 100) -> None:
        self._receive = receive
        self.batch_size = batch_size

    def deliver(self, events: list[Event]) -> Delivery:
        self._receive([{"event_id": one.event_id, "entity_id": one.entity_id, **one.attributes} for one in events])
        return Delivery.done(events)

    def close(self) -> None: ...


class House:
    """A manager with real parts: every default pattern, 15 secrets, and no secret among the events.

    It is closed by :meth:`close`, by the end of a ``with`` block, or by nothing at all.
    """

    def __init__(
        self,
        state_dir: Path,
        sinks: Mapping[str, EventSink],
        *,
        engine: Engine = "auto",
        policy: EventPolicy | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._state = StateStore(state_dir)
        self.events = EventManager.open(
            state_dir,
            sinks=list(sinks.items()),
            redactor=Redactor(SECRETS, engine=engine),
            clock=clock or SystemClock(),
            metrics=Metrics(),
            state=self._state,
            policy=policy,
        )

    def __enter__(self) -> EventManager:
        return self.events

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self, seconds: float = 5.0) -> None:
        self.events.close(seconds)
        self._state.close()


@contextmanager
def folder() -> Iterator[Path]:
    """A fresh one, on a disk."""
    with tempfile.TemporaryDirectory(prefix="busway-bench-", ignore_cleanup_errors=True) as path:
        yield Path(path)


def journalled(state_dir: Path) -> list[str]:
    """Entity ids in the journals of a state folder."""
    journals = JournalFolder(state_dir / JOURNAL)
    records = (line.record for file in journals.files() for line in journals.lines(file))
    return [str(record["entity_id"]) for record in records if record is not None and record["entity_id"]]


def ids_in(path: Path) -> list[str]:
    """Entity ids of the lines a ``ToFile`` wrote, or any other pipeline; a torn line has none."""
    found = []
    for line in path.read_text("utf-8", "replace").splitlines() if path.exists() else ():
        at = line.find('"A-')
        if at >= 0 and line.endswith("}"):
            found.append(line[at + 1 : at + 9])
    return found


def child(script: str, *arguments: object, seconds: float = 120.0) -> subprocess.CompletedProcess[str]:
    """A process that runs a part with arguments, to its end; one that takes longer is killed, with return code -9."""
    command = [sys.executable, "-W", "ignore", script, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        try:
            out, err = running.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            running.kill()
            out, err = running.communicate()
    return subprocess.CompletedProcess(command, running.returncode, out, err)


def said(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The JSON that a process printed last. Ends the benchmark when there is none."""
    try:
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        raise SystemExit(f"{done.args} ended with {done.returncode}\n{done.stderr[-2000:]}") from None
    return found


def start(main: Callable[[int], None], rounds: int, modes: Mapping[str, Callable[..., None]]) -> None:
    """Runs a part with the rounds of the command line, or what one of its own processes has to do."""
    arguments = sys.argv[1:]
    if arguments[:1] and arguments[0] in modes:
        modes[arguments[0]](*arguments[1:])
    else:
        main(int(arguments[0]) if arguments else rounds)


def median(values: Sequence[float]) -> float:
    return float(statistics.median(values))


def ratio(own: Sequence[float], other: Sequence[float]) -> float:
    """The median of the ratios, turn by turn."""
    return median([one / two for one, two in zip(own, other, strict=True)])


def say(title: str, rows: Sequence[Row]) -> None:
    """One table, for the script that runs the parts."""
    print(json.dumps({"title": title, "rows": rows}), flush=True)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether it came true in time."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.002)
    return True
