"""One process of a random schedule of faults, see ``event_schedule``: ``FOLDER SEED ROLE PORT LEAP EVENTS``.

A ``writer`` emits, forks, finds its disk full, has its clock set, and meets sinks that hang, refuse and fail; it may
kill itself in a delivery. The ``last`` one delivers what is left, and prints the books.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import sys
import threading
from pathlib import Path

from busway import Delivery
from busway.contracts.clock import SystemClock
from busway.contracts.events import Event
from busway.contracts.settings import Secret
from busway.events import detour, journal
from busway.events.backoff import Backoff
from busway.events.manager import EventManager
from busway.events.worker_parts import WorkerParts
from busway.metrics.registry import Metrics
from busway.redaction.redactor import Redactor
from busway.stores.state import StateStore
from busway_sink_webhook.settings import WebhookSettings
from busway_sink_webhook.sink import WebhookSink

BATCH = 7
RECORDS = 5
CHILDS_EVENTS, FULL = 30, 60
"""Events of a forked child, and while the disk is full."""
SINKS = ("one", "two", "hook")


class Clock(SystemClock):
    offset = 0

    def now_ns(self) -> int:  # type: ignore[override]
        return SystemClock.now_ns() + self.offset


class Receiver:
    """Notes what arrived in a file that all processes share."""

    batch_size = BATCH

    def __init__(self, file: Path, dice: random.Random, *, well: bool) -> None:
        self._file, self._dice, self._well = file, dice, well

    def deliver(self, events: list[Event]) -> Delivery:
        fate = 1.0 if self._well else self._dice.random()
        if fate < 0.1:
            raise ConnectionError
        if fate < 0.115:
            threading.Event().wait(60)
        if fate > 0.985 and not self._well:
            os.kill(os.getpid(), signal.SIGKILL)  # before anything has arrived
        taken = events[: self._dice.randrange(len(events) + 1)] if fate < 0.3 else list(events)
        rejected = {taken.pop().event_id: "no"} if fate < 0.35 and taken else {}
        with self._file.open("a") as stream:
            stream.write("".join(f"{event.entity_id} {event.attributes['details']['n']}\n" for event in taken))
        if fate > 0.97 and not self._well:
            os.kill(os.getpid(), signal.SIGKILL)  # before that is written down
        return Delivery.partial(taken, rejected=rejected)

    def close(self) -> None: ...


class Hook(WebhookSink):
    batch_size = BATCH

    def __init__(self, url: str, seconds: float) -> None:
        super().__init__(WebhookSettings(url=Secret(url), allow_networks=("127.0.0.0/8",), timeout_seconds=seconds))


class Process:
    def __init__(self, folder: Path, dice: random.Random, role: str, port: str, leap: str) -> None:
        well = role == "last"
        hook = Hook(f"http://127.0.0.1:{port}/{role}", 20.0 if well else 0.3)
        self.folder, self.dice, self.clock = folder, dice, Clock()
        self.state = StateStore(folder, self.clock if leap == "leases" else None)
        receivers = [(name, Receiver(folder / name, dice, well=well)) for name in ("one", "two")]
        self.events = EventManager.open(
            folder,
            sinks=[*receivers, ("hook", hook)],
            redactor=Redactor(),
            clock=self.clock,
            metrics=Metrics(),
            state=self.state,
            parts=WorkerParts(
                clock=self.clock,
                backoff=Backoff(0.001, maximum_seconds=0.01),
                delivery_seconds=30.0 if well else 0.5,
            ),
        )

    def write(self, events: int) -> None:
        """The life of a writer."""
        full_at = self.dice.randrange(events) if self.dice.random() < 0.5 else -FULL
        waiting = self.events._pipeline._writer
        for number in range(events):
            self._emit(number)
            if number == full_at:
                self._disk(max(path.stat().st_size for path in (self.folder / "journal").iterdir()) + 300)
            elif number == full_at + FULL:
                self._disk(resource.RLIM_INFINITY)
                waiting.sync(10)
            if number % 20 == 19:
                self._look()
                if not waiting.waiting:
                    tell(number + 1)
                self.clock.offset = self.dice.randrange(-(10**11), 10**11)
            if number == events // 3 and os.fork() == 0:
                for child in range(CHILDS_EVENTS):
                    self._emit(child)
                os._exit(0)
        self._disk(resource.RLIM_INFINITY)
        self.events.flush(1.0)
        if self.dice.random() < 0.5:
            os._exit(0)
        self.events.close(1.0)

    def finish(self) -> None:
        """Delivers what is left, dead letters too, and tells."""
        died: set[tuple[str, str]] = set()
        for _ in range(20):
            for letter in self.events.dead_letters():
                number = letter.event["attributes"]["details"]["n"]
                died.add((letter.sink, f"{letter.event['entity_id']} {number}"))
            for sink in SINKS:
                self.events.replay(sink)
            if self.events.flush(30) and not self.events.dead_letters():
                break
        tell(json.dumps({"books": self.events.books(), "died": sorted(died)}))
        self.events.close(5)
        self.state.close()

    def _emit(self, number: int) -> None:
        self.events.log_creation("thing", f"{os.getpid()}-{number % RECORDS}", {"n": number})

    def _disk(self, room: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))

    def _look(self) -> None:
        """The books agree at any moment, whatever others are at."""
        if self.dice.random() < 0.3:
            for sink, book in self.events.books().items():
                known = book["delivered"] + book["dead"] + sum(book["dropped"].values()) + book["pending"]
                if book["emitted"] != known:
                    with (self.folder / "unbalanced").open("a") as stream:
                        stream.write(f"{os.getpid()} {sink} {book}\n")


def tell(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def main() -> None:
    # No disk is slow here, however busy the machine is: events that wait for one in memory do not survive a kill.
    journal.SLOW_SECONDS = detour.SLOW_SECONDS = 30.0
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    folder, seed, role, port, leap, events = sys.argv[1:]
    process = Process(Path(folder), random.Random(int(seed)), role, port, leap)
    process.finish() if role == "last" else process.write(int(events))


if __name__ == "__main__":
    main()
