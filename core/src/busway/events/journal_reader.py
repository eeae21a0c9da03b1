"""Reads the journal files of a state folder, of whatever process."""

from __future__ import annotations

import collections
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from busway.events.event_codec import kind_of
from busway.events.journal_file import SUFFIX
from busway.events.journal_line import checked_body, decode_line
from busway.stores.file_lock import is_locked

__all__ = ["JournalFolder", "Line"]

DIGEST = b'"category":"digest"'


@dataclass(frozen=True, slots=True)
class Line:
    """One line of one journal file."""

    file: str
    end: int
    """Byte offset behind it: where a cursor that has read it stands."""
    record: dict[str, Any] | None
    """The event; ``None`` for a line that is no use."""
    fault: str = ""
    """``corrupt`` (checksum) or ``torn`` (its writer died while writing)."""


class JournalFolder:
    """All journal files, oldest first by name."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def files(self) -> list[str]:
        """Names of the files there are."""
        try:
            names = [entry.name for entry in self.path.iterdir() if entry.name.endswith(SUFFIX)]
        except FileNotFoundError:
            return []
        return sorted(names, key=_age)

    def size(self, file: str) -> int:
        """Bytes in ``file``; 0 when it is gone."""
        try:
            return (self.path / file).stat().st_size
        except FileNotFoundError:
            return 0

    def size_and_time(self, file: str) -> tuple[int, int]:
        """Bytes in ``file``, and when the last of them came, nanoseconds since the epoch; zeros when it is gone.

        Never before the file was begun: the clock of its writer may have been ahead of that of the disk.
        """
        try:
            status = (self.path / file).stat()
        except FileNotFoundError:
            return 0, 0
        return status.st_size, max(status.st_mtime_ns, _age(file)[0])

    def writer_is_gone(self, file: str) -> bool:
        """Whether nothing will be added to ``file`` any more."""
        return not is_locked(self.path / file)

    def lines(self, file: str, offset: int = 0) -> Iterator[Line]:
        """Complete lines from ``offset`` on, good or damaged, and the torn tail a dead writer left.

        The unfinished line of a living writer is not there yet.
        """
        for end, raw in self.raw_lines(file, offset):
            record = decode_line(raw)
            yield Line(file, end, record, "" if record is not None else _fault(raw))

    def count(self, file: str, offset: int, end: int) -> collections.Counter[str]:
        """Events between two offsets by kind (``events``, ``digests``), and ``unreadable`` lines."""
        counts: collections.Counter[str] = collections.Counter()
        for position, raw in self.raw_lines(file, offset):
            if position > end:
                break
            counts[_kind(raw)] += 1
        return counts

    def raw_lines(self, file: str, offset: int = 0) -> Iterator[tuple[int, bytes]]:
        """The same lines undecoded, each with the offset behind it; only a torn tail has no newline."""
        try:
            stream = (self.path / file).open("rb")
        except FileNotFoundError:
            return
        with stream:
            stream.seek(offset)
            for raw in stream:
                offset += len(raw)
                if not raw.endswith(b"\n") and not self._is_torn(file, offset):
                    return
                yield offset, raw

    def _is_torn(self, file: str, end: int) -> bool:
        # In this order: a writer that finishes its line and goes in between has made the file longer.
        return self.writer_is_gone(file) and self.size(file) == end


def _fault(raw: bytes) -> str:
    return "corrupt" if raw.endswith(b"\n") else "torn"


def _kind(raw: bytes) -> str:
    if DIGEST in raw:  # rare, and the words may stand inside an attribute: look properly
        record = decode_line(raw)
        return "unreadable" if record is None else kind_of(str(record.get("category")))
    return "unreadable" if checked_body(raw) is None else "events"


def _age(file: str) -> tuple[int, str]:
    start = file.partition("-")[0]
    return (int(start) if start.isdigit() else 0, file)
