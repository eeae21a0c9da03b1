"""Random schedules of faults for processes that share a state folder: each is killed, forks, finds its disk full, has
its clock set, and meets sinks that hang, refuse, fail and answer 5xx. All of it is real but the size of the disk.

:func:`run_schedule` runs one and returns what became of it; :meth:`Outcome.check` says what has to hold.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from builders.scheduled_process import BATCH, SINKS
from busway.stores.state import StateStore

__all__ = ["Outcome", "run_schedule"]

WRITERS = 3
SCRIPT = Path(__file__).with_name("scheduled_process.py")


class Hook(ThreadingHTTPServer):
    """A receiver of webhooks in any mood; the path says who asks, and the last one is always served."""

    daemon_threads = True

    def __init__(self, seed: int) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.dice = random.Random(seed)
        self.lines: list[str] = []
        self.mutex = threading.Lock()
        self.ended = threading.Event()
        self.broken = 0
        """Requests that were not finished: their clients gave up or were killed."""

    def handle_error(self, request: object, client_address: object) -> None:
        self.broken += 1


class Answers(BaseHTTPRequestHandler):
    server: Hook
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with self.server.mutex:
            fate = 1.0 if self.path == "/last" else self.server.dice.random()
            if fate >= 0.25 or fate < 0.02:
                data = body["data"]
                self.server.lines += [f"{one['entity_id']} {one['attributes']['details']['n']}" for one in data]
        if fate < 0.04:  # with or without having taken it
            self.server.ended.wait(5)
            self.close_connection = True
            return
        status = 200 if fate >= 0.25 else self.server.dice.choice([500, 502, 503, 429])
        self.send_response(status)
        if status in (503, 429):
            self.send_header("retry-after", "0.05")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """It is not told."""


@dataclass
class Outcome:
    """What became of one schedule."""

    books: dict[str, dict[str, Any]]
    took: dict[str, list[str]]
    """By sink, ``RECORD NUMBER`` of every event in the order in which they arrived, repeats included."""
    died: set[tuple[str, str]]
    """Sink and event: dead letters, which the last process had delivered after all, behind what came later."""
    said: dict[str, int]
    """By process, how many events it had emitted before its end, at least."""
    leap: bool
    """The clock of the leases jumps, too."""

    def check(self) -> None:
        """Nothing is lost, the books are exact, the order of each record holds, and little is repeated."""
        whole = {name: set(lines) for name, lines in self.took.items()}
        assert whole["one"] == whole["two"] == whole["hook"]
        count = len(whole["one"])
        # A process that is killed between a short write to a full disk and taking that back leaves half a line.
        torn = self.books["one"]["dropped"].get("torn", 0)
        assert torn <= WRITERS
        dropped = {"torn": torn} if torn else {}
        book = {"emitted": count + torn, "delivered": count, "dead": 0, "dropped": dropped, "pending": 0}
        assert self.books == dict.fromkeys(SINKS, book), (count, self.books)
        self._no_gap(whole["one"])
        for name, lines in self.took.items():
            self._in_order([line for line in lines if (name, line) not in self.died])
            repeats = len(lines) - len(whole[name])
            # One batch for each process that dies or is taken over; a webhook may arrive each time its answer does not.
            assert self.leap or name == "hook" or repeats <= BATCH * WRITERS * 2, (name, repeats)

    def _no_gap(self, lines: set[str]) -> None:
        numbers: dict[str, set[int]] = {}
        for line in lines:
            record, number = line.split()
            numbers.setdefault(record.partition("-")[0], set()).add(int(number))
        for pid, found in numbers.items():
            assert found == set(range(len(found))), "no gap"
            assert len(found) >= self.said.get(pid, 0), "what was emitted before the end is there"

    @staticmethod
    def _in_order(lines: list[str]) -> None:
        last: dict[str, int] = {}
        for line in dict.fromkeys(lines):  # a repeat is not a first time
            record, number = line.split()
            assert int(number) > last.get(record, -1), f"{line} came behind {last[record]}"
            last[record] = int(number)


def run_schedule(folder: Path, seed: int, events: int = 400) -> Outcome:
    """One schedule: three processes with faults, and a last one without, which delivers what is left.

    :param events: of each process that is not killed before.
    """
    dice, leap = random.Random(seed), bool(seed % 2)
    StateStore(folder).close()
    with _hook(seed) as hook:
        ask = (str(hook.server_port), "leases" if leap else "events", str(events))
        writers = [_start(folder, seed * 10 + number, "writer", *ask) for number in range(WRITERS)]
        said = {
            str(process.pid): _emitted_until_its_end(process, dice.randrange(1, events // 13)) for process in writers
        }
        last = _start(folder, seed, "last", *ask)
        out, _ = last.communicate(timeout=300)
        took = {name: (folder / name).read_text().splitlines() for name in ("one", "two")}
        told = json.loads(out)
        unbalanced = folder / "unbalanced"
        assert not unbalanced.exists(), unbalanced.read_text()
        died = {(sink, line) for sink, line in told["died"]}
        return Outcome(told["books"], {**took, "hook": hook.lines}, died, said, leap)


@contextmanager
def _hook(seed: int) -> Iterator[Hook]:
    with Hook(seed) as hook:
        thread = threading.Thread(target=hook.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield hook
        finally:
            hook.ended.set()
            hook.shutdown()
            thread.join(10)


def _start(folder: Path, seed: int, role: str, *ask: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "ignore::DeprecationWarning", str(SCRIPT), str(folder), str(seed), role, *ask]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)


def _emitted_until_its_end(process: subprocess.Popen[str], most: int) -> int:
    """How many events it had emitted, at least, when it ended, or was killed after it had said so ``most`` times."""
    assert process.stdout is not None
    said = 0
    for count, line in enumerate(process.stdout):
        said = int(line)
        if count >= most:
            process.send_signal(signal.SIGKILL)
    process.wait(300)
    process.stdout.close()
    return said
