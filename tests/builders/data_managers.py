"""Data managers for tests, over the levels they name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from builders.manual_clock import ManualClock
from busway.contracts.caches import CacheBackend, InProcessCache
from busway.contracts.clock import Clock
from busway.contracts.records import Record
from busway.contracts.validators import Validator
from busway.data.manager import DataManager
from busway.data.memory_level import MemoryLevel
from busway.metrics.registry import Metrics

__all__ = ["open_manager"]


def open_manager(
    *levels: tuple[str, CacheBackend | InProcessCache],
    clock: Clock | None = None,
    tables: Mapping[str, Mapping[str, Any]] | None = None,
    metrics: Metrics | None = None,
    validators: Mapping[str, Sequence[Validator]] | None = None,
    loaders: Mapping[str, Callable[[], list[Record]]] | None = None,
    emit: Callable[..., Any] | None = None,
    randomness: Callable[[], float] = lambda: 0.0,
) -> DataManager:
    """One for the app ``acme``; over memory alone when no level is named, and without jitter."""
    clock = clock or ManualClock()
    return DataManager.open(
        levels or [("memory", MemoryLevel(clock=clock))],
        app="acme",
        tables=tables or {},
        where=lambda path: f"busway.toml {path}",
        clock=clock,
        metrics=metrics or Metrics(),
        validators=validators or {},
        loaders=loaders or {},
        emit=emit,
        randomness=randomness,
    )
