"""The journal: every event is appended here first, in the caller, and that is all the caller waits for.

A process writes to files of its own, ``<start-ns>-<pid>.jsonl``, one after the other, and holds the lock of each
until it is closed: that is how others know that nothing will be added any more, also where process ids are reused or
not visible.

The write is made by the caller because only then is the event there when the process is killed a moment later. That
is safe as long as the disk takes it at once. When writes take longer than a few milliseconds or fail, lines take a
detour through a bounded ring, and the thread beside the journal writes them, until the disk has been quick for a
while.
"""

from __future__ import annotations

import collections
import os
import threading
import weakref
from pathlib import Path
from time import monotonic
from typing import Any

from busway.contracts.clock import Clock
from busway.contracts.events import Severity
from busway.events.detour import SLOW_SECONDS, Detour
from busway.events.journal_file import SUFFIX, JournalFile, PartlyWrittenError, Write
from busway.events.journal_files import JournalFiles
from busway.events.journal_line import encode_line
from busway.events.keeper import Keeper
from busway.events.policy import EventPolicy
from busway.events.ring import Ring
from busway.events.sync_group import GROUP_SECONDS, SyncGroup
from busway.metrics.registry import Counter, Metrics

__all__ = ["SUFFIX", "JournalWriter"]

SEGMENT_BYTES = EventPolicy().segment_bytes
SYNC_WAIT_SECONDS = 0.02
"""A caller waits no longer until an error is safe from a power failure."""
CLOSE_SECONDS = 1.0
FORK_SECONDS = 0.05
INFO, ERROR = int(Severity.INFO), int(Severity.ERROR)
FULL = "journal_full"

_writers: weakref.WeakSet[JournalWriter] = weakref.WeakSet()
_held: dict[int, list[threading.Lock | threading.Condition]] = {}
"""By the thread that forks."""


class JournalWriter:
    """Appends events to this process's journal files, the first of which is created by the first event.

    Safe to use from many threads; a forked child goes on in a file of its own, without a thread. What the disk does
    is never raised: the job that is being told about matters more than the telling. What could not be kept is counted
    in :attr:`dropped`.

    :param ring: for lines that wait for the disk.
    :param write: in place of ``os.write``, for tests.
    :param threads: whether a thread may be started.
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        metrics: Metrics | None = None,
        ring: Ring | None = None,
        write: Write = os.write,
        threads: bool = True,
    ) -> None:
        self.dropped: collections.Counter[str] = collections.Counter()
        """Events that could not be kept until the disk took them, by reason: ``journal_full``."""
        self._metrics = metrics or Metrics()
        self._lock = threading.Lock()
        """Who has it may write."""
        self._files = JournalFiles(folder, clock, segment_bytes, write)
        self._group = SyncGroup(self._lock)
        self._detour = Detour(self._write_many, self._lock, self._lose, Ring() if ring is None else ring)
        self._tending = threading.Lock()
        self._keeper = Keeper(self._tend, allowed=threads)
        _writers.add(self)

    @property
    def files(self) -> list[str]:
        """Names of the files this process has written and not released, oldest first."""
        return self._files.names

    @property
    def current(self) -> str | None:
        """Name of the file being written; ``None`` before the first event."""
        file = self._files.current
        return None if file is None else file.name

    @property
    def finished(self) -> list[str]:
        """Files nothing is added to any more; they stay locked until :meth:`release`."""
        return list(self._files.finished)

    @property
    def waiting(self) -> int:
        """Lines that wait for the disk."""
        return len(self._detour)

    @property
    def sync_failures(self) -> int:
        """Times the disk would not confirm a sync; the events are written, but a power failure may take them."""
        return self._group.failures

    def append(self, record: dict[str, Any], counter: Counter, *, sync: bool = False) -> bool:
        """:meth:`append_line` for a redacted record; with ``sync`` it is as urgent as an error."""
        return self.append_line(encode_line(record), counter, ERROR if sync else INFO)

    def append_line(self, line: bytes, counter: Counter, severity: int) -> bool:
        """Writes one line; True when it is in the file, False when it waits for the disk or was dropped.

        :param counter: counts it, under a lock that a fork waits for: a child never inherits it half counted.
        :param severity: from ``ERROR`` on it is made safe from a power failure at once, not within 50 ms.
        """
        counted = written = False
        # Not longer: another thread's write may stand still, or this is a signal handler inside of one.
        if not self._detour.open and self._lock.acquire(True, SLOW_SECONDS):
            try:
                if not self._detour.open:
                    counter.add()
                    counted = True
                    written = self._write_one(line)
            finally:
                self._lock.release()
        if not written:
            written = self._go_round(line, severity, None if counted else counter)
        if severity >= ERROR and written and not self._detour.stalled:
            self._sync_soon()
        return written

    def sync(self, seconds: float = CLOSE_SECONDS) -> None:
        """Makes everything emitted so far safe from a power failure, or gives up waiting for that."""
        until = monotonic() + seconds
        self._wait_for_detour(until)
        if not self._group.events:
            return
        ticket = self._group.ask()
        if not self._keeper.wake():
            self._group.sync()
        elif not self._group.wait(ticket, _left(until)):
            self._detour.stalled = True

    def release(self, file: str) -> None:
        """Gives a finished file back: its lock goes, and whoever sweeps may delete it."""
        with self._lock:
            found = self._files.take(file)
        if found is not None:
            self._group.close([found], CLOSE_SECONDS)

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Waits for the disk to take what waits for it, drops the rest, and lets go of the files.

        A later event starts a new one. A write or a sync that hangs keeps its file: closing it would wait as well.
        """
        until = monotonic() + seconds
        self.sync(seconds)
        self._keeper.end(_left(until))
        self._detour.drop_all()
        if self._lock.acquire(timeout=_left(until)):
            try:
                files = self._files.take_all()
                self._group.taken()
            finally:
                self._lock.release()
            self._group.close(files, _left(until))

    def _write_one(self, line: bytes) -> bool:
        """The caller's own write, with the lock held; False when the disk does not take it."""
        started = monotonic()
        try:
            file = self._files.append(line)
        except OSError:
            self._detour.begin()
            return False
        seconds = monotonic() - started
        if seconds > SLOW_SECONDS or self._detour.slow:
            self._detour.judge(seconds)
        group = self._group
        group.events += 1
        if group.events >= group.tell_at or file is not group.file:
            group.gather(file)
            if not self._keeper.wake():
                self._sync_here()
        return True

    def _sync_here(self) -> None:
        """Where there is no thread, with the lock held."""
        self._group.tell_at = 1
        if self._group.due_seconds() == 0:
            self._group.sync_files(self._group.taken())

    def _write_many(self, lines: bytes, count: int) -> None:
        with self._lock:
            try:
                file = self._files.append(lines)
            except PartlyWrittenError:
                self._gather(self._files.current, 1)  # there is something to sync, however many lines it is
                raise
            self._gather(file, count)

    def _gather(self, file: JournalFile | None, count: int) -> None:
        if file is not None:
            self._group.events += count
            self._group.gather(file)

    def _go_round(self, line: bytes, severity: int, counter: Counter | None) -> bool:
        """By the detour; True when the line is in the file."""
        entry = self._detour.put(line, severity, counter)
        if self._keeper.wake():
            self._detour.wait(entry)
        else:
            self._tend_here()
        return entry.kept is True

    def _wait_for_detour(self, until: float) -> None:
        if not len(self._detour):
            return
        if self._keeper.wake():
            self._detour.wait_for_all(until)
        else:
            self._tend_here(at_once=True)

    def _lose(self, count: int) -> None:
        if count:
            self.dropped[FULL] += count
            told = "Events dropped because the disk did not take them."
            self._metrics.counter("busway_journal_dropped_total", told).add(count)

    def _sync_soon(self) -> None:
        if monotonic() - self._group.done_at >= GROUP_SECONDS:
            self.sync(SYNC_WAIT_SECONDS)
        # Else the group that is being gathered is as good: many errors share a sync.

    def _tend(self) -> float | None:
        """The work of the thread; the seconds after which there is more, if there is."""
        pause = self._detour.drain()
        if self._group.due_seconds() == 0:
            self._group.sync()
            self._detour.stalled = False
        pauses = [one for one in (pause, self._group.due_seconds()) if one is not None]
        return min(pauses) if pauses else None

    def _tend_here(self, *, at_once: bool = False) -> None:
        """What the thread would do, where there is none; by one caller at a time."""
        if self._tending.acquire(blocking=False):
            try:
                self._detour.drain(at_once=at_once)
            finally:
                self._tending.release()

    def _continue_in_child(self) -> None:
        """The child starts from nothing; what the parent has written and dropped is in the parent's books."""
        files = self._files
        for file in files.take_all():
            file.abandon()
        JournalWriter.__init__(
            self,
            files.folder,
            files.clock,
            segment_bytes=files.segment_bytes,
            metrics=self._metrics,
            ring=self._detour.ring.empty(),
            write=files.write,
            threads=False,
        )


def _left(until: float) -> float:
    return max(0.0, until - monotonic())


def _before_fork() -> None:
    """No thread may be inside an append while the process is copied; one that the disk holds is not waited for."""
    held = _held.setdefault(threading.get_ident(), [])
    for writer in list(_writers):
        for lock in (writer._lock, writer._detour.settled):
            if lock.acquire(timeout=FORK_SECONDS):
                held.append(lock)


def _after_fork_in_parent() -> None:
    for lock in reversed(_held.pop(threading.get_ident(), [])):
        lock.release()


def _after_fork_in_child() -> None:
    _held.clear()
    for writer in list(_writers):
        writer._continue_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
