"""What a sink has settled, on its way into its progress."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from busway.stores.cursors import Ahead
from busway.stores.dead_letters import DeadLetter

__all__ = ["Settled"]


@dataclass(slots=True)
class Settled:
    """Events that need no more work: from the front of what was read, ahead of it, and dead letters tried again."""

    offsets: dict[str, int] = field(default_factory=dict)
    starts: dict[str, int] = field(default_factory=dict)
    """Where the cursor of each file has to stand for this to follow."""
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    """File to outcome to number."""
    dead: list[DeadLetter] = field(default_factory=list)
    ahead: list[Ahead] = field(default_factory=list)
    """Lines behind one that is not settled yet. They are counted when the cursor passes them."""
    arrived_again: list[str] = field(default_factory=list)
    """Ids of dead letters that were delivered after all."""
    dead_again: list[DeadLetter] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.offsets or self.ahead or self.arrived_again or self.dead_again)

    @property
    def events(self) -> Counter[str]:
        """Events by outcome, dead letters tried again among them."""
        total: Counter[str] = Counter()
        for counts in self.counts.values():
            total.update(counts)
        total.update(delivered=len(self.arrived_again), dead=len(self.dead_again))
        return +total

    def add(self, file: str, end: int, outcome: str, size: int = 0) -> None:
        """One more line of ``size`` bytes; ``outcome`` is empty for one that was not meant for the sink."""
        self.starts.setdefault(file, end - size)
        self.offsets[file] = end
        if outcome:
            self.counts.setdefault(file, Counter())[outcome] += 1
