"""Synthetic events and digests for the checks of event sinks: the same on every run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from busway.contracts.events import Event, EventError, Severity
from busway.contracts.sinks import SinkTraits

__all__ = ["sample_digest", "sample_event", "sample_events", "samples_for"]

START_NS = 1_767_225_600_000_000_000
"""2026-01-01T00:00:00Z."""


def sample_event(number: int = 1, *, attributes: Mapping[str, Any] | None = None, **fields: Any) -> Event:
    """A synthetic event with a stable id and severity ERROR, so that no severity filter holds it back."""
    values: dict[str, Any] = {
        "severity": Severity.ERROR,
        "category": "error",
        "entity_type": "employee",
        "entity_id": f"E{number}",
        "session_id": "0199f3c2-7d00-7000-8000-5e5510000000",
        "error": EventError("validation", f"sample problem {number}", "ValueError"),
        **fields,
    }
    return Event(
        event_id=f"0199f3c2-7d00-7000-8000-{number:012x}",
        timestamp=START_NS + number * 1_000_000,
        attributes=dict(attributes or {"number": number}),
        **values,
    )


def sample_events(count: int, first: int = 1) -> list[Event]:
    """``count`` sample events in order, numbered from ``first``."""
    return [sample_event(number) for number in range(first, first + count)]


def sample_digest(number: int = 1, kind: Literal["hourly", "first"] = "hourly") -> Event:
    """A synthetic digest: of kind ``hourly``, or ``first`` (an error group is told at once)."""
    groups = [_group(index) for index in range(1, 2 if kind == "first" else 4)]
    return sample_event(
        number,
        severity=Severity.WARNING,
        category="digest",
        entity_type=None,
        entity_id=None,
        session_id=None,
        error=None,
        attributes={
            "kind": kind,
            "since_ns": START_NS,
            "until_ns": START_NS + 3_600_000_000_000,
            "errors": sum(group["count"] for group in groups),
            "groups": groups,
            "more_groups": 0,
            "suppressed": 0 if kind == "first" else 57,
        },
    )


def samples_for(sink: object, count: int, first: int = 1) -> list[Event]:
    """``count`` samples of a sort that ``sink`` receives: events, or digests when it receives nothing else."""
    if "events" in SinkTraits.of(sink).receives:
        return sample_events(count, first)
    return [sample_digest(number) for number in range(first, first + count)]


def _group(number: int) -> dict[str, Any]:
    return {
        "fingerprint": f"{number:016x}",
        "kind": "validation",
        "message": f"sample problem {number}",
        "entity_type": "employee",
        "job": "employees",
        "count": number * 20,
        "first_ns": START_NS + number,
        "last_ns": START_NS + number * 60_000_000_000,
        "code": "BW5003",
        "next_step": "correct the record in the source: busway events errors --job employees",
    }
