"""Lines that wait for a disk that is slow or full: bounded, and what matters most is kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

__all__ = ["Entry", "Ring"]

MAX_ENTRIES = 10_000
MAX_BYTES = 8 * 1024 * 1024


@dataclass(slots=True, eq=False)
class Entry:
    """One line that waits."""

    line: bytes
    severity: int
    number: int
    """Of its arrival."""
    kept: bool | None = None
    """``True`` once it is in the journal, ``False`` once it is dropped."""


class Ring:
    """At most so many lines and so many bytes. Not safe to use from several threads at once.

    When it is full, the oldest of the least severe lines makes room for one that is more severe; any other newcomer
    is dropped.
    """

    def __init__(self, max_entries: int = MAX_ENTRIES, max_bytes: int = MAX_BYTES) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._by_severity: dict[int, deque[Entry]] = {}
        self._arrived = 0
        self._entries = 0
        self._bytes = 0

    def __len__(self) -> int:
        return self._entries

    def put(self, line: bytes, severity: int) -> tuple[Entry, list[Entry]]:
        """The entry of ``line``, and what was dropped for it; that may be the entry itself."""
        self._arrived += 1
        entry = Entry(line, severity, self._arrived)
        dropped: list[Entry] = []
        while self._is_full(len(line)):
            victim = self._least_before(severity)
            if victim is None:
                entry.kept = False
                return entry, [*dropped, entry]
            dropped.append(victim)
        self._by_severity.setdefault(severity, deque()).append(entry)
        self._count(entry, 1)
        return entry, dropped

    def take(self, max_bytes: int) -> list[Entry]:
        """The oldest lines, at least one if there is one; they leave the ring."""
        return list(self._taken(max_bytes))

    def take_all(self) -> list[Entry]:
        """Everything."""
        return self.take(self._bytes) if self._entries else []

    def empty(self) -> Ring:
        """Another one of the same size."""
        return Ring(self._max_entries, self._max_bytes)

    def put_back(self, entries: Iterable[Entry]) -> None:
        """Those that :meth:`take` gave, still the oldest. There is always room for them."""
        for entry in reversed(list(entries)):
            self._by_severity.setdefault(entry.severity, deque()).appendleft(entry)
            self._count(entry, 1)

    def _taken(self, max_bytes: int) -> Iterator[Entry]:
        left = max_bytes
        while waiting := [queue for queue in self._by_severity.values() if queue]:
            queue = min(waiting, key=lambda one: one[0].number)
            if left < max_bytes and len(queue[0].line) > left:
                return
            left -= len(queue[0].line)
            yield self._pop(queue)
            if left <= 0:
                return

    def _least_before(self, severity: int) -> Entry | None:
        levels = [level for level, queue in self._by_severity.items() if queue and level < severity]
        if not levels:
            return None
        entry = self._pop(self._by_severity[min(levels)])
        entry.kept = False
        return entry

    def _is_full(self, more: int) -> bool:
        return self._entries >= self._max_entries or self._bytes + more > self._max_bytes

    def _pop(self, queue: deque[Entry]) -> Entry:
        entry = queue.popleft()
        self._count(entry, -1)
        return entry

    def _count(self, entry: Entry, sign: int) -> None:
        self._entries += sign
        self._bytes += sign * len(entry.line)
