"""What was resolved, remembered for as long as it may be used."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, Literal

from busway.configuration.core_settings import SecretSettings
from busway.configuration.declarations import Declaration
from busway.configuration.layers import Found, Outcome
from busway.contracts.clock import Clock
from busway.errors import BuswayError, Problem

__all__ = ["UNKNOWN", "Memory", "Resolved", "Unknown"]

ABSENT_SECONDS = 1.0
"""How long it is remembered that a name has no value, or was refused. Short, since both may be mended at any time;
not nothing, since many threads and checks ask for the same name at the same moment."""
EXPIRED_SECONDS = 30.0
"""How long a value is used that had expired when it was read. Its successor may come at any time, but asking with
every read would storm the vault."""


class Unknown(Enum):
    """The type of :data:`UNKNOWN`."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN
"""Nothing usable is remembered; ``None`` says that there is no value."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A value with the time it was read. Times are seconds of the monotonic clock."""

    found: Found
    read_at: float
    fresh_until: float
    serial: int
    """Later answers have higher ones."""
    trouble: Problem | None = None
    """Why it could not be read again when that was last tried; ``None`` when it was read."""


@dataclass(frozen=True, slots=True)
class _Negative:
    outcome: BuswayError | None
    until: float
    serial: int


class Memory:
    """The last answer for each name, and whether it may still be used. Reading takes no lock.

    Secrets are fresh for ``SECRET_TTL_SECONDS``, or until they expire if that is sooner. Other values stay as they
    were read first.
    """

    def __init__(self, clock: Clock, limits: Callable[[], SecretSettings]) -> None:
        self._clock = clock
        self._limits = limits
        self._resolved: dict[str, Resolved] = {}
        self._negative: dict[str, _Negative] = {}
        self._serials = itertools.count()
        self._latest = -1
        self.hot: dict[str, tuple[str, float]] = {}
        """Secrets as text with the end of their freshness, for the shortest way to a hit."""

    def get(self, name: str) -> Resolved | None:
        """What is remembered under ``name``, fresh or not."""
        return self._resolved.get(name)

    def names(self) -> list[str]:
        """Every name with a remembered value."""
        return list(self._resolved)

    def mark(self) -> int:
        """This moment, for :meth:`usable`."""
        return next(self._serials)

    def has_changed(self, mark: int) -> bool:
        """Whether anything was remembered since ``mark``."""
        return self._latest > mark

    def usable(self, name: str, since: int = -1) -> Outcome | Literal[Unknown.UNKNOWN]:
        """The outcome that may be used without asking, if it came after the mark ``since``; else ``UNKNOWN``."""
        known = self._resolved.get(name)
        if known is not None and known.serial > since and self._clock.monotonic() < known.fresh_until:
            return known.found
        negative = self._negative.get(name)
        if negative is not None and negative.serial > since and self._clock.monotonic() < negative.until:
            return negative.outcome
        return UNKNOWN

    def keep(self, declaration: Declaration, found: Found) -> None:
        """Remembers a value."""
        name, now = declaration.name, self._clock.monotonic()
        fresh_until = self._fresh_until(found, now) if declaration.is_secret else math.inf
        self._latest = serial = next(self._serials)
        self._resolved[name] = Resolved(found, now, fresh_until, serial)
        self._negative.pop(name, None)
        if declaration.is_secret and isinstance(found.value, str):
            self.hot[name] = (found.value, fresh_until)

    def keep_negative(self, name: str, outcome: BuswayError | None) -> None:
        """Remembers for a moment that there is no value, or why it is refused. An earlier value is forgotten."""
        self._latest = serial = next(self._serials)
        self._negative[name] = _Negative(outcome, self._clock.monotonic() + ABSENT_SECONDS, serial)
        self.hot.pop(name, None)
        self._resolved.pop(name, None)

    def stale(self, name: str, trouble: Problem) -> Found | None:
        """The value that may serve while its source is unreachable, which is noted; ``None`` when there is none.

        It may when it is younger than the sum of ``SECRET_TTL_SECONDS`` and ``SECRET_STALE_SECONDS``, and has not
        expired.
        """
        known = self._resolved.get(name)
        if known is None or not self._may_serve(known):
            return None
        if known.trouble != trouble:
            self._resolved[name] = replace(known, trouble=trouble)
        return known.found

    def _may_serve(self, known: Resolved) -> bool:
        limits, expires_at_ns = self._limits(), known.found.expires_at_ns
        if self._clock.monotonic() >= known.read_at + limits.ttl_seconds + limits.stale_seconds:
            return False
        return expires_at_ns is None or self._clock.now_ns() < expires_at_ns

    def _fresh_until(self, found: Found, now: float) -> float:
        ttl = self._limits().ttl_seconds
        if found.expires_at_ns is None:
            return now + ttl
        left = (found.expires_at_ns - self._clock.now_ns()) / 1e9
        return now + min(ttl, left if left > 0 else EXPIRED_SECONDS)
