"""The books of two sinks over random schedules of faults in real processes: kills, hangs, errors, rejections, a full
disk, forks, a clock that jumps. Run by ``events.py``; arguments: schedules.

Each process notes outside of itself how many events it has emitted, where a kill leaves it; a last, healthy process
delivers what is left, and its books have to agree with all the notes. Two tests do the same all the time, with fewer
processes: ``tests/unit/test_events_dispatcher_books.py`` and ``tests/faults/test_events_leases_books.py``.
"""

from __future__ import annotations

import json
import mmap
import os
import resource
import signal
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

from events_parts import House, Row, child, folder, said, say, start

from busway.contracts.clock import SystemClock
from busway.contracts.events import Event
from busway.contracts.sinks import Delivery

SCHEDULES, AT_ONCE = 200, 4
BATCH = 7
SINKS = ("one", "two")
MOST_WRITERS = 3
FULL_ROOM = 700
"""Bytes of the journal that are left on the full disk: one event."""


def main(schedules: int) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(schedule, range(schedules)))
    say(f"The books of two sinks over {schedules} random schedules of faults, real processes", list(rows(results)))


def rows(results: list[dict[str, Any]]) -> Iterator[Row]:
    faults: Counter[str] = Counter()
    for one in results:
        faults.update(one["faults"])
    whole = len(results)
    yield "faults", "-", ", ".join(f"{count} x {name}" for name, count in sorted(faults.items()))
    for what in ("balanced", "complete", "accounted"):
        bad = [number for number, one in enumerate(results) if not one[what]]
        text = f"{whole - len(bad)} of {whole}" + (f"; not in schedules {bad[:10]}" if bad else "")
        yield TOLD[what], "all", text
    emitted, again = (sum(one[key] for one in results) for key in ("emitted", "again"))
    yield "events, and deliveries that were repeated", "-", f"{emitted:,}, {again:,}"
    yield "most repeated for each death or hang", f"<= {BATCH}", f"{max(one['again_each'] for one in results):.1f}"


TOLD = {
    "balanced": "emitted = delivered + dead + dropped + pending, each sink",
    "complete": "every event arrived, or is in the books as dropped",
    "accounted": "the books know as many events as were emitted",
}


def schedule(seed: int) -> dict[str, Any]:
    """Runs some processes with faults and a healthy one, and compares."""
    dice = Random(seed)
    with folder() as home:
        writers = dice.randrange(1, MOST_WRITERS + 1)
        for number in range(writers):
            child(__file__, "writes", seed * MOST_WRITERS + number, home, seconds=60)
        books: dict[str, dict[str, Any]] = said(child(__file__, "ends", home, seconds=120))
        notes = [read_note(path) for path in home.glob("*.note")]
        faults = Counter(line for path in home.glob("*.faults") for line in path.read_text().splitlines())
        took = {sink: Counter((home / sink).read_text().splitlines()) for sink in SINKS}
    return compare(books, sum(notes), faults, took)


def compare(
    books: Mapping[str, Mapping[str, Any]], emitted: int, faults: Counter[str], took: Mapping[str, Counter[str]]
) -> dict[str, Any]:
    deaths = faults["kill in a delivery"] + faults["hang"] + faults["kill"] + faults["exit"]
    unfinished = faults["kill in a delivery"]
    """An event may be in the journal whose caller was killed before it could note that."""
    again = max(counts.total() - len(counts) for counts in took.values())
    known = {sink: book["emitted"] - book["dropped"].get("torn", 0) for sink, book in books.items()}
    return {
        "balanced": all(
            book["emitted"] == book["delivered"] + book["dead"] + sum(book["dropped"].values()) + book["pending"]
            for book in books.values()
        ),
        "complete": all(
            len(took[sink]) + book["dropped"].get("journal_full", 0) == known[sink] and not book["pending"]
            for sink, book in books.items()
        ),
        "accounted": all(emitted <= count <= emitted + unfinished for count in known.values()),
        "emitted": emitted,
        "again": again,
        "again_each": again / max(1, deaths),
        "faults": faults,
    }


# ---- In the processes


class Note:
    """A number that stays when its process is killed."""

    def __init__(self, home: Path) -> None:
        path = home / f"{os.getpid()}-{time.monotonic_ns()}.note"
        path.write_bytes(bytes(8))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 8)
        self._number = 0

    def add(self) -> None:
        self._number += 1
        struct.pack_into("<q", self._map, 0, self._number)


def read_note(path: Path) -> int:
    return int(struct.unpack("<q", path.read_bytes())[0])


class JumpingClock(SystemClock):
    """Wall time, and an offset."""

    offset_ns = 0

    def now_ns(self) -> int:
        return time.time_ns() + self.offset_ns


class Receiver:
    """A sink that takes, leaves, rejects, raises, hangs and dies by the dice."""

    batch_size = BATCH

    def __init__(self, name: str, home: Path, fault: Callable[[str], None], dice: Random | None) -> None:
        self._name, self._home, self._fault, self._dice = name, home, fault, dice
        self.may_die = threading.Event()
        self.may_die.set()

    def deliver(self, events: list[Event]) -> Delivery:
        fate = self._dice.random() if self._dice else 1.0
        if fate < 0.06:
            self._fault("error")
            raise ConnectionError
        taken = events[: 1 + int(fate * 100) % len(events)] if fate < 0.2 else events
        rejected = {taken[0].event_id: "no"} if fate < 0.1 else {}
        self._write([event for event in taken if event.event_id not in rejected])
        if rejected:
            self._fault("rejection")
        if 0.2 < fate < 0.23:
            self._fault("hang")
            time.sleep(0.4)
        if fate > 0.98 and self._dice and self.may_die.is_set():
            self._fault("kill in a delivery")
            os.kill(os.getpid(), signal.SIGKILL)
        return Delivery.partial([event for event in taken if event.event_id not in rejected], rejected=rejected)

    def _write(self, events: list[Event]) -> None:
        with (self._home / self._name).open("a") as file:
            file.write("".join(f"{event.event_id}\n" for event in events))

    def close(self) -> None: ...


class Writer:
    """A process that emits, and what befalls it."""

    def __init__(self, seed: int, home: Path) -> None:
        self.dice, self.home, self.clock, self.note = Random(seed), home, JumpingClock(), Note(home)
        self.receivers = {name: Receiver(name, home, self.fault, Random(f"{seed}{name}")) for name in SINKS}
        self.house = House(home / "state", self.receivers, clock=self.clock)
        self.number = 0

    def fault(self, name: str) -> None:
        with (self.home / f"{os.getpid()}.faults").open("a") as file:
            file.write(f"{name}\n")

    def emit(self, count: int) -> None:
        for _ in range(count):
            self.number += 1
            self.house.events.log_update("thing", f"{self.number % 9}", {"number": self.number})
            self.note.add()

    def fork(self) -> None:
        self.fault("fork")
        if (pid := os.fork()) == 0:
            self.note = Note(self.home)
            self.emit(self.dice.randrange(1, 20))
            os._exit(0)
        os.waitpid(pid, 0)

    def jump(self) -> None:
        self.fault("clock jump")
        self.clock.offset_ns += self.dice.randrange(-10_000, 10_000) * 1_000_000_000

    def fill_the_disk(self) -> None:
        """Until some events later; what waits in memory meanwhile would not survive a kill, so there is none."""
        writer = self.house.events._pipeline._writer
        if writer.current is None:
            return
        self.fault("full disk")
        for receiver in self.receivers.values():
            receiver.may_die.clear()
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        size = (self.home / "state" / "journal" / writer.current).stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + FULL_ROOM, resource.RLIM_INFINITY))
        self.emit(self.dice.randrange(5, 40))
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        writer.sync(20)
        assert not writer.waiting
        for receiver in self.receivers.values():
            receiver.may_die.set()

    def end(self) -> None:
        fate = self.dice.random()
        if fate < 0.3:
            self.fault("kill")
            os.kill(os.getpid(), signal.SIGKILL)
        if fate < 0.5:
            self.fault("exit")
            os._exit(0)
        self.house.close(0.5)


def writes(seed: str, home: str) -> None:
    from busway.events import detour, journal

    # No disk is slow here, however busy the machine is: events that wait for one in memory do not survive a kill.
    for module in (journal, detour):
        vars(module).update(SLOW_SECONDS=30.0, VERY_SLOW_SECONDS=30.0)
    writer = Writer(int(seed), Path(home))
    befalls = [writer.fork, writer.jump, writer.fill_the_disk]
    for _ in range(writer.dice.randrange(3, 9)):
        writer.emit(writer.dice.randrange(1, 60))
        writer.dice.choice(befalls)()
        time.sleep(writer.dice.random() * 0.1)
    writer.end()


def ends(home: str) -> None:
    sinks = {name: Receiver(name, Path(home), lambda _: None, None) for name in SINKS}
    with House(Path(home) / "state", sinks) as events:
        for _ in range(20):
            for sink in SINKS:
                events.replay(sink)
            if events.flush(60) and not events.dead_letters():
                break
        print(json.dumps(events.books()), flush=True)


if __name__ == "__main__":
    start(main, SCHEDULES, {"writes": writes, "ends": ends})
