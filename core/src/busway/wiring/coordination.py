"""Which coordinator a deployment has: that of its cache levels, else that of the host."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from busway.contracts.caches import SupportsCoordination
from busway.contracts.clock import Clock
from busway.contracts.coordination import Coordinator
from busway.plugins.host import BuiltPlugin
from busway.stores.local_coordinator import LocalCoordinator

__all__ = ["choose_coordinator", "coordinating_level"]


def coordinating_level(levels: Sequence[BuiltPlugin]) -> BuiltPlugin | None:
    """The first of ``levels`` that can coordinate processes; ``None`` when none can."""
    return next((level for level in levels if isinstance(level.object, SupportsCoordination)), None)


def choose_coordinator(levels: Sequence[BuiltPlugin], state_dir: Path, clock: Clock) -> Coordinator:
    """The coordinator of the first level that has one, else the local one, which serves one host.

    A level that is away is still the one: whoever fell back to the local one would not see the other hosts. Raises
    ``ConfigurationError`` BW3103 when the local one cannot have its folder.
    """
    level = coordinating_level(levels)
    if level is None:
        return LocalCoordinator(state_dir, clock)
    coordinator: Coordinator = level.object.coordinator()
    return coordinator
