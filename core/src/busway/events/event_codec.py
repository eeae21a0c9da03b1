"""Events as the journal writes them, and back."""

from __future__ import annotations

from typing import Any

from busway.contracts.events import Event, EventError, Severity

__all__ = ["error_record", "event_of", "kind_of"]

SEVERITIES = {int(severity): severity for severity in Severity}


def kind_of(category: str) -> str:
    """What a sink has to receive to get it: ``digests`` or ``events``."""
    return "digests" if category == "digest" else "events"


def error_record(error: EventError) -> dict[str, str]:
    """The journal's form of an error."""
    return {"kind": error.kind, "message": error.message, "type": error.type, "code": error.code}


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
