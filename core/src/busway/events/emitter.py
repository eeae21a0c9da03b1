"""Makes events: an id, a time, redaction, and into the journal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from busway.contracts.clock import Clock
from busway.contracts.events import EventError, Severity
from busway.events.event_codec import attributes_of, error_record, severity_of, text_of
from busway.events.ids import Ids, new_event_id
from busway.events.journal import JournalWriter
from busway.events.journal_line import encode_line, framed
from busway.metrics.registry import Metrics
from busway.redaction.redactor import Redactor

__all__ = ["Emitter"]

HEAD = len('{"event_id":"","timestamp":,"severity":0,"category":"","session_id":') + 36 + 19
YEAR_2001 = 10**18
"""Since then times have 19 digits."""
NOTHING: dict[str, Any] = {}
JUDGED = ("entity_type", "entity_id", "error")
"""What is redacted of every event; the attributes are besides if the caller supplied them."""


class Emitter:
    """The path of every event. What the caller supplied is redacted here, once; what the core made is not touched.

    Nothing that is wrong with an event is raised: the job that tells about itself must not fail because of it.
    """

    def __init__(
        self,
        writer: JournalWriter,
        redactor: Redactor,
        clock: Clock,
        metrics: Metrics,
        notify: Callable[[], None],
        new_id: Ids = new_event_id,
    ) -> None:
        self._append = writer.append_line
        self._now_ns = clock.now_ns
        self._notify = notify
        self._new_id = new_id
        self._clean_json = redactor.clean_json
        self.redact = redactor.redact
        self.redact_text = redactor.redact_text
        self._counters = {
            int(severity): metrics.counter(
                "busway_events_emitted_total", "Events emitted.", severity=severity.name.lower()
            )
            for severity in Severity
        }

    def emit(
        self,
        category: str,
        severity: Severity,
        attributes: Mapping[str, Any] | None,
        *,
        entity_type: str | None = None,
        entity_id: str | None = None,
        error: EventError | None = None,
        session_id: str | None = None,
        supplied: bool = False,
    ) -> str:
        """Journals one event and returns its id. Never raises.

        :param attributes: redacted here if they are ``supplied`` by the caller; else they must have been redacted, or
            be the core's own.
        """
        if type(attributes) is not dict:
            attributes = attributes_of(attributes)
        if type(category) is not str:
            category = text_of(category)
        if entity_type is not None and type(entity_type) is not str:
            entity_type = text_of(entity_type)
        if entity_id is not None and type(entity_id) is not str:
            entity_id = text_of(entity_id)
        number = severity._value_ if type(severity) is Severity else int(severity_of(severity))
        event_id, timestamp = self._new_id(), self._now_ns()
        record = {
            "event_id": event_id,
            "timestamp": timestamp,
            "severity": number,
            "category": category,
            "session_id": session_id,
            "entity_type": entity_type,
            "entity_id": entity_id,
            "attributes": attributes,
            "error": None if error is None else error_record(error),
        }
        # What the core makes stands at the beginning, and there is nothing to redact in it.
        head = HEAD + len(category) + (0 if session_id is None else len(session_id)) if timestamp > YEAR_2001 else 0
        body = self._clean_json(record, attributes if supplied else NOTHING, head)
        line = framed(body) if body is not None else encode_line(self._redacted(record, supplied=supplied))
        self._append(line, self._counters[number], number)
        self._notify()
        return event_id

    def write(self, record: dict[str, Any]) -> bool:
        """Journals a finished record; False when it is not in the journal, or not yet."""
        severity = int(severity_of(record["severity"]))
        written = self._append(encode_line(record), self._counters[severity], severity)
        self._notify()
        return written

    def _redacted(self, record: dict[str, Any], *, supplied: bool) -> dict[str, Any]:
        names = (*JUDGED, "attributes") if supplied else JUDGED
        judged = tuple(record[name] for name in names)
        redacted = self.redact(judged)  # all at once: most of them are clean
        if type(redacted) is not tuple or len(redacted) != len(names):
            redacted = tuple(self.redact(one) for one in judged)
        record.update(zip(names, redacted, strict=True))
        if not isinstance(record["attributes"], dict):
            record["attributes"] = {"attributes": record["attributes"]}
        return record
