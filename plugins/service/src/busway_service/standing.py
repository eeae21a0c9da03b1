"""Where the service stands: what probes and metrics are answered from, without asking anybody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from busway_service.checks import Check

__all__ = ["BEAT_SECONDS", "Phase", "Standing"]

BEAT_SECONDS = 60.0
"""A clockwork that was not looked after for so long has hung."""


class Phase(StrEnum):
    """What the service does."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"


@dataclass(slots=True)
class Standing:
    """Set by the service, read by probes."""

    phase: Phase = Phase.STARTING
    started_ns: int = 0
    checks: Sequence[Check] = field(default_factory=list)
    checked_ns: int = 0

    @property
    def ready(self) -> bool:
        """Whether it can do its work."""
        return self.phase is Phase.RUNNING and bool(self.checks) and not self._with("failed")

    @property
    def degraded(self) -> bool:
        """Whether it does without something."""
        return bool(self._with("warning"))

    @property
    def word(self) -> str:
        """``ready``, ``degraded``, ``not ready``, ``starting`` or ``stopping``."""
        if self.phase is not Phase.RUNNING:
            return self.phase.value
        if not self.ready:
            return "not ready"
        return "degraded" if self.degraded else "ready"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        checks = [check.as_dict() for check in self.checks]
        return {"status": self.word, "checks": checks, "checked_ns": self.checked_ns}

    def _with(self, status: str) -> list[Check]:
        return [check for check in self.checks if check.status == status]
