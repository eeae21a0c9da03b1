"""Writes events into the ledger; the same event twice is the same as once."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import orjson

from busway.contracts.events import Event

__all__ = ["insert_events"]

_EVENT = "INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

# Events of a session may come again, or late: what is known is never taken back, and an end outranks an interruption.
_SESSION = """
INSERT INTO sessions (session_id, name, correlation_id, state, started_ns, ended_ns, duration_seconds)
VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
    correlation_id = coalesce(correlation_id, excluded.correlation_id),
    state = CASE WHEN state = 'ended' OR excluded.state = 'running' THEN state ELSE excluded.state END,
    started_ns = min(started_ns, excluded.started_ns),
    ended_ns = coalesce(excluded.ended_ns, ended_ns),
    duration_seconds = coalesce(excluded.duration_seconds, duration_seconds)
"""

_STATES = {"started": "running", "ended": "ended", "interrupted": "interrupted"}


def insert_events(connection: sqlite3.Connection, events: Sequence[Event]) -> int:
    """All of ``events``, in the caller's transaction; how many there were."""
    connection.executemany(_EVENT, [_event_row(event) for event in events])
    connection.executemany(_SESSION, [_session_row(event) for event in events if _is_session(event)])
    return len(events)


def _event_row(event: Event) -> tuple[Any, ...]:
    operation, error = event.attributes.get("operation"), event.error
    return (
        event.event_id,
        event.timestamp,
        int(event.severity),
        event.category,
        operation if isinstance(operation, str) else None,
        event.entity_type,
        event.entity_id,
        event.session_id,
        orjson.dumps(event.attributes).decode(),
        error.kind if error else None,
        error.message if error else None,
        error.type if error else None,
        error.code if error else None,
    )


def _is_session(event: Event) -> bool:
    return event.category == "session" and event.session_id is not None and event.attributes.get("operation") in _STATES


def _session_row(event: Event) -> tuple[Any, ...]:
    facts = event.attributes
    return (
        event.session_id,
        str(facts.get("name", "")),
        facts.get("correlation_id"),
        _STATES[facts["operation"]],
        facts.get("started_ns", event.timestamp),
        facts.get("ended_ns"),
        facts.get("duration_seconds"),
    )
