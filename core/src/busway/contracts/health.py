"""Health checks: small questions with a clear answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

__all__ = ["HealthCheck", "HealthResult"]


@dataclass(frozen=True, slots=True)
class HealthResult:
    """The answer of one check."""

    status: Literal["ok", "degraded", "failed"]
    detail: str = ""
    """One sentence for people; no secret, no personal data."""
    fix: str = ""
    """What to do when it is not ok."""


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """A named check. ``online`` checks talk to a remote and are run only when asked for or on a schedule."""

    name: str
    """``owner.subject``, such as ``redis.ping``."""
    run: Callable[[], HealthResult]
    """Called in a worker with a time-out of 5 s; may raise, which counts as failed."""
    online: bool = False
