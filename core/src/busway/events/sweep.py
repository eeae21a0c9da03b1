"""Deletes journals: those that nobody needs any more, and the oldest when there are too many.

A file counts as deleted from the moment at which the state says so; the unlinking follows, and what a crash leaves in
between is finished by the next sweep. So the books balance at every moment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from busway.events.books import DROPPED, SWEPT, meant_for
from busway.events.journal_reader import JournalFolder
from busway.events.policy import EventPolicy
from busway.events.retention import Candidate, fallen
from busway.stores.state import StateStore

__all__ = ["RETENTION", "OwnFiles", "OwnProgress", "OwnReader", "sweep_journals"]

RETENTION = "retention"

Receives = Mapping[str, frozenset[str]]


class OwnProgress(Protocol):
    """Where a sink that reads only the journals of this process keeps its place."""

    def read(self) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """Offsets by file, and counts by outcome."""
        ...

    def forget(self, file: str, *, emitted: int, lost: int) -> None:
        """The file goes: it held ``emitted`` events for the sink, of which it has not read ``lost``."""
        ...


@dataclass(frozen=True, slots=True)
class OwnReader:
    """Such a sink."""

    receives: frozenset[str]
    progress: OwnProgress

    def offset(self, file: str) -> int:
        """How far it has read."""
        return self.progress.read()[0].get(file, 0)


class OwnFiles(Protocol):
    """The journals of this process, see `JournalWriter`."""

    @property
    def finished(self) -> list[str]:
        """Those nothing is added to any more, still locked."""
        ...

    def release(self, file: str) -> None:
        """Gives the lock of one of them up."""
        ...


def sweep_journals(
    folder: JournalFolder,
    state: StateStore,
    receives: Receives,
    before_delete: Callable[[], None],
    *,
    policy: EventPolicy | None = None,
    now_ns: int = 0,
    own: OwnFiles | None = None,
    own_readers: Sequence[OwnReader] = (),
    tell: Callable[[str, int], None] = lambda sink, lost: None,
) -> int:
    """Deletes every complete file that all sinks have read to its end or that is given up; returns how many.

    :param receives: the selected sinks of the whole installation, and what they receive.
    :param before_delete: reads what has to be read from the files first (the digest's counts).
    :param policy: how long and how much is kept for sinks that have not read it; ``None`` keeps it for ever.
    :param own: the files of this process, which others leave alone while it lives.
    :param tell: called at most once per sink and day, with the events it has lost since it was last called.
    """
    one = _Sweep(folder, state, receives, own, own_readers)
    one.finish()
    files = [one.candidate(file) for file in folder.files()]
    given_up = fallen(files, policy, now_ns) if policy else set()
    gone = [file.name for file in files if file.complete and (file.name in given_up or one.is_read(file))]
    if gone:
        before_delete()
    lost: Counter[str] = Counter()
    deleted = sum(one.delete(file, lost) for file in gone)
    for sink, count in lost.items():
        _tell_once_a_day(state, sink, count, now_ns, tell)
    return deleted


class _Sweep:
    def __init__(
        self,
        folder: JournalFolder,
        state: StateStore,
        receives: Receives,
        own: OwnFiles | None,
        own_readers: Sequence[OwnReader],
    ) -> None:
        self._folder = folder
        self._state = state
        self._receives = receives
        self._own = own
        self._own_readers = own_readers

    def candidate(self, file: str) -> Candidate:
        size, written_ns = self._folder.size_and_time(file)
        complete = self._is_own(file) or self._folder.writer_is_gone(file)
        return Candidate(file, size, written_ns, complete)

    def is_read(self, file: Candidate) -> bool:
        """Whether every sink has read all of it."""
        if self._is_own(file.name) and any(one.offset(file.name) < file.size for one in self._own_readers):
            return False
        return all(self._state.cursors.of(sink).get(file.name, 0) >= file.size for sink in self._receives)

    def delete(self, file: str, lost: Counter[str]) -> bool:
        """False when another process has just done it."""
        if not self._close(file, lost):
            return False
        if self._own is not None and self._is_own(file):
            for reader in self._own_readers:
                self._close_own(file, reader)
            self._own.release(file)
        self._unlink(file)
        return True

    def finish(self) -> None:
        """Deletes what an earlier sweep had no time to delete."""
        for file in self._marked():
            self._unlink(file)

    def _close(self, file: str, lost: Counter[str]) -> bool:
        """In one transaction, so that of two processes that sweep only one moves the file's numbers to the sum."""
        with self._state.transaction():
            if not (self._folder.path / file).exists() or file in self._marked():
                return False
            size = self._folder.size(file)
            held = self._folder.count(file, 0, size)
            for sink, kinds in self._receives.items():
                lost[sink] += self._give_up(file, sink, kinds, size)
            emitted = {sink: meant_for(held, kinds) for sink, kinds in self._receives.items()}
            self._state.sink_counts.close_file(file, emitted)
            for sink in self._receives:
                self._state.sink_counts.add(sink, file, {SWEPT + file: 1})
        return True

    def _give_up(self, file: str, sink: str, kinds: frozenset[str], size: int) -> int:
        """Books what the sink has not read as dropped; whoever delivers it meanwhile finds its cursor at the end."""
        unread = meant_for(self._folder.count(file, self._state.cursors.of(sink).get(file, 0), size), kinds)
        # Delivered ahead of one that could not be, and not counted yet.
        ahead = Counter(one.outcome for one in self._state.cursors.ahead(sink) if one.file == file)
        settled = {outcome: count for outcome, count in ahead.items() if outcome == "delivered"}
        unread -= sum(settled.values())
        self._state.sink_counts.add(sink, file, {**settled, DROPPED + RETENTION: unread})
        self._state.cursors.advance(sink, {file: size})
        return unread

    def _close_own(self, file: str, reader: OwnReader) -> None:
        size = self._folder.size(file)
        held = self._folder.count(file, 0, size)
        unread = self._folder.count(file, reader.offset(file), size)
        reader.progress.forget(file, emitted=meant_for(held, reader.receives), lost=meant_for(unread, reader.receives))

    def _unlink(self, file: str) -> None:
        (self._folder.path / file).unlink(missing_ok=True)
        with self._state.transaction():
            self._state.sink_counts.close_file(file, {})  # nothing is left of it but the mark
            self._state.cursors.forget(file)

    def _marked(self) -> set[str]:
        outcomes = (outcome for sink in self._receives for outcome in self._state.sink_counts.of(sink))
        return {outcome.removeprefix(SWEPT) for outcome in outcomes if outcome.startswith(SWEPT)}

    def _is_own(self, file: str) -> bool:
        return self._own is not None and file in self._own.finished


def _tell_once_a_day(state: StateStore, sink: str, count: int, now_ns: int, tell: Callable[[str, int], None]) -> None:
    if not count:
        return
    day = now_ns // 86_400_000_000_000
    with state.transaction():
        known = state.get(RETENTION, sink, {"day": -1, "untold": 0})
        untold = known["untold"] + count
        told = known["day"] == day
        state.put(RETENTION, sink, {"day": day, "untold": untold if told else 0})
    if not told:
        tell(sink, untold)
