"""Generation stamps: when a domain or entity was last invalidated, by this process or by another one.

An entry carries the stamp that was current when its load began, and is invalid once a higher one is known. Stamps are
compared with stamps only, never with the time of day: an entry stored by a host whose clock is behind is as good as
any other, as long as its load began after the invalidation.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping, Sequence
from typing import Protocol

from busway.contracts.clock import Clock
from busway.data.full_key import names_of
from busway.data.names import Name

__all__ = ["REFRESH_SECONDS", "Generations", "StampStore"]

REFRESH_SECONDS = 5.0
"""How long stamps that were read are trusted, where nobody says that they have changed."""
FURTHEST_AHEAD_NS = 366 * 86_400 * 1_000_000_000
"""No clock is a year ahead: a stamp that is comes from no clock."""
MOST_FOREIGN_NAMES = 10_000
TURNS = 4


class StampStore(Protocol):
    """Where stamps are shared with other processes. Names are ``domain`` or ``domain.entity``."""

    def read(self, names: Sequence[str], known: Mapping[str, int]) -> dict[str, int]:
        """The highest stamp of each name that a store has; names are missing when no store answers."""
        ...

    def raise_to(self, name: str, stamp: int) -> int:
        """Raises ``name`` everywhere, and returns the stamp that holds now, as far as somebody answers."""
        ...

    def announce(self, name: str, stamp: int) -> None:
        """Tells other processes at once."""
        ...

    def nudge(self) -> None:
        """There are stamps to be kept fresh from now on."""
        ...


class Generations:
    """Stamps by name, shared through a store where there is one. Safe to use from many threads.

    A stamp is the time of the invalidation in nanoseconds, and higher than every stamp seen before, whoever made it.
    Plain counters would be the alternative; two processes that cannot reach each other would count to the same number.
    """

    def __init__(self, clock: Clock, store: StampStore | None = None, refresh_seconds: float = REFRESH_SECONDS) -> None:
        self.epoch = 0
        """Grows with every change of any stamp, so that a caller can keep what it computed until then."""
        self._clock = clock
        self._store = store
        self._refresh_seconds = refresh_seconds
        self._refresh_at = 0.0
        self._lock = threading.Lock()
        self._refreshing = threading.Lock()
        self._stamps: dict[str, int] = {}
        self._asked: set[str] = set()
        """Names somebody wanted the stamp of; each was read from the store at least once."""
        self._current: dict[Name, int] = {}
        self._latest = 0
        # Two processes that invalidate in the same instant must not agree on one stamp: what was loaded between the
        # two would pass for loaded after both.
        self._offset_ns = random.randrange(1_000_000)  # noqa: S311 - no secret

    def current(self, name: Name) -> int:
        """The stamp of ``name``: entries stored with an older one are invalid. 0 when nothing was invalidated."""
        found = self._current.get(name)
        if found is None:
            return self._ask(name)
        if self._store is not None and self._clock.monotonic() >= self._refresh_at:
            self.refresh()
            return self._compute(name)
        return found

    def known(self, key: str) -> int:
        """The stamp for a full key as far as this process knows; asks nobody."""
        return max(self._stamps.get(name, 0) for name in names_of(key))

    def bump(self, name: Name) -> int:
        """Invalidates what ``name`` stands for: a domain when it has no entity. Returns its new stamp."""
        self.current(name)  # somebody else's stamp may be ahead of our clock: it is to be passed
        text = str(name)
        stamp = 0
        for _ in range(TURNS):
            stamp = self._next(text)
            held = self._store.raise_to(text, stamp) if self._store is not None else stamp
            if held <= stamp:
                break
            # Nothing was raised: what is there came from a clock ahead of ours, after we last looked.
            self.learn(text, held)
        if self._store is not None:
            self._store.announce(text, stamp)
        return stamp

    def bump_domain(self, domain: str) -> int:
        """Invalidates every entity of ``domain``."""
        return self.bump(Name(domain))

    def learn(self, name: str, stamp: int) -> bool:
        """Takes over a stamp another process set; True when it was news. What no clock can have made is ignored."""
        if not 0 < stamp <= self._clock.now_ns() + FURTHEST_AHEAD_NS:
            return False
        with self._lock:
            self._latest = max(self._latest, stamp)
            if stamp <= self._stamps.get(name, 0):
                return False
            if name not in self._asked and len(self._stamps) >= MOST_FOREIGN_NAMES:
                return False  # it is read when somebody asks for it
            self._set(name, stamp)
            return True

    def expire(self) -> None:
        """Stamps may have been missed: the next caller reads them again."""
        self._refresh_at = 0.0
        self.epoch += 1

    def refresh(self) -> None:
        """Reads every stamp in use from the store, unless somebody is doing so."""
        if self._store is None or not self._refreshing.acquire(blocking=False):
            return
        try:
            # Before the question: what is announced while it is under way asks for another one.
            self._refresh_at = self._clock.monotonic() + self._refresh_seconds
            self._read(sorted(self._asked))
        finally:
            self._refreshing.release()

    def tend(self) -> float | None:
        """Keeps the stamps in use fresh; seconds until that is due again, ``None`` while none are in use."""
        if self._store is None or not self._asked:
            return None
        if self._clock.monotonic() >= self._refresh_at:
            self.refresh()
        return max(self._refresh_at - self._clock.monotonic(), 0.05)

    def renew_locks(self) -> None:
        """In a forked child, which has none of the threads that may have held them."""
        self._lock, self._refreshing = threading.Lock(), threading.Lock()
        self._offset_ns = random.randrange(1_000_000)  # noqa: S311 - no secret
        self.expire()

    def _ask(self, name: Name) -> int:
        """For a name nobody has asked for yet, or after a change."""
        texts = _texts(name)
        if self._store is not None and not self._asked.issuperset(texts):
            first = not self._asked
            with self._lock:
                self._asked.update(texts)
            if first:
                self._refresh_at = self._clock.monotonic() + self._refresh_seconds
                self._store.nudge()
            self._read(texts)
        return self._compute(name)

    def _compute(self, name: Name) -> int:
        with self._lock:
            stamp = self._current[name] = max(self._stamps.get(text, 0) for text in _texts(name))
            return stamp

    def _read(self, names: Sequence[str]) -> None:
        if self._store is not None and names:
            for name, stamp in self._store.read(names, self._stamps).items():
                self.learn(name, stamp)

    def _next(self, text: str) -> int:
        with self._lock:
            stamp = max(self._latest + 1, self._clock.now_ns() + self._offset_ns)
            self._latest = stamp
            self._set(text, stamp)
            return stamp

    def _set(self, text: str, stamp: int) -> None:
        self._stamps[text] = stamp
        self._current.clear()
        self.epoch += 1


def _texts(name: Name) -> tuple[str, ...]:
    text = str(name)
    return (name.domain,) if text == name.domain else (name.domain, text)
