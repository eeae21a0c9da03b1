"""The books of all sinks, and what each has still to receive."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from busway.contracts.sinks import SinkTraits
from busway.events.books import Books, keep_books, meant_for, moved_to_sum
from busway.events.event_codec import kind_of
from busway.events.journal_reader import JournalFolder
from busway.events.progress import WAITING
from busway.events.sink_worker import SinkWorker

__all__ = ["Accounts"]


class Accounts:
    """Reads the journals and the progress of the sinks; changes nothing.

    :param files: the journals that sinks of a scope read.
    :param lost: events that never reached a journal, by reason.
    :param waiting: events that wait for the disk.
    """

    def __init__(
        self,
        folder: JournalFolder,
        workers: Callable[[], Sequence[SinkWorker]],
        files: Callable[[SinkTraits], Iterable[str]],
        lost: Callable[[], Mapping[str, int]],
        waiting: Callable[[], int],
    ) -> None:
        self._folder = folder
        self._workers = workers
        self._files = files
        self._lost = lost
        self._waiting = waiting

    def books(self) -> dict[str, Books]:
        """The books of every sink."""
        return {worker.name: self._book(worker) for worker in self._workers()}

    def pending(self) -> dict[str, int]:
        """Events each sink has still to receive, dead letters that wait for one more delivery among them."""
        return {worker.name: self.pending_of(worker) for worker in self._workers()}

    def pending_of(self, worker: SinkWorker) -> int:
        """The same for one sink."""
        offsets, counts = worker.progress.read()
        unread = (self._unread(file, offsets.get(file, 0), worker.traits) for file in self._files(worker.traits))
        return counts.get(WAITING, 0) + self._waiting() + sum(unread)

    def journal_bytes(self) -> int:
        """Size of all journals of the installation."""
        return sum(self._folder.size(file) for file in self._folder.files())

    def oldest_pending_ns(self, worker: SinkWorker) -> int | None:
        """When the oldest event happened that the sink has still to receive; ``None`` when there is none."""
        offsets, _ = worker.progress.read()
        found = (self._first(file, offsets.get(file, 0), worker.traits) for file in self._files(worker.traits))
        return min((at for at in found if at is not None), default=None)

    def has_reached(self, worker: SinkWorker, targets: Mapping[str, int]) -> bool:
        """Whether the sink has settled everything up to these offsets, and every dead letter that waits."""
        offsets, counts = worker.progress.read()
        return not counts.get(WAITING) and all(
            offsets.get(file, 0) >= targets.get(file, 0) or not self._folder.size(file)
            for file in self._files(worker.traits)
        )

    def _book(self, worker: SinkWorker) -> Books:
        traits, read = worker.traits, worker.progress.read()
        while True:
            books = keep_books(self._folder, self._files(traits), traits.receives, read, self._lost(), self._waiting())
            known, read = read, worker.progress.read()
            if moved_to_sum(known[1]) == moved_to_sum(read[1]):
                return replace(books, pending=books.pending + known[1].get(WAITING, 0))
            # A journal was deleted meanwhile: what it held is in the sum by now, and was not when that was read.

    def _unread(self, file: str, offset: int, traits: SinkTraits) -> int:
        size = self._folder.size(file)
        return meant_for(self._folder.count(file, offset, size), traits.receives) if size > offset else 0

    def _first(self, file: str, offset: int, traits: SinkTraits) -> int | None:
        for line in self._folder.lines(file, offset):
            record: dict[str, Any] = line.record or {}
            at = record.get("timestamp")
            if isinstance(at, int) and kind_of(str(record.get("category"))) in traits.receives:
                return at
        return None
