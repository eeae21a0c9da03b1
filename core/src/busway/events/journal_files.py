"""The files of the journal that this process writes, one after the other."""

from __future__ import annotations

from pathlib import Path

from busway.contracts.clock import Clock
from busway.events.journal_file import JournalFile, Write

__all__ = ["JournalFiles"]


class JournalFiles:
    """The file that is written, and those that are full. Safe to use by one thread at a time.

    One that is full stays locked until it is released: sinks of this process may not have read it yet, and no other
    process knows how far they are.

    :param segment_bytes: a file of this size is followed by a new one.
    """

    def __init__(self, folder: Path, clock: Clock, segment_bytes: int, write: Write) -> None:
        self.folder = folder
        self.clock = clock
        self.segment_bytes = segment_bytes
        self.write = write
        self.names: list[str] = []
        """Of the files written and not released, oldest first."""
        self.current: JournalFile | None = None
        """Being written; ``None`` before the first line."""
        self.finished: dict[str, JournalFile] = {}
        """Those that are full, by name."""
        self._last_start_ns = 0

    def append(self, lines: bytes) -> JournalFile:
        """Adds whole lines and returns the file they are in. Raises what :meth:`JournalFile.append` raises."""
        file = self.current
        if file is None or file.size >= self.segment_bytes:
            file = self._next()
        file.append(lines)
        return file

    def take(self, name: str) -> JournalFile | None:
        """A finished file, to be closed by the caller; it is not ours any more."""
        file = self.finished.pop(name, None)
        if file is not None:
            self.names.remove(name)
        return file

    def take_all(self) -> list[JournalFile]:
        """Every file, to be closed by the caller. A later line begins a new one."""
        files = [*self.finished.values(), *([self.current] if self.current else [])]
        self.current, self.finished = None, {}
        return files

    def _next(self) -> JournalFile:
        # Also when the clock has jumped back: files are read in the order of their names.
        start_ns = max(self.clock.now_ns(), self._last_start_ns + 1)
        opened = JournalFile(self.folder, start_ns, self.write)
        if self.current is not None:
            self.finished[self.current.name] = self.current
        self.current, self._last_start_ns = opened, start_ns
        self.names.append(opened.name)
        return opened
