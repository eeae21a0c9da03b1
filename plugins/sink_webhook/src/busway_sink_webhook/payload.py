"""The body of Standard Webhooks: one JSON document for some events, the same bytes for the same events."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from busway.contracts.events import Event, EventError
from busway_sink_webhook.message import MAX_BODY_BYTES, Message

__all__ = ["as_json", "iso_time", "standard_message"]

MAX_EVENT_BYTES = MAX_BODY_BYTES - 200
"""What the envelope leaves for a single event."""
MAX_TEXT_BYTES = 2_000
"""Of each text in an event that has to be cut."""
MAX_CUT_ATTRIBUTES_BYTES = 8_000


def standard_message(events: Sequence[Event], whole: int = 0) -> Message:
    """The first of ``events`` (at least one) that fit into one request.

    ``{"type", "timestamp", "data": [event, …]}``; ``timestamp`` is that of the last event in it.

    :param whole: so many belong together: they were in one request before, and it may have arrived.
    """
    data: list[bytes] = []
    size = 0
    for event in events[:whole] if whole else events:
        encoded = _encoded(event)
        size += len(encoded) + 1
        if data and size > MAX_EVENT_BYTES:
            break
        data.append(encoded)
    taken = tuple(events[: len(data)])
    start = b'{"type":"busway.events","timestamp":"%b","data":[' % iso_time(taken[-1].timestamp).encode()
    return Message(taken, start + b",".join(data) + b"]}")


def as_json(value: object) -> bytes:
    """``value`` as JSON; what JSON does not know becomes text."""
    # Lone surrogates have no bytes in UTF-8; one odd name must not hold up everything behind it.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain).encode("utf-8", "replace")


def iso_time(timestamp_ns: int) -> str:
    """RFC 3339 with all nine digits: as a number it would lose the last ones in JavaScript."""
    seconds, nanoseconds = divmod(timestamp_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"


def _encoded(event: Event) -> bytes:
    encoded = as_json(_record(event))
    return encoded if len(encoded) <= MAX_EVENT_BYTES else as_json(_cut(_record(event)))


def _record(event: Event) -> dict[str, Any]:
    return {
        "event_id": event.event_id,
        "timestamp": iso_time(event.timestamp),
        "severity": event.severity.name,
        "category": event.category,
        "entity_type": event.entity_type,
        "entity_id": event.entity_id,
        "session_id": event.session_id,
        "attributes": dict(event.attributes),
        "error": _error(event.error) if event.error else None,
    }


def _error(error: EventError) -> dict[str, str]:
    return {"kind": error.kind, "message": error.message, "type": error.type, "code": error.code}


def _cut(record: dict[str, Any]) -> dict[str, Any]:
    """What fits of an event that is too big, with ``truncated``: the journal and the ledger hold the whole."""
    short = {name: _short(value, 500) for name, value in record.items() if name not in ("attributes", "error")}
    error = record["error"]
    return {
        **short,
        "attributes": _cut_attributes(record["attributes"]),
        "error": error
        and {name: _short(value, MAX_TEXT_BYTES if name == "message" else 500) for name, value in error.items()},
        "truncated": True,
    }


def _cut_attributes(attributes: Mapping[Any, Any]) -> dict[str, Any]:
    """The attributes that fit, in their order; the size of a value that does not; how many more there are."""
    kept: dict[str, Any] = {}
    room = MAX_CUT_ATTRIBUTES_BYTES
    for number, (name, value) in enumerate(attributes.items()):
        size = len(as_json(value))
        shown = value if size <= min(room, MAX_TEXT_BYTES) else f"… ({size:,} bytes left out)"
        key = _short(str(name), 500)
        room -= len(as_json([key, shown]))
        if room < 0:
            kept["…"] = f"{len(attributes) - number:,} more attributes left out"
            break
        kept[key] = shown
    return kept


def _short(value: Any, limit: int) -> Any:
    """A text that is at most so many bytes of JSON."""
    if not isinstance(value, str) or len(as_json(value)) <= limit:
        return value
    while len(as_json(value)) > limit - 6:
        value = value[: len(value) // 2]
    return value + "…"


def _plain(value: object) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)
