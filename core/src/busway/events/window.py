"""The events a sink has in hand: read from the journals, not all settled yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from busway.contracts.events import Event
from busway.events.event_codec import event_of, kind_of
from busway.events.journal_reader import JournalFolder, Line
from busway.events.progress import Settled
from busway.stores.dead_letters import DeadLetter

__all__ = ["Item", "Window"]

MAX_LINES = 2000
"""Lines in hand at once, so that a long stretch of events that are not for this sink is committed in between."""


@dataclass(slots=True, eq=False)
class Item:
    """One line in hand."""

    line: Line
    event: Event | None
    outcome: str | None
    """``None`` while unsettled; empty for what is not meant for the sink."""
    reason: str = ""
    strikes: int = 0
    """Times it failed alone while others got through."""


class Window:
    """Reads ahead, and gives back from the front what is settled, so that a cursor never skips an event."""

    def __init__(self, folder: JournalFolder, receives: frozenset[str], files: Callable[[], Iterable[str]]) -> None:
        self._folder = folder
        self._receives = receives
        self._files = files
        self._items: deque[Item] = deque()
        self._read_to: dict[str, int] = {}

    def restart(self, offsets: dict[str, int]) -> None:
        """Forgets what is in hand and reads from ``offsets`` on."""
        self._items.clear()
        self._read_to = dict(offsets)

    def unsettled(self) -> list[Item]:
        """What is still to be delivered, in order."""
        return [item for item in self._items if item.outcome is None]

    def fill(self, wanted: int) -> None:
        """Reads on until ``wanted`` events are unsettled, the hand is full, or there are no more."""
        missing = wanted - len(self.unsettled())
        for file in self._files():
            if missing <= 0 or len(self._items) >= MAX_LINES:
                return
            start = self._read_to.get(file, 0)
            if self._folder.size(file) <= start:
                continue
            for line in self._folder.lines(file, start):
                item = self._item(line)
                self._items.append(item)
                self._read_to[file] = line.end
                missing -= item.outcome is None
                if missing <= 0 or len(self._items) >= MAX_LINES:
                    return

    def take_settled(self, letter: Callable[[Item], DeadLetter]) -> Settled:
        """The settled ones from the front; they leave the hand. ``letter`` makes the dead letter of a dead one."""
        settled = Settled()
        while self._items and self._items[0].outcome is not None:
            item = self._items.popleft()
            settled.add(item.line.file, item.line.end, item.outcome or "")
            if item.outcome == "dead":
                settled.dead.append(letter(item))
        return settled

    def _item(self, line: Line) -> Item:
        if line.record is None:
            return Item(line, None, f"dropped:{line.fault}")
        event = _event(line.record)
        if event is None:
            return Item(line, None, "dropped:unreadable")
        return Item(line, event, None if kind_of(event.category) in self._receives else "")


def _event(record: dict[str, Any]) -> Event | None:
    try:
        return event_of(record)
    except (KeyError, TypeError):
        return None
