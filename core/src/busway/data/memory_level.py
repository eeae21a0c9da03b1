"""The built-in level ``memory``: entries in this process, those not asked for dropped first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator

from busway.contracts.caches import Entry
from busway.contracts.clock import Clock, SystemClock
from busway.contracts.plugins import PluginContext
from busway.contracts.settings import Settings, setting
from busway.data.forks import after_fork
from busway.data.names import glob_regex
from busway.hookspecs import hookimpl

__all__ = ["MemoryLevel", "MemorySettings", "Slot", "busway_cache_backend", "busway_settings"]


class MemorySettings(Settings):
    """How much the process keeps in memory."""

    max_entries: int = setting(
        10_000, env="MEMORY_CACHE_ENTRIES", doc="Entries the process keeps in memory, at most.", ge=1
    )


class Slot:
    """The place of one entry. It is emptied when the entry goes, and never filled again."""

    __slots__ = ("deadline", "entry", "used")

    def __init__(self, entry: Entry, deadline: float) -> None:
        self.entry: Entry | None = entry
        self.deadline = deadline
        """Monotonic seconds."""
        self.used = False
        """Asked for since somebody last looked for a slot to give up."""


class MemoryLevel:
    """Entries by key, bounded by number. Safe to use from many threads.

    It hands out the very objects it was given; copies are the data manager's business. When there are too many, the
    oldest that was not asked for goes: one bit per entry instead of an order that every read would have to change,
    under a lock.
    """

    holds_entries = True

    def __init__(self, max_entries: int = 10_000, clock: Clock | None = None) -> None:
        self._max_entries = max_entries
        self._monotonic = (clock or SystemClock()).monotonic
        self._slots: OrderedDict[str, Slot] = OrderedDict()
        self._reset()
        after_fork(self._reset)

    def __len__(self) -> int:
        return len(self._slots)

    def get(self, key: str) -> Entry | None:
        """The entry under ``key``, or ``None``."""
        while True:
            slot = self.slot(key)
            if slot is None:
                return None
            slot.used = True
            entry = slot.entry
            # Emptied between the two looks: by who deleted it, or by who has just put another in its place.
            if entry is not None or self._slots.get(key) is slot:
                return entry

    def slot(self, key: str) -> Slot | None:
        """The live slot of ``key``. Whoever keeps it sees it emptied when the entry is deleted, replaced or dropped."""
        slot = self._slots.get(key)
        if slot is None:
            return None
        if self._monotonic() >= slot.deadline:
            self._drop(key, slot)
            return None
        return slot

    def set(self, key: str, entry: Entry, ttl_seconds: float) -> None:
        """Keeps ``entry`` for ``ttl_seconds``, or until room is needed for others."""
        slot = Slot(entry, self._monotonic() + ttl_seconds)
        with self._lock:
            before = self._slots.get(key)
            if before is None and len(self._slots) >= self._max_entries:
                self._make_room()
            # In place before the old one is emptied: a reader, who takes no lock, finds one of the two.
            self._slots[key] = slot
            if before is not None:
                self._slots.move_to_end(key)
                before.entry = None

    def delete(self, key: str) -> bool:
        """Drops ``key``; True when there was a live entry."""
        with self._lock:
            slot = self._slots.pop(key, None)
            if slot is None:
                return False
            slot.entry = None
        return self._monotonic() < slot.deadline

    def scan(self, pattern: str) -> Iterator[str]:
        """Live keys that match the shell pattern, as they were when the scan began."""
        matches = glob_regex(pattern).match
        with self._lock:
            now = self._monotonic()
            keys = [key for key, slot in self._slots.items() if now < slot.deadline and matches(key)]
        return iter(keys)

    def close(self) -> None:
        """Forgets everything."""
        with self._lock:
            for slot in self._slots.values():
                slot.entry = None
            self._slots.clear()

    def _make_room(self) -> None:
        """Gives up the oldest slot that was not used; a used one gets a second chance, as the youngest."""
        while True:
            key, slot = self._slots.popitem(last=False)
            if not slot.used:
                slot.entry = None
                return
            slot.used = False
            self._slots[key] = slot

    def _drop(self, key: str, slot: Slot) -> None:
        with self._lock:
            if self._slots.get(key) is slot:
                del self._slots[key]
            slot.entry = None

    def _reset(self) -> None:
        """A forked child has no use for a lock that one of its parent's threads holds."""
        self._lock = threading.Lock()


@hookimpl
def busway_settings() -> type[MemorySettings]:
    """The settings of the level."""
    return MemorySettings


@hookimpl
def busway_cache_backend(context: PluginContext[MemorySettings | None]) -> MemoryLevel:
    """Builds the level."""
    settings = context.settings or MemorySettings()
    return MemoryLevel(settings.max_entries, context.clock)
