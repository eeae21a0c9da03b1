"""What is posted: one JSON document per batch, the same bytes for the same events."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from busway.contracts.events import Event

__all__ = ["body_of", "message_id"]


def body_of(events: Sequence[Event]) -> bytes:
    """``{"type", "timestamp", "data": [event, …]}`` for at least one event; ``timestamp`` is that of the last."""
    document = {
        "type": "busway.events",
        "timestamp": _when(events[-1].timestamp),
        "data": [_event(event) for event in events],
    }
    # Lone surrogates have no bytes in UTF-8; one odd name must not hold up everything behind it.
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), default=_plain).encode("utf-8", "replace")


def message_id(events: Sequence[Event]) -> str:
    """The value of ``webhook-id``: follows from the events, so that a repeated batch is recognised as one."""
    return "msg_" + hashlib.sha256("\n".join(event.event_id for event in events).encode()).hexdigest()[:40]


def _event(event: Event) -> dict[str, Any]:
    return {
        "event_id": event.event_id,
        "timestamp": _when(event.timestamp),
        "severity": event.severity.name,
        "category": event.category,
        "entity_type": event.entity_type,
        "entity_id": event.entity_id,
        "session_id": event.session_id,
        "attributes": dict(event.attributes),
        "error": asdict(event.error) if event.error else None,
    }


def _plain(value: object) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)


def _when(timestamp_ns: int) -> str:
    """RFC 3339 with all nine digits: as a number it would lose the last ones in JavaScript."""
    seconds, nanoseconds = divmod(timestamp_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"
