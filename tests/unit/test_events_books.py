"""The books of every sink balance exactly, whatever happens to the journals in between."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

from hypothesis import given, settings
from hypothesis import strategies as st

from builders.sink_bench import memory_folder
from busway.contracts.clock import SystemClock
from busway.events.books import Books, keep_books
from busway.events.journal import JournalWriter
from busway.events.journal_reader import JournalFolder
from busway.events.policy import EventPolicy
from busway.events.ring import Ring
from busway.events.sweep import sweep_journals
from busway.metrics.registry import Counter
from busway.stores.sink_counts import CLOSED
from busway.stores.state import StateStore

SINKS = {"one": frozenset({"events"}), "two": frozenset({"events"}), "people": frozenset({"digests", "events"})}
STEPS = ("emit", "emit many", "emit error", "read", "disk full", "disk works", "kill", "tear", "sweep", "retention")
schedules = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 5)), min_size=1, max_size=16)


class World:
    """Two processes that write, three sinks that read, and a disk."""

    def __init__(self, folder: Path) -> None:
        self.state = StateStore(folder)
        self.folder = JournalFolder(folder / "journal")
        self.full = False
        self.emitted = self.torn = self.gone = 0
        self.number = 0
        self.writers = [self.writer(), self.writer()]

    def writer(self) -> JournalWriter:
        # Without threads, so that a schedule always goes the same way.
        return JournalWriter(
            self.folder.path,
            SystemClock(),
            segment_bytes=150,
            write=self.write,
            ring=Ring(max_entries=6),
            threads=False,
        )

    def write(self, descriptor: int, data: bytes) -> int:
        if self.full:
            # Half of it fits: what was begun has to be taken back.
            if len(data) > 40 and self.number % 2:
                return os.write(descriptor, data[:20])
            raise OSError(errno.ENOSPC, "full")
        return os.write(descriptor, data)

    def emit(self, place: int, severity: int = 9) -> None:
        self.number += 1
        category = "digest" if self.number % 7 == 0 else "change"
        record = b'{"event_id":"e%d","category":"%s"}' % (self.number, category.encode())
        line = b"%08x %b\n" % (crc32(record), record)
        self.writers[place % 2].append_line(line, Counter(), severity)
        self.emitted += 1

    def read(self, number: int) -> None:
        """A sink delivers a few events, and commits that."""
        sink = list(SINKS)[number % 3]
        offsets = self.state.cursors.of(sink)
        left = number + 1
        for file in self.folder.files():
            for line in self.folder.lines(file, offsets.get(file, 0)):
                if not left:
                    return
                left -= 1
                digest = line.record is not None and line.record["category"] == "digest"
                outcome = f"dropped:{line.fault}" if line.fault else "delivered"
                with self.state.transaction():
                    self.state.cursors.advance(sink, {file: line.end})
                    if not digest or "digests" in SINKS[sink]:
                        self.state.sink_counts.add(sink, file, {outcome: 1})

    def kill(self, place: int, *, tear: bool = False) -> None:
        """The process is gone: what was in memory is lost, and nobody ever knows of it."""
        writer = self.writers[place % 2]
        current = writer.current
        self.gone += writer.waiting + writer.dropped["journal_full"]
        for file in writer._files.take_all():
            file.close()
        if tear and current is not None:
            with (self.folder.path / current).open("ab") as stream:
                stream.write(b"0000abcd {half")
            self.torn += 1
        self.writers[place % 2] = self.writer()

    def end(self, place: int) -> None:
        """The process ends as it should, and puts its losses into the books of the installation."""
        writer = self.writers[place]
        writer.close(0.0)
        lost = dict(writer.dropped)
        for sink in SINKS if lost else ():
            counts = {"emitted": sum(lost.values()), **{f"dropped:{why}": count for why, count in lost.items()}}
            self.state.sink_counts.add(sink, CLOSED, counts)
        writer.dropped.clear()

    def sweep(self, policy: EventPolicy | None = None) -> None:
        # Each process sweeps; only the writer of a full file may delete it while it lives.
        for writer in self.writers:
            sweep_journals(self.folder, self.state, SINKS, lambda: None, policy=policy, own=writer)

    def step(self, what: str, number: int) -> None:
        if what.startswith("emit"):
            for _ in range(8 if what == "emit many" else 1):
                self.emit(number, 17 if what == "emit error" else 9)
        elif what == "read":
            self.read(number)
        elif what.startswith("disk"):
            self.full = what == "disk full"
        elif what in ("kill", "tear"):
            self.kill(number, tear=what == "tear")
        else:
            self.sweep(EventPolicy(retention_bytes=200 * number + 1) if what == "retention" else None)

    def books(self) -> Iterator[tuple[str, Books]]:
        lost = sum(writer.dropped["journal_full"] for writer in self.writers)
        waiting = sum(writer.waiting for writer in self.writers)
        for sink, receives in SINKS.items():
            with self.state.snapshot():
                read = self.state.cursors.of(sink), self.state.sink_counts.of(sink)
            yield sink, keep_books(self.folder, self.folder.files(), receives, read, {"journal_full": lost}, waiting)

    def check(self) -> None:
        for sink, books in self.books():
            assert books.balanced, (sink, books)
            assert min(books.emitted, books.delivered, books.pending, *books.dropped.values()) >= 0, (sink, books)
            if sink == "people":
                assert books.emitted == self.emitted + self.torn - self.gone, books


@settings(max_examples=120, deadline=None)
@given(schedules)
def test_the_books_balance_after_every_step_of_every_schedule(schedule: list[tuple[str, int]]) -> None:
    with memory_folder() as folder:
        world = World(Path(folder) / "state")
        for what, number in schedule:
            world.step(what, number)
            world.check()
        world.full = False
        for place in (0, 1):
            world.end(place)
            world.check()
        for number in range(3):
            for _ in range(60):
                world.read(number + 3)
        world.sweep()
        world.check()
        assert all(books.pending == 0 for _, books in world.books())
        assert world.folder.files() == []
        world.state.close()


def test_what_waits_for_the_disk_is_pending() -> None:
    books = keep_books(JournalFolder(Path("/nowhere")), [], SINKS["one"], ({}, {"delivered": 2, "emitted": 2}), {}, 3)
    assert books == Books(5, 2, pending=3)
    assert books.balanced
    assert not Books(5, 2).balanced
