"""The journal: every event is appended here first, in the caller, and that is all the caller waits for.

A process writes to a file of its own, ``<start-ns>-<pid>.jsonl``, and holds the lock of that file while it lives:
that is how others know that nothing will be added any more, also where process ids are reused or not visible.
"""

from __future__ import annotations

import collections
import errno
import os
import threading
import weakref
from pathlib import Path
from typing import Any

from busway.contracts.clock import Clock
from busway.events.journal_line import encode_line
from busway.metrics.registry import Counter
from busway.stores.file_lock import PRIVATE_FILE, lock_descriptor, unlock_descriptor

__all__ = ["JournalWriter"]

SUFFIX = ".jsonl"
SYNC_EVERY_SECONDS = 0.05
"""Errors that follow each other faster than this share an fsync."""
NO_SPACE = frozenset((errno.ENOSPC, errno.EDQUOT))

_writers: weakref.WeakSet[JournalWriter] = weakref.WeakSet()
_held: list[JournalWriter] = []


class JournalWriter:
    """Appends events to this process's journal file, which is created by the first of them.

    Safe to use from many threads; a forked child goes on in a file of its own. A write that fails is counted in
    :attr:`dropped` and never raised: the job that is being told about matters more than the telling.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self.dropped: collections.Counter[str] = collections.Counter()
        """Events that could not be written, by reason: ``disk_full`` or ``io_error``."""
        self.files: list[str] = []
        """Names of the files this process has written, oldest first."""
        self.sync_failures = 0
        """Times the disk would not confirm a sync; the events are written, but a power failure may take them."""
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._size = 0
        self._unsynced = False
        self._synced_at = float("-inf")
        _writers.add(self)

    @property
    def current(self) -> str | None:
        """Name of the file being written; ``None`` before the first event."""
        return self.files[-1] if self._descriptor is not None else None

    def append(self, record: dict[str, Any], counter: Counter, *, sync: bool = False) -> bool:
        """Writes one redacted event with a single append; False when it was dropped.

        :param counter: counts it, under the lock that a fork waits for: a child never inherits it half counted.
        :param sync: make it safe from a power failure too, not only from the end of the process.
        """
        line = encode_line(record)
        with self._lock:
            counter.add()
            try:
                self._write(line)
            except OSError as exc:
                self.dropped["disk_full" if exc.errno in NO_SPACE else "io_error"] += 1
                return False
            self._unsynced = True
            if sync and self._clock.monotonic() - self._synced_at >= SYNC_EVERY_SECONDS:
                self._sync()
        return True

    def sync(self) -> None:
        """Makes everything written so far safe from a power failure."""
        with self._lock:
            self._sync()

    def close(self) -> None:
        """Syncs and lets go of the file; a later event starts a new one."""
        with self._lock:
            self._sync()
            if self._descriptor is not None:
                unlock_descriptor(self._descriptor)
                os.close(self._descriptor)
                self._descriptor = None

    def _write(self, line: bytes) -> None:
        descriptor = self._descriptor
        if descriptor is None:
            descriptor = self._descriptor = self._open()
        written = os.write(descriptor, line)
        if written != len(line):
            os.ftruncate(descriptor, self._size)  # half a line would spoil the next one too
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._size += written

    def _open(self) -> int:
        start, pid = self._clock.now_ns(), os.getpid()
        draft = self._folder / f"{start}-{pid}-{id(self)}.new"
        descriptor = os.open(draft, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
        try:
            # Locked before it gets its name: a file that can be found without a holder is one whose writer is gone.
            lock_descriptor(descriptor, wait=True)
            name = _named(draft, start, pid)
        except BaseException:
            os.close(descriptor)
            raise
        finally:
            draft.unlink(missing_ok=True)
        self.files.append(name)
        self._size = 0
        return descriptor

    def _sync(self) -> None:
        if self._descriptor is None or not self._unsynced:
            return
        self._unsynced, self._synced_at = False, self._clock.monotonic()
        try:
            os.fsync(self._descriptor)
        except OSError:
            self.sync_failures += 1

    def _continue_in_child(self) -> None:
        """The child starts from nothing; what the parent has written and dropped is in the parent's books."""
        if self._descriptor is not None:
            os.close(self._descriptor)  # the parent's copy stays open and keeps the lock
        JournalWriter.__init__(self, self._folder, self._clock)


def _named(draft: Path, start: int, pid: int) -> str:
    """Links the draft to the first free name; a link, unlike a rename, never replaces a file."""
    while True:
        name = f"{start}-{pid}{SUFFIX}"
        try:
            (draft.parent / name).hardlink_to(draft)
        except FileExistsError:
            start += 1
        else:
            return name


def _before_fork() -> None:
    """No thread may be inside an append while the process is copied."""
    _held.extend(_writers)
    for writer in _held:
        writer._lock.acquire()


def _after_fork_in_parent() -> None:
    while _held:
        _held.pop()._lock.release()


def _after_fork_in_child() -> None:
    _held.clear()
    for writer in list(_writers):
        writer._continue_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
