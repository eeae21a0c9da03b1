"""What the workers of all sinks share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from busway.contracts.clock import Clock, SystemClock
from busway.events.backoff import Backoff
from busway.metrics.registry import Metrics

__all__ = ["DELIVERY_SECONDS", "WorkerParts"]

DELIVERY_SECONDS = 30.0
"""For each call of ``deliver``."""


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """What all workers of a dispatcher share."""

    clock: Clock = field(default_factory=SystemClock)
    metrics: Metrics = field(default_factory=Metrics)
    backoff: Backoff = field(default_factory=Backoff)
    random: Callable[[], float] = field(default_factory=lambda: Random().random)  # noqa: S311 - jitter
    redact_text: Callable[[str], str] = str
    """For the reasons sinks give; their text comes from remotes."""
    tell: Callable[[], None] = lambda: None
    """Called whenever a worker has settled something or changed its mind about its sink."""
    delivery_seconds: float = DELIVERY_SECONDS
