"""The secrets this process knows, for masking: each from before anybody has it until a while after it was replaced."""

from __future__ import annotations

import math
from collections.abc import Callable
from threading import RLock

from busway.contracts.clock import Clock

__all__ = ["KnownSecrets"]


class KnownSecrets:
    """Every secret value known, those of today and for a while those of yesterday. Safe to use from many threads.

    A value that rotation replaced is still in use elsewhere (in a request on its way, in a log line about its
    refusal), so it is retired only after a time of grace. That is checked when something else is done here; there is
    no thread for it.

    :param grace_seconds: tells the time of grace.
    """

    def __init__(self, clock: Clock, grace_seconds: Callable[[], float]) -> None:
        self._clock = clock
        self._grace_seconds = grace_seconds
        # Held while receivers are called: nobody may get a value that another thread is still announcing.
        self._lock = RLock()
        self._values: set[str] = set()
        self._pinned: set[str] = set()
        self._current: dict[str, str] = {}
        self._leaving: dict[str, float] = {}
        self._next_due = math.inf
        self._receivers: list[Callable[[str], None]] = []
        self._retirers: list[Callable[[str], None]] = []

    def values(self) -> frozenset[str]:
        """All of them now."""
        self.retire_due()
        with self._lock:
            return frozenset(self._values)

    @property
    def is_watched(self) -> bool:
        """Whether anybody wants to hear of secrets."""
        return bool(self._receivers)

    def watch(self, receive: Callable[[str], None], retire: Callable[[str], None] | None = None) -> None:
        """Calls ``receive`` with all values and each new one, ``retire`` with each that is forgotten."""
        with self._lock:
            self._receivers.append(receive)
            if retire is not None:
                self._retirers.append(retire)
            for value in self.values():
                receive(value)

    def pin(self, value: str) -> None:
        """Knows ``value`` for good: one that stands in the environment or a file is not rotated away."""
        with self._lock:
            self._add(value)
            self._pinned.add(value)

    def assign(self, name: str, value: str | None) -> None:
        """Says that ``name`` has this value now, or none. What it had before is retired after the time of grace."""
        with self._lock:
            before = self._current.get(name)
            if before == value:
                return
            if value is None:
                del self._current[name]
            else:
                self._add(value)
                self._current[name] = value
            if before is not None and not self._in_use(before):
                self._leaving[before] = self._clock.monotonic() + self._grace_seconds()
                self._next_due = min(self._leaving.values())

    def retire_due(self) -> None:
        """Forgets the values whose time of grace is over."""
        if self._clock.monotonic() < self._next_due:
            return
        with self._lock:
            now = self._clock.monotonic()
            for value in [value for value, due in self._leaving.items() if due <= now]:
                del self._leaving[value]
                self._values.discard(value)
                for retire in self._retirers:
                    retire(value)
            self._next_due = min(self._leaving.values(), default=math.inf)

    def _in_use(self, value: str) -> bool:
        return value in self._pinned or value in self._current.values()

    def _add(self, value: str) -> None:
        self._leaving.pop(value, None)
        if value in self._values:
            return
        for receive in self._receivers:
            receive(value)
        self._values.add(value)
