"""The audit of secret access: who asked for which secret, and what came of it; never a value."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from threading import Lock
from typing import Literal

from busway.contracts.clock import Clock
from busway.stores.secret_accesses import SecretAccess

__all__ = ["MAX_ENTRIES", "AccessOutcome", "SecretAccess", "SecretAudit"]

MAX_ENTRIES = 10_000

AccessOutcome = Literal["fetched", "refreshed", "stale", "missing", "failed"]
"""``fetched`` for the first time, ``refreshed`` later, ``stale`` when an old value had to do."""


@dataclass(slots=True)
class _Entry:
    key: tuple[str, str, str, str, AccessOutcome]
    at_ns: int
    count: int = 1

    def access(self) -> SecretAccess:
        name, source, version, reader, outcome = self.key
        return SecretAccess(name, source, version, reader, self.at_ns, outcome, self.count)


class SecretAudit:
    """The latest accesses in memory, 10,000 at most. Safe to use from many threads.

    An access that is equal to the last one of its name is counted there, so that a name read over and over while a
    vault is away does not drive everything else out.
    """

    def __init__(self, clock: Clock, *, max_entries: int = MAX_ENTRIES) -> None:
        self._clock = clock
        self._lock = Lock()
        self._entries: deque[_Entry] = deque(maxlen=max_entries)
        self._last: dict[str, _Entry] = {}
        self._not_taken: deque[_Entry] = deque(maxlen=max_entries)

    def note(self, *, name: str, source: str, version: str, reader: str, outcome: AccessOutcome) -> None:
        """Notes that the sources were asked for ``name``."""
        key = (name, source, version, reader, outcome)
        at_ns = self._clock.now_ns()
        with self._lock:
            last = self._last.get(name)
            if last is not None and last.key == key:
                last.at_ns, last.count = at_ns, last.count + 1
                return
            entry = _Entry(key, at_ns)
            if len(self._entries) == self._entries.maxlen:
                self._drop_oldest()
            self._entries.append(entry)
            self._not_taken.append(entry)
            self._last[name] = entry

    def entries(self) -> list[SecretAccess]:
        """What is remembered, oldest first."""
        with self._lock:
            return [entry.access() for entry in self._entries]

    def take(self) -> list[SecretAccess]:
        """What was noted since the last call, for whoever keeps it for good; :meth:`entries` stays as it is."""
        with self._lock:
            taken = [entry.access() for entry in self._not_taken]
            self._not_taken.clear()
            # An entry that was taken must not change any more: what follows is counted in a new one.
            self._last.clear()
            return taken

    def _drop_oldest(self) -> None:
        oldest = self._entries.popleft()
        if self._last.get(oldest.key[0]) is oldest:
            del self._last[oldest.key[0]]
