"""Several journals read as one, in the order in which things happened."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping

from busway.events.journal_reader import JournalFolder, Line

__all__ = ["in_order"]


def in_order(folder: JournalFolder, files: Iterable[str], offsets: Mapping[str, int]) -> Generator[Line, None, None]:
    """The lines of ``files`` from ``offsets`` on by their time; lines of one file always stay in their order.

    Without this, what two processes did to one record would be told file by file. A file is opened when the first
    event that can be in it is due (its name says when it was begun), so a long row of files is not opened at once.
    """
    waiting = deque(files)
    heap: list[tuple[int, int, Line, Iterator[Line]]] = []
    number = 0
    while heap or waiting:
        while waiting and (not heap or _begun(waiting[0]) <= heap[0][0]):
            file, number = waiting.popleft(), number + 1
            lines = folder.lines(file, offsets.get(file, 0))
            if (first := next(lines, None)) is not None:
                heapq.heappush(heap, (_time(first, 0), number, first, lines))
        if not heap:
            return
        at, place, line, lines = heap[0]
        yield line
        if (following := next(lines, None)) is None:
            heapq.heappop(heap)
        else:
            heapq.heapreplace(heap, (_time(following, at), place, following, lines))


def _time(line: Line, before: int) -> int:
    """When it happened; never before the line in front of it, so that a clock set back does not change their order."""
    at = line.record.get("timestamp") if line.record else None
    return max(at, before) if isinstance(at, int) else before


def _begun(file: str) -> int:
    start = file.partition("-")[0]
    return int(start) if start.isdigit() else 0
