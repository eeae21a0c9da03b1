"""How the log sink writes an event: one JSON object in the terms of OpenTelemetry, or one line of text.

The fields are those of the OpenTelemetry log data model, by their names there:

====================  ==============================================================================================
``Timestamp``         when it happened, RFC 3339 in UTC with nanoseconds
``SeverityNumber``    9 INFO, 13 WARNING, 17 ERROR, 21 CRITICAL, 5 DEBUG
``SeverityText``      the same in a word
``EventName``         ``change.created``, ``session.ended``, ``error``, ``digest.hourly``: few values, no ids in them
``Body``              one line for people: what it is about, and for an error its kind and message
``Attributes``        the event's own attributes; ids as ``busway.*``; ``error.type`` and ``exception.message``
``TraceId``           of the session, where there is one: the same that the OpenTelemetry sink uses
``Resource``          ``service.name``: the name of the deployment
====================  ==============================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson

from busway.contracts.events import Event
from busway.events.times import iso_nanoseconds, iso_time

__all__ = ["as_json", "as_text", "event_name", "one_line"]

OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE
NAMING = {"digest": "kind"}
"""Category to the attribute that is the second part of the name; ``operation`` for all others."""


def as_json(event: Event, *, app: str = "") -> bytes:
    """One line, with its newline. ``app`` names the deployment."""
    record: dict[str, Any] = {
        "Timestamp": iso_nanoseconds(event.timestamp),
        "SeverityNumber": int(event.severity),
        "SeverityText": event.severity.name,
        "EventName": event_name(event),
        "Body": _body(event),
        "Attributes": {**event.attributes, **_named(event)},
    }
    if event.session_id:
        record |= _trace(event.session_id)
    if app:
        record["Resource"] = {"service.name": app}
    try:
        return orjson.dumps(record, default=str, option=OPTIONS)
    except (TypeError, ValueError, RecursionError):
        return orjson.dumps(_plain(record), default=str, option=OPTIONS)


def as_text(event: Event, *, app: str = "") -> bytes:
    """``2026-11-23T06:00:00.123Z INFO     change.created employee 4711 …``; one line whatever the values contain."""
    rest = orjson.dumps(_plain(dict(event.attributes)), default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    parts = [iso_time(event.timestamp), f"{event.severity.name:<8}", event_name(event), _body(event)]
    parts += [f"session={event.session_id}"] if event.session_id else []
    parts += [rest] if event.attributes else []
    return (one_line(" ".join(part for part in parts if part)) + "\n").encode("utf-8", "replace")


def event_name(event: Event) -> str:
    """``change.created``: the category and, where there is one, what distinguishes events of it."""
    more = event.attributes.get(NAMING.get(event.category, "operation"))
    return f"{event.category}.{more}" if isinstance(more, str) else event.category


def one_line(text: str) -> str:
    """Control characters would let a value begin a line of its own, or colour a terminal."""
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


def _body(event: Event) -> str:
    subject = " ".join(part for part in (event.entity_type, event.entity_id) if part)
    if event.error is None:
        return subject
    return f"{subject + ': ' if subject else ''}{event.error.kind}: {event.error.message}"


def _named(event: Event) -> Mapping[str, Any]:
    error = event.error
    named = {
        "busway.event.id": event.event_id,
        "busway.sync.id": event.session_id,
        "busway.entity.type": event.entity_type,
        "busway.entity.id": event.entity_id,
        "busway.error.kind": error.kind if error else None,
        "busway.error.code": error.code if error else None,
        "error.type": (error.type or error.kind) if error else None,
        "exception.message": error.message if error else None,
    }
    return {name: value for name, value in named.items() if value}


@lru_cache(maxsize=256)
def _trace(session_id: str) -> dict[str, str]:
    """The session id is a UUID: 16 bytes, as a trace id is."""
    made = session_id.replace("-", "").lower()
    hexadecimal = len(made) == 32 and all(char in "0123456789abcdef" for char in made)
    return {"TraceId": made} if hexadecimal and made.strip("0") else {}


def _plain(value: Any, depth: int = 0) -> Any:
    """Without lone surrogates, integers beyond 64 bits and nesting without end: events of plugins may hold them."""
    if depth > 40:
        return "[too deep]"
    if isinstance(value, Mapping):
        return {_text(str(key)): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**63:
        return str(value)
    return value


def _text(value: str) -> str:
    return value.encode("utf-8", "replace").decode()
