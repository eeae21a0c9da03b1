"""Makes events: an id, a time, redaction, and into the journal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from uuid_utils import uuid7

from busway.contracts.clock import Clock
from busway.contracts.events import EventError, Severity
from busway.events.event_codec import error_record
from busway.events.journal import JournalWriter
from busway.metrics.registry import Metrics
from busway.redaction.redactor import Redactor

__all__ = ["Emitter"]


class Emitter:
    """The path of every event. What the caller supplied is redacted here, once; what the core made is not touched."""

    def __init__(
        self, writer: JournalWriter, redactor: Redactor, clock: Clock, metrics: Metrics, notify: Callable[[], None]
    ) -> None:
        self._writer = writer
        self._clock = clock
        self._notify = notify
        self.redact = redactor.redact
        self.redact_text = redactor.redact_text
        self._counters = {
            severity: metrics.counter("busway_events_emitted_total", "Events emitted.", severity=severity.name.lower())
            for severity in Severity
        }

    def emit(
        self,
        category: str,
        severity: Severity,
        attributes: dict[str, Any],
        *,
        entity_type: str | None = None,
        entity_id: str | None = None,
        error: EventError | None = None,
        session_id: str | None = None,
    ) -> str:
        """Journals one event and returns its id. ``attributes`` must have been redacted, or be the core's own."""
        event_id = str(uuid7())
        self.write(
            {
                "event_id": event_id,
                "timestamp": self._clock.now_ns(),
                "severity": int(severity),
                "category": category,
                "entity_type": None if entity_type is None else self.redact_text(str(entity_type)),
                "entity_id": None if entity_id is None else self.redact_text(str(entity_id)),
                "session_id": session_id,
                "attributes": attributes,
                "error": None if error is None else error_record(self._redacted(error)),
            }
        )
        return event_id

    def write(self, record: dict[str, Any]) -> bool:
        """Journals a finished record; False when it was dropped."""
        severity = record["severity"]
        written = self._writer.append(record, self._counters[severity], sync=severity >= Severity.ERROR)
        self._notify()
        return written

    def _redacted(self, error: EventError) -> EventError:
        return EventError(
            self.redact_text(str(error.kind)), self.redact_text(str(error.message)), error.type, error.code
        )
