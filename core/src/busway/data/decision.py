"""The one decision about an entry: serve it, keep it in case the loader fails, or load."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from busway.data.policy import Policy

__all__ = ["Aged", "Verdict", "decide"]

NANOSECONDS = 1_000_000_000


class Aged(Protocol):
    """What a decision needs to know: an entry, or only the header of one."""

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


class Verdict(StrEnum):
    """What may be done with an entry."""

    HIT = "hit"
    STALE = "stale"
    """To be served only if the loader fails."""
    LOAD = "load"


def decide(entry: Aged | None, now_ns: int, policy: Policy, stamp: int = 0) -> Verdict:
    """The verdict on ``entry`` at ``now_ns`` (nanoseconds since the epoch).

    :param stamp: the current generation of its domain and entity; an entry with an older one was invalidated.
    """
    if entry is None or entry.generation < stamp:
        return Verdict.LOAD
    if now_ns < entry.fresh_until_ns:
        return Verdict.HIT
    # The policy of today counts too: a window closed since the entry was stored is closed for it.
    stale_until_ns = entry.fresh_until_ns + int(policy.stale_on_error * NANOSECONDS)
    return Verdict.STALE if now_ns < min(entry.kept_until_ns, stale_until_ns) else Verdict.LOAD
