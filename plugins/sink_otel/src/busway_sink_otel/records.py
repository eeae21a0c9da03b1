"""Events as log records, sessions that ended as spans."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs, SeverityNumber
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from busway.contracts.events import Event
from busway_sink_otel.ids import span_id, trace_id
from busway_sink_otel.values import attributes

__all__ = ["logs_request", "spans_request"]

SCOPE = InstrumentationScope(name="busway")
ENDS = ("ended", "interrupted")


def logs_request(events: Iterable[Event], service: str) -> bytes:
    """One log record per event: ``category`` is its event name, ids are attributes (OTel log data model)."""
    scope = ScopeLogs(scope=SCOPE, log_records=[_record(event) for event in events])
    request = ExportLogsServiceRequest(resource_logs=[ResourceLogs(resource=_resource(service), scope_logs=[scope])])
    return bytes(request.SerializeToString())


def spans_request(events: Iterable[Event], service: str) -> bytes | None:
    """One span per session that ended or was interrupted; ``None`` when there is none."""
    spans = [_span(event) for event in events if _ends_a_session(event)]
    if not spans:
        return None
    scope = ScopeSpans(scope=SCOPE, spans=spans)
    resource_spans = ResourceSpans(resource=_resource(service), scope_spans=[scope])
    return bytes(ExportTraceServiceRequest(resource_spans=[resource_spans]).SerializeToString())


def _resource(service: str) -> Resource:
    return Resource(attributes=attributes({"service.name": service}))


def _record(event: Event) -> LogRecord:
    record = LogRecord(
        time_unix_nano=event.timestamp,
        observed_time_unix_nano=event.timestamp,
        # The severities of events are the numbers of the OpenTelemetry data model.
        severity_number=cast("SeverityNumber.ValueType", int(event.severity)),
        severity_text=event.severity.name,
        event_name=f"busway.{event.category}",
        attributes=attributes(_about(event)),
    )
    if event.error is not None:
        record.body.CopyFrom(AnyValue(string_value=event.error.message))
    if event.session_id:
        record.trace_id, record.span_id = trace_id(event.session_id), span_id(event.session_id)
    return record


def _about(event: Event) -> dict[str, Any]:
    about: dict[str, Any] = {
        "busway.event.id": event.event_id,
        "busway.sync.id": event.session_id,
        "busway.entity.type": event.entity_type,
        "busway.entity.id": event.entity_id,
        **{f"busway.{name}": value for name, value in event.attributes.items()},
    }
    if event.error is not None:
        about |= {"error.type": event.error.kind, "exception.type": event.error.type or None}
        about |= {"exception.message": event.error.message, "busway.error.code": event.error.code or None}
    return about


def _ends_a_session(event: Event) -> bool:
    return event.category == "session" and event.session_id is not None and event.attributes.get("operation") in ENDS


def _span(event: Event) -> Span:
    told, session = event.attributes, str(event.session_id)
    ended_ns = _whole(told.get("ended_ns"), event.timestamp)
    span = Span(
        trace_id=trace_id(session),
        span_id=span_id(session),
        name=f"sync {told.get('name', '')}".rstrip(),
        kind=Span.SPAN_KIND_INTERNAL,
        start_time_unix_nano=min(_whole(told.get("started_ns"), ended_ns), ended_ns),
        end_time_unix_nano=ended_ns,
        attributes=attributes({f"busway.{name}": value for name, value in told.items()}),
    )
    fault = _fault(told)
    span.status.CopyFrom(Status(code=Status.STATUS_CODE_ERROR if fault else Status.STATUS_CODE_OK, message=fault))
    return span


def _fault(told: Any) -> str:
    if told.get("operation") == "interrupted":
        return "interrupted"
    errors = _whole(told.get("errors"), 0)
    return f"{errors} errors" if errors else ""


def _whole(value: object, otherwise: int) -> int:
    return value if isinstance(value, int) and value >= 0 else otherwise
