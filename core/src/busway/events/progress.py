"""How far one sink has come: its cursors and its counts, moved together."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from busway.stores.dead_letters import DeadLetter
from busway.stores.file_lock import file_lock
from busway.stores.state import StateStore
from busway.stores.state_dir import LOCKS

__all__ = ["MemoryProgress", "Progress", "Settled", "StoredProgress"]


@dataclass(slots=True)
class Settled:
    """Events that need no more work, from the front of what was read."""

    offsets: dict[str, int] = field(default_factory=dict)
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    """File to outcome to number."""
    dead: list[DeadLetter] = field(default_factory=list)

    def add(self, file: str, end: int, outcome: str) -> None:
        """One more line; ``outcome`` is empty for one that was not meant for the sink."""
        self.offsets[file] = end
        if outcome:
            self.counts.setdefault(file, Counter())[outcome] += 1


class Progress(Protocol):
    """Where a worker keeps its place."""

    def turn(self) -> AbstractContextManager[bool]:
        """The right to deliver to this sink, for the block; yields False when another process has it."""
        ...

    def read(self) -> tuple[dict[str, int], Mapping[str, int]]:
        """Offsets by file, and counts by outcome, of one and the same moment."""
        ...

    def commit(self, settled: Settled) -> None:
        """Moves on, all of it or nothing."""
        ...


class StoredProgress:
    """For sinks of the whole installation: kept in ``state.db``, with an OS lock that says whose turn it is."""

    def __init__(self, state: StateStore, sink: str) -> None:
        self._state = state
        self._sink = sink
        self._lock: Path = state.state_dir / LOCKS / f"sink-{sink}.lock"

    def turn(self) -> AbstractContextManager[bool]:
        """See :class:`Progress`."""
        return file_lock(self._lock, wait=False)

    def read(self) -> tuple[dict[str, int], Mapping[str, int]]:
        """See :class:`Progress`."""
        with self._state.snapshot():
            return self._state.cursors.of(self._sink), self._state.sink_counts.of(self._sink)

    def commit(self, settled: Settled) -> None:
        """See :class:`Progress`."""
        with self._state.transaction():
            self._state.cursors.advance(self._sink, settled.offsets)
            for file, counts in settled.counts.items():
                self._state.sink_counts.add(self._sink, file, counts)
            if settled.dead:
                self._state.dead_letters.add(settled.dead)


class MemoryProgress:
    """For sinks of this process only: nobody else will ever go on where it stopped. Dead letters are stored."""

    def __init__(self, state: StateStore) -> None:
        self._state = state
        self._lock = threading.Lock()
        self._offsets: dict[str, int] = {}
        self._counts: Counter[str] = Counter()

    def turn(self) -> AbstractContextManager[bool]:
        """See :class:`Progress`."""
        return nullcontext(True)

    def read(self) -> tuple[dict[str, int], Mapping[str, int]]:
        """See :class:`Progress`."""
        with self._lock:
            return dict(self._offsets), dict(self._counts)

    def commit(self, settled: Settled) -> None:
        """See :class:`Progress`."""
        if settled.dead:
            self._state.dead_letters.add(settled.dead)
        with self._lock:
            self._offsets.update(settled.offsets)
            for counts in settled.counts.values():
                self._counts.update(counts)
