"""What the ledger answers with."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from busway.events.times import iso_time

__all__ = ["ChangeRow", "ErrorRow", "EventRow", "SessionRow"]


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One session with its counts."""

    session_id: str
    name: str
    correlation_id: str | None
    state: str
    """``running``, ``ended`` or ``interrupted``."""
    started_ns: int
    ended_ns: int | None
    duration_seconds: float | None
    created: int = 0
    updated: int = 0
    deleted: int = 0
    skipped: int = 0
    errors: int = 0

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``: all fields, with the times also as text."""
        return {
            **asdict(self),
            "started_at": iso_time(self.started_ns),
            "ended_at": None if self.ended_ns is None else iso_time(self.ended_ns),
        }


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One record created, updated or deleted."""

    event_id: str
    at_ns: int
    operation: str
    entity_type: str | None
    entity_id: str | None
    session_id: str | None
    job: str | None
    attributes: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``: all fields, with the time also as text."""
        return {**asdict(self), "at": iso_time(self.at_ns)}


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """One error."""

    event_id: str
    at_ns: int
    kind: str
    message: str
    type: str
    code: str
    entity_type: str | None
    entity_id: str | None
    session_id: str | None
    job: str | None

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``: all fields, with the time also as text."""
        return {**asdict(self), "at": iso_time(self.at_ns)}


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event of any category."""

    event_id: str
    at_ns: int
    severity: int
    category: str
    operation: str | None
    entity_type: str | None
    entity_id: str | None
    session_id: str | None
    error_kind: str | None
    error_message: str | None
    error_code: str | None
    job: str | None
    attributes: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``: all fields, with the time also as text."""
        return {**asdict(self), "at": iso_time(self.at_ns)}
