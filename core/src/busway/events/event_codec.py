"""Events as the journal writes them, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from busway.contracts.events import Event, EventError, Severity
from busway.errors import BuswayError

__all__ = ["attributes_of", "error_record", "event_of", "kind_of", "severity_of", "text_of"]

SEVERITIES = {int(severity): severity for severity in Severity}


def kind_of(category: str) -> str:
    """What a sink has to receive to get it: ``digests`` or ``events``."""
    return "digests" if category == "digest" else "events"


def error_record(error: object) -> dict[str, Any]:
    """The journal's form of an error, whatever was passed as one."""
    if not isinstance(error, EventError):
        error = _error_of(error)
    return {
        "kind": text_of(error.kind),
        "message": text_of(error.message),
        "type": text_of(error.type),
        "code": text_of(error.code),
    }


def _error_of(value: object) -> EventError:
    """Of an exception class and code, as everywhere: its text may hold anything."""
    if isinstance(value, BaseException):
        return EventError("error", "", type(value).__name__, value.code if isinstance(value, BuswayError) else "")
    return EventError("error", text_of(value))


def event_of(record: dict[str, Any]) -> Event:
    """The event of a journal record. Raises ``KeyError`` or ``TypeError`` for what is not one."""
    error = record["error"]
    return Event(
        record["event_id"],
        record["timestamp"],
        SEVERITIES[record["severity"]],
        record["category"],
        record["entity_type"],
        record["entity_id"],
        record["session_id"],
        record["attributes"],
        None if error is None else EventError(**error),
    )


def text_of(value: object) -> str:
    """``value`` as text, whatever it is: an object may refuse to say what it is."""
    if type(value) is str:
        return value
    try:
        return str.__str__(value) if isinstance(value, str) else str(value)
    except Exception as error:
        return f"[{type(value).__name__} without text: {type(error).__name__}]"


def attributes_of(value: object) -> dict[Any, Any]:
    """What a caller passed as attributes, as a dictionary."""
    if type(value) is dict:
        return value
    if value is None:
        return {}
    try:
        return dict(value) if isinstance(value, Mapping) else {"attributes": value}
    except Exception as error:
        return {"attributes": f"[{type(value).__name__} without items: {type(error).__name__}]"}


def severity_of(value: object) -> Severity:
    """The severity with this number; that of an error for what is none, so that nobody overlooks it."""
    if type(value) is Severity:
        return value
    try:
        return SEVERITIES[value] if isinstance(value, int) else Severity.ERROR
    except KeyError:
        return Severity.ERROR
