"""The generation stamps on the levels that keep them: read from all, raised on all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from busway.data.backplane import Backplane
from busway.data.level import Level

__all__ = ["SharedStamps"]

NAMES_PER_QUESTION = 500


class SharedStamps:
    """Every level that keeps generations has them all, so that any one of them is enough.

    The first that answers is raised while the caller waits; the others are told in the background, or when they are
    back. Reading takes the highest of all: a server that was started empty, or missed something, is put right.
    """

    def __init__(self, levels: Sequence[Level], prefix: str, nudge: Callable[[], None]) -> None:
        self._levels = levels
        self._prefix = prefix
        self.nudge = nudge
        self.backplane: Backplane | None = None
        """Where raised stamps are announced."""

    def read(self, names: Sequence[str], known: Mapping[str, int]) -> dict[str, int]:
        """The highest stamp of each name; levels that have a lower one than is known are told."""
        highest: dict[str, int] = {}
        answers: list[tuple[Level, dict[str, int]]] = []
        for level in self._levels:
            answer = self._ask(level, names)
            if answer is not None:
                answers.append((level, answer))
                for name, stamp in answer.items():
                    highest[name] = max(stamp, highest.get(name, 0))
        for level, answer in answers:
            for name, stamp in answer.items():
                wanted = max(highest[name], known.get(name, 0))
                if stamp < wanted:
                    level.owe_stamp(self._prefix + name, wanted)
        return highest

    def raise_to(self, name: str, stamp: int) -> int:
        """Raises ``name`` on the first level that answers, and sees to it that the others follow."""
        held: int | None = None
        for level in self._levels:
            if held is None:
                held = level.raise_stamp(self._prefix + name, stamp)
            else:
                level.owe_stamp(self._prefix + name, stamp)
        return stamp if held is None else held

    def announce(self, name: str, stamp: int) -> None:
        """Tells other processes at once, where a level can."""
        if self.backplane is not None:
            self.backplane.publish(raised=[(name, stamp)])

    def close(self) -> None:
        """From now on every process is on its own."""
        self._levels, self.backplane = (), None

    def _ask(self, level: Level, names: Sequence[str]) -> dict[str, int] | None:
        found: dict[str, int] = {}
        for start in range(0, len(names), NAMES_PER_QUESTION):
            part = names[start : start + NAMES_PER_QUESTION]
            stamps = level.read_stamps([self._prefix + name for name in part])
            if stamps is None:
                return None
            found.update(zip(part, stamps, strict=True))
        return found
