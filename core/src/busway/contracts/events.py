"""Events: one thing that happened, as every sink receives it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

__all__ = ["Event", "EventError", "Severity"]


class Severity(IntEnum):
    """Numbers of the OpenTelemetry log data model (the first of each range)."""

    DEBUG = 5
    INFO = 9
    WARNING = 13
    ERROR = 17
    CRITICAL = 21


@dataclass(frozen=True, slots=True)
class EventError:
    """What went wrong, redacted."""

    kind: str
    """The caller's word for it, of few values: ``validation``, ``sync_failure``."""
    message: str
    type: str = ""
    """Class name of the exception, if there was one."""
    code: str = ""
    """``BW`` code where the exception carried one."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event, redacted. Sinks receive it and must not change it.

    ``category`` is one of few words without ids: ``session``, ``change``, ``skip``, ``error``, ``digest``,
    ``system``, ``audit``; plugins may add their own. For a change, ``attributes["operation"]`` is
    ``created``, ``updated`` or ``deleted``.
    """

    event_id: str
    """UUIDv7 as text; stable over every delivery attempt, so receivers can drop repeats."""
    timestamp: int
    """Nanoseconds since the Unix epoch; rendered only where a person reads it."""
    severity: Severity
    category: str
    entity_type: str | None = None
    entity_id: str | None = None
    session_id: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    error: EventError | None = None
