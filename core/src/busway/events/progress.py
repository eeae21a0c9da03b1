"""How far one sink has come: its cursors, its counts and its dead letters, moved together."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from busway.events.settled import Settled
from busway.events.sink_turn import SinkTurn, TurnLostError
from busway.stores.cursors import Ahead
from busway.stores.dead_letters import DeadLetter
from busway.stores.sink_counts import CLOSED
from busway.stores.state import StateStore
from busway.stores.state_dir import JOURNAL

__all__ = ["DISCARDED", "WAITING", "MemoryProgress", "Progress", "Settled", "StoredProgress"]

WAITING = "waiting_again"
"""Among the counts: dead letters that are to be delivered once more. They are pending."""
DISCARDED = "dropped:discarded"
"""The outcome of a dead letter that a person gave up."""
FAILURES = "sink_failures"
"""Namespace in the state."""


class Progress(Protocol):
    """Where a worker keeps its place."""

    def turn(self) -> AbstractContextManager[bool]:
        """The right to deliver to this sink, for the block; yields False when another process has it."""
        ...

    def confirm(self) -> None:
        """Raises :class:`TurnLostError` when the turn is not ours any more."""
        ...

    def renew(self) -> None:
        """Extends the turn, if we have it."""
        ...

    def read(self) -> tuple[dict[str, int], Mapping[str, int]]:
        """Offsets by file, and counts by outcome, of one and the same moment."""
        ...

    def ahead(self) -> Iterable[Ahead]:
        """What is settled beyond the offsets."""
        ...

    def again(self, limit: int) -> list[DeadLetter]:
        """Dead letters that are to be delivered once more, in the order in which they happened."""
        ...

    def commit(self, settled: Settled) -> None:
        """Moves on, all of it or nothing. Raises :class:`TurnLostError` when the turn is not ours any more."""
        ...

    def failures(self) -> tuple[int, str]:
        """How often the sink has failed in a row, in whatever process, and why the last time."""
        ...

    def note_failures(self, failures: int, cause: str) -> None:
        """Lets other processes, and the next run, know."""
        ...

    def replay(self, event_ids: Sequence[str] | None) -> int:
        """Lets dead letters be delivered once more: those named, or all; returns how many."""
        ...

    def discard(self, event_ids: Sequence[str] | None) -> int:
        """Gives dead letters up: those named, or all; returns how many."""
        ...


class StoredProgress:
    """For sinks of the whole installation: kept in ``state.db``, with a lease that says whose turn it is."""

    def __init__(self, state: StateStore, sink: str) -> None:
        self._state = state
        self._sink = sink
        self._turn = SinkTurn(state.sink_leases, sink)
        self.turn = self._turn.hold
        self.confirm = self._turn.confirm
        self.renew = self._turn.renew

    def read(self) -> tuple[dict[str, int], Mapping[str, int]]:
        """See :class:`Progress`."""
        with self._state.snapshot():
            counts = self._state.sink_counts.of(self._sink)
            if waiting := self._state.dead_letters.count_waiting(self._sink):
                counts[WAITING] = waiting
            return self._state.cursors.of(self._sink), counts

    def ahead(self) -> Iterable[Ahead]:
        """See :class:`Progress`."""
        return self._state.cursors.ahead(self._sink)

    def again(self, limit: int) -> list[DeadLetter]:
        """See :class:`Progress`."""
        return self._state.dead_letters.waiting(self._sink, limit)

    def commit(self, settled: Settled) -> None:
        """See :class:`Progress`."""
        with self._state.transaction():
            self.confirm()
            self._expect(settled.starts)
            self._state.cursors.advance(self._sink, settled.offsets, settled.ahead)
            for file, counts in settled.counts.items():
                self._state.sink_counts.add(self._sink, file, counts)
            if settled.dead:
                self._state.dead_letters.add(settled.dead)
            if settled.arrived_again or settled.dead_again:
                self._state.dead_letters.arrived(self._sink, settled.arrived_again)
                self._state.dead_letters.bury(settled.dead_again)
                again = {"delivered": len(settled.arrived_again), "dead": len(settled.dead_again)}
                self._state.sink_counts.add(self._sink, CLOSED, again)

    def _expect(self, starts: Mapping[str, int]) -> None:
        """Journals that are too old or too many are deleted, whoever is reading them: what was in hand then is in the
        books as dropped, and must not get into them once more."""
        for file, start in starts.items():
            moved = self._state.cursors.offset(self._sink, file) != start
            if moved or not (self._state.state_dir / JOURNAL / file).exists():
                raise TurnLostError("its journals were given up")

    def failures(self) -> tuple[int, str]:
        """See :class:`Progress`."""
        known = self._state.get(FAILURES, self._sink, {})
        return int(known.get("failures", 0)), str(known.get("cause", ""))

    def note_failures(self, failures: int, cause: str) -> None:
        """See :class:`Progress`."""
        self._state.put(FAILURES, self._sink, {"failures": failures, "cause": cause} if failures else None)

    def replay(self, event_ids: Sequence[str] | None) -> int:
        """See :class:`Progress`."""
        with self._state.transaction():
            count = self._state.dead_letters.revive(self._sink, event_ids)
            self._state.sink_counts.add(self._sink, CLOSED, self._taken_from_the_dead(count))
        return count

    def discard(self, event_ids: Sequence[str] | None) -> int:
        """See :class:`Progress`."""
        with self._state.transaction():
            count = self._state.dead_letters.remove(self._sink, event_ids)
            self._state.sink_counts.add(self._sink, CLOSED, {**self._taken_from_the_dead(count), DISCARDED: count})
        return count

    def _taken_from_the_dead(self, count: int) -> dict[str, int]:
        """Letters from before a time in which the sink was not selected are in no books: they enter them now."""
        known = min(count, self._state.sink_counts.of(self._sink).get("dead", 0))
        return {"dead": -known, "emitted": count - known}


class MemoryProgress:
    """For sinks of this process only: nobody else will ever go on where it stopped. Dead letters are stored.

    One that is delivered once more stays a dead letter until it has arrived, and is pending in the process that was
    asked for it, in whichever it died.
    """

    def __init__(self, state: StateStore, sink: str = "") -> None:
        self._state = state
        self._sink = sink
        self._lock = threading.Lock()
        self._offsets: dict[str, int] = {}
        self._counts: Counter[str] = Counter()
        self._dead: set[str] = set()
        """Ids of the dead letters that are in these counts."""
        self._again: dict[str, DeadLetter] = {}
        self._gone: set[str] = set()
        """Files that were given up."""
        self._failures = 0, ""

    def turn(self) -> AbstractContextManager[bool]:
        """See :class:`Progress`."""
        return nullcontext(True)

    def confirm(self) -> None:
        """Nobody can take the turn away."""

    def renew(self) -> None:
        """Nothing to do."""

    def read(self) -> tuple[dict[str, int], Mapping[str, int]]:
        """See :class:`Progress`."""
        with self._lock:
            waiting = {WAITING: len(self._again)} if self._again else {}
            return dict(self._offsets), {**self._counts, **waiting}

    def ahead(self) -> Iterable[Ahead]:
        """Nothing: it would be gone with the process."""
        return ()

    def again(self, limit: int) -> list[DeadLetter]:
        """See :class:`Progress`."""
        with self._lock:
            return [self._again[event_id] for event_id in sorted(self._again)[:limit]]

    def commit(self, settled: Settled) -> None:
        """See :class:`Progress`."""
        if settled.dead:
            self._state.dead_letters.add(settled.dead)
        if settled.arrived_again or settled.dead_again:
            self._state.dead_letters.arrived(self._sink, settled.arrived_again)
            self._state.dead_letters.bury(settled.dead_again)
        with self._lock:
            if not self._gone.isdisjoint(settled.offsets):
                raise TurnLostError("its journals were given up")
            self._offsets.update(settled.offsets)
            self._counts.update(settled.events)
            self._dead |= {letter.event_id for letter in (*settled.dead, *settled.dead_again)}
            for event_id in (*settled.arrived_again, *(letter.event_id for letter in settled.dead_again)):
                self._again.pop(event_id, None)

    def failures(self) -> tuple[int, str]:
        """See :class:`Progress`."""
        return self._failures

    def note_failures(self, failures: int, cause: str) -> None:
        """For this process only."""
        self._failures = failures, cause

    def replay(self, event_ids: Sequence[str] | None) -> int:
        """See :class:`Progress`."""
        wanted = None if event_ids is None else set(event_ids)
        letters = [
            letter
            for letter in self._state.dead_letters.of(self._sink, None)
            if wanted is None or letter.event_id in wanted
        ]
        with self._lock:
            fresh = {letter.event_id: letter for letter in letters if letter.event_id not in self._again}
            for event_id in fresh:
                self._counts["dead" if event_id in self._dead else "emitted"] += -1 if event_id in self._dead else 1
            self._dead -= fresh.keys()
            self._again |= fresh
        return len(fresh)

    def discard(self, event_ids: Sequence[str] | None) -> int:
        """See :class:`Progress`."""
        letters = self._state.dead_letters.of(self._sink, None) if event_ids is None else ()
        ids = list(event_ids) if event_ids is not None else [letter.event_id for letter in letters]
        with self._lock:
            ids = [event_id for event_id in ids if event_id not in self._again]
            count = self._state.dead_letters.remove(self._sink, ids)
            own = self._dead & set(ids)
            self._dead -= own
            if own:
                self._counts.update({"dead": -len(own), DISCARDED: len(own)})
        return count

    def forget(self, file: str, *, emitted: int, lost: int) -> None:
        """A file is deleted: it held ``emitted`` events for the sink, of which it has not read ``lost``."""
        with self._lock:
            self._gone.add(file)
            self._offsets.pop(file, None)
            self._counts.update({"emitted": emitted, "dropped:retention": lost} if lost else {"emitted": emitted})
