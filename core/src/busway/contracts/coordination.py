"""Coordination between processes: leases and quotas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

__all__ = ["Coordinator", "Lease", "Quota", "QuotaUse", "SupportsQuotaUse"]


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to do something alone for a while."""

    name: str
    token: int
    """Grows with every holder: our own stores refuse one that was replaced. A remote cannot check it."""
    holder: str
    """Who, for people: host, process and purpose."""
    since_ns: int
    expires_at_ns: int


@dataclass(frozen=True, slots=True)
class Quota:
    """How often something may be done: ``calls`` in any window of ``period_seconds``."""

    name: str
    """What account it is of, the same in every process. People see it, in messages and metrics: no secret in it."""
    calls: int
    period_seconds: float
    shares: Mapping[str, float] = field(default_factory=dict)
    """Minimum part of ``calls`` (0 to 1) that is kept for each use, by its name; together at most 1. What a use does
    not ask for is lent to the others."""
    margin_seconds: float | None = None
    """How much longer one call may take than another from being drawn to reaching the remote; a limiter draws from a
    period longer by that. ``None`` = 3.5 % of the period, at most a second."""


@dataclass(frozen=True, slots=True)
class QuotaUse:
    """How far a quota is drawn from now, by everybody together."""

    name: str
    calls: int
    """How many may be drawn in one period, as it was last asked with."""
    period_seconds: float
    drawn: Mapping[str, int] = field(default_factory=dict)
    """Calls of the last period by the use they were drawn for."""
    held_seconds: float = 0.0
    """Seconds for which nobody may draw; 0 when it is not held."""


@runtime_checkable
class Coordinator(Protocol):
    """Leases and quotas shared by every process that uses the same coordinator.

    Every method raises ``UnreachableError`` (exit 5) when the coordinator is away: coordination fails closed.
    """

    def acquire(self, name: str, holder: str, seconds: float) -> Lease | None:
        """Takes the lease; ``None`` when somebody else has it."""
        ...

    def renew(self, lease: Lease, seconds: float) -> Lease | None:
        """Extends it; ``None`` when it is no longer ours."""
        ...

    def release(self, lease: Lease) -> bool:
        """Gives it back; False when it was no longer ours."""
        ...

    def current(self, name: str) -> Lease | None:
        """Who holds it now."""
        ...

    def take(self, quota: Quota, count: int = 1, share: str = "") -> float:
        """Draws ``count`` calls from ``quota``; returns the seconds to wait before they may be made (0.0 = now).

        The calls are drawn when 0.0 is returned; after a wait the caller asks again. ``share`` names the use
        (``writes``, ``reads``, ``console``), for minimum shares.
        """
        ...

    def hold(self, quota: Quota, seconds: float) -> None:
        """Lets nobody draw from ``quota`` for ``seconds``: the remote said that it is too much (429)."""
        ...

    def close(self) -> None:
        """Gives connections and locks back."""
        ...


@runtime_checkable
class SupportsQuotaUse(Protocol):
    """A coordinator that can say how far its quotas are drawn from; ``busway doctor`` asks it."""

    def quota_use(self) -> Sequence[QuotaUse]:
        """The quotas somebody drew from or asked within their last period, and those that are held, by name.

        Looks only: nothing is drawn. Raises ``UnreachableError`` when the coordinator is away.
        """
        ...
