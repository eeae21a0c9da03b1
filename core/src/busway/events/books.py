"""The books of a sink: emitted = delivered + dead + dropped + pending."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from busway.events.journal_reader import JournalFolder

__all__ = ["SWEPT", "Books", "keep_books", "meant_for", "moved_to_sum"]

DROPPED = "dropped:"
SWEPT = "swept:"
"""Begins the outcome, with the name of a file, that says: it is in the sum already, and about to be deleted."""


@dataclass(frozen=True, slots=True)
class Books:
    """What became of every event meant for one sink, since its state began."""

    emitted: int
    delivered: int = 0
    dead: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    """By reason."""
    pending: int = 0

    @property
    def balanced(self) -> bool:
        """The sum agrees. When it does not, there is a bug in Busway."""
        return self.emitted == self.delivered + self.dead + sum(self.dropped.values()) + self.pending

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "emitted": self.emitted,
            "delivered": self.delivered,
            "dead": self.dead,
            "dropped": dict(self.dropped),
            "pending": self.pending,
        }


def meant_for(counts: Mapping[str, int], receives: frozenset[str]) -> int:
    """How many lines of a journal a sink has to account for: its own kinds, and whatever cannot be read."""
    return sum(count for kind, count in counts.items() if kind in receives or kind == "unreadable")


def moved_to_sum(counts: Mapping[str, int]) -> dict[str, int]:
    """What changes in the counts of a sink when a journal is deleted."""
    return {what: count for what, count in counts.items() if what == "emitted" or what.startswith(SWEPT)}


def keep_books(
    folder: JournalFolder,
    files: Iterable[str],
    receives: frozenset[str],
    read: tuple[Mapping[str, int], Mapping[str, int]],
    lost: Mapping[str, int],
    waiting: int = 0,
) -> Books:
    """Counts the journals anew instead of trusting what was counted while delivering.

    :param read: the sink's offsets and outcome counts, of one moment.
    :param lost: events that never reached the journal, by reason.
    :param waiting: events that wait for a disk that does not take them.
    """
    offsets, counts = read
    emitted, pending = counts.get("emitted", 0) + sum(lost.values()) + waiting, waiting
    for file in files:
        if counts.get(SWEPT + file):
            continue
        end = folder.size(file)  # one end for both, or what is being written meanwhile would unbalance them
        emitted += meant_for(folder.count(file, 0, end), receives)
        pending += meant_for(folder.count(file, offsets.get(file, 0), end), receives)
    dropped = Counter(lost)
    for outcome, count in counts.items():
        if outcome.startswith(DROPPED):
            dropped[outcome.removeprefix(DROPPED)] += count
    return Books(emitted, counts.get("delivered", 0), counts.get("dead", 0), dict(dropped), pending)
