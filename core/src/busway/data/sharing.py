"""Sharing: whether another process could find what this one stores, so that there is a point in waiting for it."""

from __future__ import annotations

from collections.abc import Sequence

from busway.contracts.caches import CacheBackend, InProcessCache
from busway.data.levels import Levels
from busway.data.order import Address

__all__ = ["SharedLevels"]


class SharedLevels:
    """Which of the levels lie outside the process, and which of those take what is sensitive."""

    def __init__(self, backends: Sequence[tuple[str, CacheBackend | InProcessCache]], levels: Levels) -> None:
        outside = [(name, backend) for name, backend in backends if not getattr(backend, "holds_entries", False)]
        self._any = {name for name, _ in outside}
        self._sealed = {name for name, backend in outside if not getattr(backend, "stores_in_clear", True)}
        self._levels = levels

    def up_for(self, address: Address) -> bool:
        """One that may hold entries of ``address`` answers."""
        names = self._sealed if address.policy.sensitive else self._any
        if not names:
            return False
        states = self._levels.states()
        return any(states.get(name) == "up" for name in names)
