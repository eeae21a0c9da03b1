"""Generation stamps: when a domain or entity was last invalidated, as this process knows."""

from __future__ import annotations

import threading

from busway.contracts.clock import Clock
from busway.data.names import NO_ENTITY, Name

__all__ = ["Generations"]


class Generations:
    """Stamps by domain and by entity.

    A stamp is the time of the invalidation in nanoseconds, at least one more than the stamp before. Plain counters
    would be the alternative; those of two processes cannot be compared, and an entry is read by both.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._domains: dict[str, int] = {}
        self._entities: dict[Name, int] = {}

    def current(self, name: Name) -> int:
        """The stamp of ``name``: entries stored with an older one are invalid. 0 when nothing was invalidated."""
        if not self._domains and not self._entities:
            return 0
        return max(self._domains.get(name.domain, 0), self._entities.get(name, 0))

    def bump_domain(self, domain: str) -> int:
        """Invalidates every entity of ``domain``."""
        with self._lock:
            latest = max([stamp for name, stamp in self._entities.items() if name.domain == domain], default=0)
            self._domains[domain] = self._after(max(latest, self._domains.get(domain, 0)))
            return self._domains[domain]

    def bump_entity(self, name: Name) -> int:
        """Invalidates the entity ``name``."""
        with self._lock:
            self._entities[name] = self._after(self.current(name))
            return self._entities[name]

    def bump(self, name: Name) -> int:
        """Invalidates what ``name`` stands for: a domain when it has no entity."""
        return self.bump_domain(name.domain) if name.entity == NO_ENTITY else self.bump_entity(name)

    def _after(self, stamp: int) -> int:
        return max(stamp + 1, self._clock.now_ns())
