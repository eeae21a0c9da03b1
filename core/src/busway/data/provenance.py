"""Provenance: where a cached value comes from and how good it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from busway.data.decision import NANOSECONDS, Verdict
from busway.data.levels import Found

__all__ = ["Provenance"]


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a caller can ask about a cached value."""

    level: str
    """The level that would answer."""
    schema_version: int
    created_at_ns: int
    """Nanoseconds since the epoch."""
    ttl_seconds: float
    """How long it is fresh, from its creation."""
    source: str
    """Where it came from: the loader, or what the caller's metadata says under ``source``."""
    age_seconds: float
    stale: bool
    """No longer fresh: served only when its loader fails."""
    degraded: bool
    """A level is away, so that this may not be what the others have."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """The caller's own."""
    levels: Mapping[str, str] = field(default_factory=dict)
    """``up`` or ``away`` of each level, in order."""

    @classmethod
    def of(cls, found: Found, now_ns: int, degraded: bool, levels: Mapping[str, str] | None = None) -> Provenance:
        """The provenance of what was found, at ``now_ns``; ``levels`` is the state of each level then."""
        entry = found.entry
        return cls(
            level=found.level,
            schema_version=entry.schema_version,
            created_at_ns=entry.created_at_ns,
            ttl_seconds=(entry.fresh_until_ns - entry.created_at_ns) / NANOSECONDS,
            source=entry.source,
            age_seconds=(now_ns - entry.created_at_ns) / NANOSECONDS,
            stale=found.verdict is Verdict.STALE,
            degraded=degraded,
            metadata=entry.metadata,
            levels=levels or {},
        )
