"""How the log sink writes an event: one JSON object in the terms of OpenTelemetry, or one line of text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from busway.contracts.events import Event
from busway.events.times import iso_time

__all__ = ["as_json", "as_text"]


def as_json(event: Event) -> bytes:
    """One line, with its newline: log record fields of OpenTelemetry, ids as attributes."""
    record: dict[str, Any] = {
        "timestamp": iso_time(event.timestamp),
        "severity_number": int(event.severity),
        "severity_text": event.severity.name,
        "event_name": _name(event),
        "body": _body(event),
        "attributes": {**event.attributes, **_ids(event)},
    }
    return orjson.dumps(record, default=str, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE)


def as_text(event: Event) -> bytes:
    """``2026-11-23T06:00:00.123Z INFO     change.created employee 4711 …``; one line whatever the values contain."""
    rest = orjson.dumps(dict(event.attributes), default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    parts = [iso_time(event.timestamp), f"{event.severity.name:<8}", _name(event), _body(event)]
    parts += [f"session={event.session_id}"] if event.session_id else []
    parts += [rest] if event.attributes else []
    return (_one_line(" ".join(part for part in parts if part)) + "\n").encode("utf-8", "replace")


def _name(event: Event) -> str:
    operation = event.attributes.get("operation")
    return f"{event.category}.{operation}" if isinstance(operation, str) else event.category


def _body(event: Event) -> str:
    subject = " ".join(part for part in (event.entity_type, event.entity_id) if part)
    if event.error is None:
        return subject
    return f"{subject + ': ' if subject else ''}{event.error.kind}: {event.error.message}"


def _ids(event: Event) -> Mapping[str, Any]:
    error = event.error
    named = {
        "busway.event.id": event.event_id,
        "busway.sync.id": event.session_id,
        "busway.entity.type": event.entity_type,
        "busway.entity.id": event.entity_id,
        "error.type": (error.type or error.kind) if error else None,
        "busway.error.code": error.code if error else None,
    }
    return {name: value for name, value in named.items() if value}


def _one_line(text: str) -> str:
    """Control characters would let a value begin a line of its own, or colour a terminal."""
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)
