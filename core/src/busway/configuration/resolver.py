"""Resolved values: what the layers answered, remembered for as long as it may be used."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Lock

from busway.configuration.declarations import Declaration
from busway.configuration.layers import Found, Layers, Outcome
from busway.contracts.clock import Clock
from busway.errors import BuswayError

__all__ = ["SECRET_TTL_SECONDS", "Resolved", "Resolver"]

SECRET_TTL_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Resolved:
    """A value with the time it was read. Times are seconds of the monotonic clock."""

    found: Found
    read_at: float
    fresh_until: float


class Resolver:
    """Resolves settings once and remembers the answer; safe to use from many threads.

    Secrets are read again after 600 s, or when they expire if that is sooner, so that a rotated one is followed.
    Other values stay as they were read first. That a name has no value is never remembered: it may be set at any time.
    """

    def __init__(self, layers: Layers, clock: Clock) -> None:
        self.layers = layers
        self._clock = clock
        self._memo: dict[str, Resolved] = {}
        self._locks: dict[str, Lock] = {}
        self._secrets: set[str] = set()
        self._listeners: list[Callable[[str], None]] = []

    def resolve(self, declaration: Declaration, *, refresh: bool = False) -> Found | None:
        """The value, asked from the layers when it is not remembered or ``refresh`` says so.

        However many threads ask at once, a source is asked once. Raises what a source raises.
        """
        known = self._memo.get(declaration.name)
        if known is not None and not refresh and self._clock.monotonic() < known.fresh_until:
            return known.found
        with self._locks.setdefault(declaration.name, Lock()):
            newer = self._memo.get(declaration.name)
            if newer is not None and newer is not known and self._clock.monotonic() < newer.fresh_until:
                return newer.found
            found = self.layers.first(declaration)
            self._remember(declaration, found)
        return found

    def resolve_each(self, declarations: Iterable[Declaration]) -> dict[str, Outcome]:
        """The same for many, with one question to each source; a failing source is an outcome, not an exception."""
        wanted = list(declarations)
        outcomes: dict[str, Outcome] = {one.name: known for one in wanted if (known := self._fresh(one)) is not None}
        asked = {one.name: one for one in wanted if one.name not in outcomes}
        for name, outcome in self.layers.first_of_each(asked.values()).items():
            if not isinstance(outcome, BuswayError):
                self._remember(asked[name], outcome)
            outcomes[name] = outcome
        return outcomes

    def remembered(self, name: str) -> Resolved | None:
        """What is remembered under ``name``, fresh or not."""
        return self._memo.get(name)

    def now(self) -> float:
        """The time by which ages are reckoned."""
        return self._clock.monotonic()

    def secret_values(self) -> frozenset[str]:
        """Every secret resolved so far, earlier values of rotated ones included."""
        return frozenset(self._secrets)

    def watch(self, receive: Callable[[str], None]) -> None:
        """Calls ``receive`` with every secret resolved so far and with each new one as soon as it is known."""
        self._listeners.append(receive)
        for value in self.secret_values():
            receive(value)

    @property
    def is_watched(self) -> bool:
        """Whether anybody wants to hear of secrets."""
        return bool(self._listeners)

    def register(self, value: str) -> None:
        """Takes note of a secret, and tells those who watch when it is new."""
        if value in self._secrets:
            return
        self._secrets.add(value)
        for receive in self._listeners:
            receive(value)

    def _fresh(self, declaration: Declaration) -> Found | None:
        known = self._memo.get(declaration.name)
        return known.found if known is not None and self._clock.monotonic() < known.fresh_until else None

    def _remember(self, declaration: Declaration, found: Found | None) -> None:
        if found is None:
            self._memo.pop(declaration.name, None)
            return
        if declaration.is_secret and isinstance(found.value, str):
            self.register(found.value)
        now = self._clock.monotonic()
        self._memo[declaration.name] = Resolved(found, now, self._fresh_until(declaration, found, now))

    def _fresh_until(self, declaration: Declaration, found: Found, now: float) -> float:
        if not declaration.is_secret:
            return math.inf
        if found.expires_at_ns is None:
            return now + SECRET_TTL_SECONDS
        return now + min(SECRET_TTL_SECONDS, (found.expires_at_ns - self._clock.now_ns()) / 1e9)
