"""Follows the journals of a state folder while they are written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from busway.events.journal_reader import JournalFolder

__all__ = ["Follower"]


class Follower:
    """Gives every event that is journalled from its creation on, of whatever process."""

    def __init__(self, folder: JournalFolder) -> None:
        self._folder = folder
        self._offsets = {file: folder.size(file) for file in folder.files()}

    def news(self) -> list[dict[str, Any]]:
        """Records since the last call, in the order of their times. A line that is not finished comes next time."""
        found = [record for file in self._folder.files() for record in self._read(file)]
        return sorted(found, key=lambda record: int(record.get("timestamp") or 0))

    def _read(self, file: str) -> Iterator[dict[str, Any]]:
        start = self._offsets.get(file, 0)
        if self._folder.size(file) <= start:
            return
        for line in self._folder.lines(file, start):
            self._offsets[file] = line.end
            if line.record is not None:
                yield line.record
