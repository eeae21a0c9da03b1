"""What hangs together moves together, or not at all.

A binding, the variables that hold what it made, and the names under which other files import it are one group. One
use of it that cannot be changed keeps all of it as it is: half a session in the old tracker and half in the new one
would be broken in silence.
"""

from __future__ import annotations

from collections.abc import Sequence

from busway_migrate.findings import Finding

__all__ = ["Groups"]


class Groups:
    """Disjoint sets, each with the reasons that keep it from being changed."""

    def __init__(self) -> None:
        self._parents: list[int] = []
        self._blocks: list[list[Finding]] = []

    def new(self) -> int:
        """A group of its own."""
        self._parents.append(len(self._parents))
        self._blocks.append([])
        return len(self._parents) - 1

    def join(self, one: int, other: int) -> None:
        """From now on both are one group."""
        first, second = sorted((self._root(one), self._root(other)))
        if first != second:
            self._parents[second] = first
            self._blocks[first] += self._blocks[second]

    def block(self, group: int, reason: Finding) -> None:
        """Keeps the group as it is."""
        reasons = self._blocks[self._root(group)]
        if reason not in reasons:
            reasons.append(reason)

    def is_blocked(self, group: int) -> bool:
        """Whether anything keeps it as it is."""
        return bool(self._blocks[self._root(group)])

    def reasons(self, group: int) -> Sequence[Finding]:
        """What keeps it as it is."""
        return self._blocks[self._root(group)]

    def same(self, one: int, other: int) -> bool:
        """Whether both are one group."""
        return self._root(one) == self._root(other)

    def _root(self, group: int) -> int:
        while self._parents[group] != group:
            group = self._parents[group]
        return group
