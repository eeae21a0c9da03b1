"""The decision: whether an entry is served, kept in case the load fails, or made anew, and how long to wait for that.

Pure functions of what is known; the guard and the levels do what they say.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from busway.data.names import SCHEMA_VERSION
from busway.data.policy import Policy

__all__ = ["Aged", "Failed", "Patience", "Verdict", "decide", "patience"]

NANOSECONDS = 1_000_000_000


class Aged(Protocol):
    """What a decision needs to know: an entry, or only the header of one."""

    @property
    def schema_version(self) -> int:
        """Version of the stored form."""
        ...

    @property
    def fresh_until_ns(self) -> int:
        """Until then a hit, nanoseconds since the epoch."""
        ...

    @property
    def kept_until_ns(self) -> int:
        """Until then it may be served when the loader fails."""
        ...

    @property
    def generation(self) -> int:
        """Stamp of its domain and entity when its load began."""
        ...


class Failed(Protocol):
    """A load that failed."""

    @property
    def at_ns(self) -> int:
        """When, nanoseconds since the epoch."""
        ...

    @property
    def generation(self) -> int:
        """Stamp of its domain and entity when it began."""
        ...


class Verdict(StrEnum):
    """What may be done with an entry, or without one."""

    HIT = "hit"
    STALE = "stale"
    """To be served only if the load fails, or takes too long."""
    LOAD = "load"
    SERVE_STALE = "serve stale"
    """To be served now: a load failed a moment ago, and the next attempt has time."""
    FAIL = "fail"
    """Nothing to serve, and a failed load that is remembered."""


def decide(entry: Aged | None, now_ns: int, policy: Policy, stamp: int = 0, failed: Failed | None = None) -> Verdict:
    """The verdict on ``entry`` at ``now_ns`` (nanoseconds since the epoch).

    :param stamp: the current generation of its domain and entity; an entry with an older one was invalidated.
    :param failed: the last load that failed; without it the verdict is HIT, STALE or LOAD.
    """
    verdict = _of_entry(entry, now_ns, policy, stamp)
    if verdict is Verdict.HIT or failed is None or failed.generation < stamp:
        return verdict
    since_ns = now_ns - failed.at_ns
    if verdict is Verdict.STALE:
        return Verdict.SERVE_STALE if _within(since_ns, policy.retry_after) else verdict
    remembered = policy.negative_errors and _within(since_ns, policy.negative_ttl or 0)
    return Verdict.FAIL if remembered else verdict


def _of_entry(entry: Aged | None, now_ns: int, policy: Policy, stamp: int) -> Verdict:
    # An entry of a later Busway is left where it is: that one still has a use for it.
    if entry is None or entry.generation < stamp or entry.schema_version > SCHEMA_VERSION:
        return Verdict.LOAD
    if now_ns < entry.fresh_until_ns:
        return Verdict.HIT
    # The policy of today counts too: a window closed since the entry was stored is closed for it.
    stale_until_ns = entry.fresh_until_ns + int(policy.stale_on_error * NANOSECONDS)
    return Verdict.STALE if now_ns < min(entry.kept_until_ns, stale_until_ns) else Verdict.LOAD


def _within(since_ns: int, seconds: float) -> bool:
    """False also for a time to come: a clock that was set back must not silence a loader."""
    return 0 <= since_ns < int(seconds * NANOSECONDS)


@dataclass(frozen=True, slots=True)
class Patience:
    """How much longer a caller waits for a load, and what becomes of him then."""

    seconds: float | None
    """``None`` = to its end."""
    then: Verdict = Verdict.LOAD
    """SERVE_STALE or FAIL; LOAD when he waits to its end."""


def patience(policy: Policy, *, waited: float, loading: float, stale: bool) -> Patience:
    """What is left of the time-outs of ``policy``.

    :param waited: seconds since this caller came: the hard time-out is his.
    :param loading: seconds since the load began: who comes late to a slow one need not wait for the soft time-out.
    :param stale: whether there is a stale value to serve.
    """
    terms: list[tuple[float, Verdict]] = []
    if stale and policy.soft_timeout:
        terms.append((policy.soft_timeout - loading, Verdict.SERVE_STALE))
    if policy.hard_timeout:
        terms.append((policy.hard_timeout - waited, Verdict.SERVE_STALE if stale else Verdict.FAIL))
    if not terms:
        return Patience(None)
    seconds, then = min(terms, key=lambda term: term[0])
    return Patience(max(0.0, seconds), then)
