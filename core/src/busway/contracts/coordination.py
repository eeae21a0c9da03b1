"""Coordination between processes: leases and quotas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

__all__ = ["Coordinator", "Lease", "Quota"]


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
    calls: int
    period_seconds: float


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

        ``share`` names the use (``writes``, ``reads``, ``console``), for minimum shares.
        """
        ...

    def close(self) -> None:
        """Gives connections and locks back."""
        ...
