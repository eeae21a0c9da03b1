"""The events a sink has in hand: read from the journals, not all settled yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from busway.contracts.events import Event
from busway.events.event_codec import event_of, kind_of
from busway.events.journal_order import in_order
from busway.events.journal_reader import JournalFolder, Line
from busway.events.settled import Settled
from busway.stores.cursors import Ahead
from busway.stores.dead_letters import DeadLetter

__all__ = ["Item", "Window"]

MAX_LINES = 2000
"""Lines in hand at once, so that a long stretch of events that are not for this sink is committed in between."""
MAX_BYTES = 4 * 1024 * 1024
"""The same for large events: at least one is always read."""


@dataclass(slots=True, eq=False)
class Item:
    """One event in hand: a line of a journal, or a dead letter that is tried once more (it has no line)."""

    line: Line | None
    event: Event | None
    outcome: str | None
    """``None`` while unsettled; empty for what is not meant for the sink."""
    reason: str = ""
    size: int = 0
    """Bytes of its line."""
    strikes: int = 0
    """Times it failed alone while others got through."""
    left_out: int = 0
    """Times the sink took others of the same batch and not this one."""
    due: float = 0.0
    """Seconds of the monotonic clock before which it is not tried again."""
    is_noted: bool = False
    """It is settled ahead of the cursor, and that is written down."""

    @property
    def entity(self) -> tuple[str | None, str] | None:
        """The record it is about; events of one record keep their order."""
        event = self.event
        return None if event is None or event.entity_id is None else (event.entity_type, event.entity_id)

    @property
    def record(self) -> dict[str, Any]:
        """The event as the journal has it."""
        return (self.line.record if self.line else None) or {}

    @property
    def has_failed(self) -> bool:
        """It was tried, and others went through in its place."""
        return bool(self.strikes or self.left_out)


class Window:
    """Reads ahead, and gives back from the front what is settled, so that a cursor never skips an event.

    :param takes: says of an event that the sink receives whether its route lets it through.
    """

    def __init__(
        self,
        folder: JournalFolder,
        receives: frozenset[str],
        files: Callable[[], Iterable[str]],
        takes: Callable[[Event], bool] = lambda event: True,
    ) -> None:
        self._folder = folder
        self._receives = receives
        self._files = files
        self._takes = takes
        self._items: deque[Item] = deque()
        self._again: dict[str, Item] = {}
        self._letters: dict[str, DeadLetter] = {}
        self._read_to: dict[str, int] = {}
        self._complete: dict[str, int] = {}
        """Sizes of files that were read to their end and grow no more: there may be many of them."""
        self._ahead: dict[tuple[str, int], Ahead] = {}
        self._bytes = 0

    def restart(self, offsets: dict[str, int], ahead: Iterable[Ahead] = ()) -> None:
        """Forgets what is in hand and reads from ``offsets`` on, where ``ahead`` is settled already."""
        self._items.clear()
        self._again.clear()
        self._letters.clear()
        self._bytes = 0
        self._read_to = dict(offsets)
        self._ahead = {(line.file, line.end): line for line in ahead}

    def has_unread(self, offsets: dict[str, int]) -> bool:
        """Whether a file has more than a cursor that stands at ``offsets`` has read."""
        return any(self._is_unread(file, offsets.get(file, 0)) for file in self._files())

    def try_again(self, letters: Iterable[DeadLetter]) -> None:
        """Takes dead letters in hand, those that are not there yet; they come before what is read."""
        for letter in letters:
            if letter.event_id not in self._letters:
                self._letters[letter.event_id] = letter
                event = _event(letter.event)
                unreadable = Item(None, None, "dead", "the event cannot be read any more")
                self._again[letter.event_id] = Item(None, event, None) if event else unreadable

    def unsettled(self) -> list[Item]:
        """What is still to be delivered, in order."""
        return [item for item in (*self._again.values(), *self._items) if item.outcome is None]

    def take(self, size: int, now: float, *, whole: bool = False) -> list[Item]:
        """The next batch of at most ``size``, in order; it stays in hand.

        No event is in it while an earlier one of its record is not settled: a sink may take the second and leave out
        the first. Where everybody waits only because of that, the batch ends; an event that has failed is passed by,
        with those of its record, so that it holds up nobody else.

        :param now: events that are due later are left out.
        :param whole: the sink takes all of a batch or nothing, so a batch may hold several events of one record.
        """
        while True:
            batch, complete = self._compose(size, now, whole)
            if complete or not self._read(size - len(batch)):
                return batch

    def rest(self, now: float) -> float:
        """Seconds until something in hand is due; 0.0 when nothing waits for its time."""
        return min((item.due - now for item in self.unsettled() if item.due > now), default=0.0)

    def take_settled(self, letter: Callable[[Item], DeadLetter]) -> Settled:
        """What is settled; from the front it leaves the hand. ``letter`` makes the dead letter of a dead one."""
        settled = Settled()
        while self._items and self._items[0].outcome is not None:
            item = self._items.popleft()
            self._bytes -= item.size
            if item.line is not None:
                settled.add(item.line.file, item.line.end, item.outcome or "", item.size)
            if item.outcome == "dead":
                settled.dead.append(letter(item))
        self._settle_ahead(settled)
        self._settle_letters(settled, letter)
        return settled

    def _compose(self, size: int, now: float, whole: bool) -> tuple[list[Item], bool]:
        """A batch of what is in hand, and whether reading on would not make it larger."""
        batch: list[Item] = []
        first: dict[Any, Item] = {}
        for item in self.unsettled():
            entity = item.entity
            earlier = first.setdefault(entity, item) if entity is not None else item
            passed_by = item.due > now or (earlier is not item and (earlier.has_failed or earlier.due > now))
            if passed_by:
                continue
            if earlier is not item and not whole:
                return batch, True
            batch.append(item)
            if len(batch) == size:
                return batch, True
        return batch, False

    def _read(self, wanted: int) -> bool:
        """Reads on until ``wanted`` more events are unsettled or the hand is full; False when there was nothing."""
        if self._is_full():
            return False
        found = False
        files = [file for file in self._files() if self._is_unread(file, self._read_to.get(file, 0))]
        with closing(in_order(self._folder, files, self._read_to)) as lines:
            for line in lines:
                item = self._item(line)
                self._items.append(item)
                self._read_to[line.file] = line.end
                self._bytes += item.size
                found = True
                wanted -= item.outcome is None
                if wanted <= 0 or self._is_full():
                    break
        return found

    def _is_unread(self, file: str, offset: int) -> bool:
        if self._complete.get(file) == offset:
            return False
        if self._folder.size(file) > offset:
            return True
        if self._folder.writer_is_gone(file) and self._folder.size(file) == offset:
            self._complete[file] = offset
        return False

    def _is_full(self) -> bool:
        return len(self._items) >= MAX_LINES or self._bytes >= MAX_BYTES

    def _item(self, line: Line) -> Item:
        size = line.end - self._read_to.get(line.file, 0)
        if line.record is None:
            return Item(line, None, f"dropped:{line.fault}", size=size)
        event = _event(line.record)
        if event is None:
            return Item(line, None, "dropped:unreadable", size=size)
        known = self._ahead.pop((line.file, line.end), None)
        if known is not None:
            return Item(line, event, known.outcome, known.reason, size, is_noted=True)
        if kind_of(event.category) not in self._receives:
            return Item(line, event, "", size=size)
        return Item(line, event, None if self._takes(event) else "dropped:route", size=size)

    def _settle_ahead(self, settled: Settled) -> None:
        if not self._items:
            return
        for item in self._items:
            if item.outcome in ("delivered", "dead") and not item.is_noted and item.line is not None:
                item.is_noted = True
                settled.ahead.append(Ahead(item.line.file, item.line.end, item.outcome, item.reason))

    def _settle_letters(self, settled: Settled, letter: Callable[[Item], DeadLetter]) -> None:
        for event_id in [event_id for event_id, item in self._again.items() if item.outcome is not None]:
            item, old = self._again.pop(event_id), self._letters.pop(event_id)
            if item.outcome == "delivered":
                settled.arrived_again.append(event_id)
            else:
                fresh = letter(item)
                settled.dead_again.append(DeadLetter(old.sink, event_id, item.reason, old.event, fresh.at_ns))


def _event(record: dict[str, Any]) -> Event | None:
    try:
        return event_of(record)
    except (KeyError, TypeError):
        return None
