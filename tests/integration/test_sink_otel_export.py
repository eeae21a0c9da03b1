"""What the OpenTelemetry sink sends, and what it makes of the answers."""

from __future__ import annotations

import subprocess
import sys
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Status
from pydantic import ValidationError
from pytest_httpserver import HTTPServer

from builders.manual_clock import ManualClock
from builders.otlp_receiver import OtlpReceiver
from busway.contracts.events import Event, EventError, Severity
from busway.contracts.settings import Secret
from busway.errors import ConfigurationError, UnreachableError
from busway_sink_otel.health import checks
from busway_sink_otel.settings import OtelSettings
from busway_sink_otel.sink import OtelSink

SESSION = "0199f3c2-7d00-7000-8000-5e5510000000"
NOW = 1_767_225_600_000_000_000


@pytest.fixture
def receiver(httpserver: HTTPServer) -> OtlpReceiver:
    return OtlpReceiver(httpserver)


@pytest.fixture
def sink(receiver: OtlpReceiver) -> Iterator[OtelSink]:
    sink = OtelSink(OtelSettings(endpoint=receiver.url + "/"), "people")
    yield sink
    sink.close()


def event(category: str = "change", **fields: Any) -> Event:
    values: dict[str, Any] = {"severity": Severity.INFO, "session_id": SESSION, **fields}
    return Event("0199f3c2-7d00-7000-8000-000000000001", NOW, category=category, **values)


def ended(**told: Any) -> Event:
    about = {"operation": "ended", "name": "employees", "started_ns": NOW - 5_000_000_000, "ended_ns": NOW, "errors": 0}
    return event("session", attributes={**about, **told})


def plain(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "kvlist_value":
        return {one.key: plain(one.value) for one in value.kvlist_value.values}
    if kind == "array_value":
        return [plain(one) for one in value.array_value.values]
    return getattr(value, str(kind))


def attributes(record: Any) -> dict[str, Any]:
    return {one.key: plain(one.value) for one in record.attributes}


def test_an_event_becomes_a_log_record_of_its_session(sink: OtelSink, receiver: OtlpReceiver) -> None:
    told = {"operation": "updated", "changes": {"title": ["a", None, 3, 1.5, True]}, "huge": 2**70}
    sink.deliver([event(entity_type="employee", entity_id="10482", attributes=told)])
    (record,) = receiver.logs
    assert (record.time_unix_nano, record.event_name) == (NOW, "busway.change")
    assert (record.severity_number, record.severity_text) == (9, "INFO")
    assert record.trace_id.hex() == SESSION.replace("-", "")
    assert len(record.span_id) == 8
    found = attributes(record)
    assert found["busway.sync.id"] == SESSION
    assert (found["busway.entity.type"], found["busway.entity.id"]) == ("employee", "10482")
    assert found["busway.changes"] == {"title": ["a", "", 3, 1.5, True]}
    assert found["busway.huge"] == str(2**70)
    assert receiver.services == {"people"}
    assert receiver.spans == []


def test_values_deeper_than_a_parser_takes_are_sent_as_json(sink: OtelSink, receiver: OtlpReceiver) -> None:
    deep: Any = "bottom"
    for _ in range(32):
        deep = {"level": deep}
    assert sink.deliver([event(attributes={"deep": deep})]).delivered
    found: Any = attributes(receiver.logs[0])["busway.deep"]
    levels = 0
    while isinstance(found, dict):
        found, levels = found["level"], levels + 1
    assert levels == 24
    assert found.endswith('"bottom"' + "}" * 8)


def test_an_error_has_the_names_of_the_conventions(sink: OtelSink, receiver: OtlpReceiver) -> None:
    error = EventError("validation", "no first name", "ValueError", "BW6001")
    sink.deliver([event("error", severity=Severity.ERROR, error=error, session_id=None)])
    (record,) = receiver.logs
    found = attributes(record)
    assert (record.body.string_value, record.severity_number) == ("no first name", 17)
    assert (found["error.type"], found["exception.type"], found["busway.error.code"]) == (
        "validation",
        "ValueError",
        "BW6001",
    )
    assert record.trace_id == b""


def test_a_session_that_ended_becomes_a_span_of_the_same_trace(sink: OtelSink, receiver: OtlpReceiver) -> None:
    sink.deliver([ended()])
    (span,), (record,) = receiver.spans, receiver.logs
    assert span.name == "sync employees"
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (NOW - 5_000_000_000, NOW)
    assert (span.trace_id, span.span_id) == (record.trace_id, record.span_id)
    assert span.status.code == Status.STATUS_CODE_OK


@pytest.mark.parametrize(
    ("told", "fault"), [({"errors": 3}, "3 errors"), ({"operation": "interrupted"}, "interrupted")]
)
def test_a_session_that_went_wrong_is_an_error(
    sink: OtelSink, receiver: OtlpReceiver, told: dict[str, Any], fault: str
) -> None:
    sink.deliver([ended(**told)])
    (span,) = receiver.spans
    assert (span.status.code, span.status.message) == (Status.STATUS_CODE_ERROR, fault)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_the_statuses_that_say_not_now_come_again(sink: OtelSink, receiver: OtlpReceiver, status: int) -> None:
    receiver.status = {"/v1/logs": status}
    receiver.retry_after = {"Retry-After": "2.5"}
    answer = sink.deliver([event()])
    assert (answer.delivered, answer.rejected, answer.retry_after_seconds) == (frozenset(), {}, 2.5)


@pytest.mark.parametrize(("header", "seconds"), [("Thu, 01 Jan 2026 00:01:30 GMT", 90.0), ("soon", None), ("-3", None)])
def test_the_wait_may_be_a_date(receiver: OtlpReceiver, header: str, seconds: float | None) -> None:
    receiver.status = {"/v1/logs": 503}
    receiver.retry_after = {"Retry-After": header}
    sink = OtelSink(OtelSettings(endpoint=receiver.url), "people", ManualClock())
    assert sink.deliver([event()]).retry_after_seconds == seconds
    sink.close()


@pytest.mark.parametrize("status", [301, 400, 401, 404, 413, 500])
def test_every_other_status_is_final(sink: OtelSink, receiver: OtlpReceiver, status: int) -> None:
    receiver.status = {"/v1/logs": status}
    (reason,) = sink.deliver([event()]).rejected.values()
    assert reason == f"the OpenTelemetry receiver answered {status}; check OTEL_EXPORTER_OTLP_ENDPOINT"


def test_spans_that_did_not_arrive_hold_the_logs_back(sink: OtelSink, receiver: OtlpReceiver) -> None:
    receiver.status = {"/v1/traces": 503}
    assert sink.deliver([ended()]).delivered == frozenset()
    assert receiver.logs == []
    receiver.status = {}
    assert sink.deliver([ended()]).delivered
    assert len(receiver.spans) == len(receiver.logs) == 1


def test_headers_are_sent_and_shown_nowhere(receiver: OtlpReceiver) -> None:
    key = "synthetic-otel-key-1"
    sink = OtelSink(
        OtelSettings(endpoint=receiver.url, headers=Secret(f"authorization=Bearer%20{key}, X-Tenant=people")), "people"
    )
    sink.deliver([event()])
    assert receiver.headers[0]["authorization"] == f"Bearer {key}"
    assert receiver.headers[0]["x-tenant"] == "people"
    assert key not in repr(sink) + repr(vars(sink))
    sink.close()


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ("synthetic-otel-key-1", "a header is not written name=value"),
        ("the key=synthetic-otel-key-1", "a header is not written name=value"),
        ("kéy=synthetic-otel-key-1", "a header is not written name=value"),
        ("key=synthetic-otel-key-1%0Ax", "a value holds characters that no header can carry"),
        ("key=synthetic-otel-key-1%00", "a value holds characters that no header can carry"),
        ("key=é-synthetic-otel-key-1", "a value holds characters that no header can carry"),
    ],
)
def test_headers_that_are_none_are_a_coded_error_without_their_text(
    receiver: OtlpReceiver, headers: str, why: str
) -> None:
    sink = OtelSink(OtelSettings(endpoint=receiver.url, headers=Secret(headers)), "people")
    with pytest.raises(ConfigurationError) as caught:
        sink.deliver([event()])
    sink.close()
    assert (caught.value.problem.code, caught.value.problem.why) == ("BW3241", why)
    assert "synthetic-otel-key-1" not in "".join(traceback.format_exception(caught.value))
    assert receiver.headers == []


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:1", "http://two..dots.test:4318"])
def test_nobody_there_is_unreachable_and_says_where(endpoint: str) -> None:
    sink = OtelSink(OtelSettings(endpoint=endpoint), "people")
    with pytest.raises(UnreachableError) as caught:
        sink.deliver([event()])
    sink.close()
    assert caught.value.problem.code == "BW3240"
    assert caught.value.problem.where == f"OTEL_EXPORTER_OTLP_ENDPOINT={endpoint}"


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "localhost:4318",
        "ftp://x",
        "http://",
        "https://user:pw@collector",
        "http://x:99999",
        "http://x:y",
        "http://[x",
    ],
)
def test_an_endpoint_that_is_none_is_refused(endpoint: str) -> None:
    with pytest.raises(ValidationError):
        OtelSettings(endpoint=endpoint)


@pytest.mark.parametrize(("status", "wanted"), [(200, "ok"), (401, "failed")])
def test_the_health_check_asks_the_receiver(receiver: OtlpReceiver, status: int, wanted: str) -> None:
    receiver.status = {"/v1/logs": status}
    (check,) = checks(OtelSettings(endpoint=receiver.url), "people")
    result = check.run()
    assert check.online
    assert result.status == wanted
    assert receiver.url in result.detail


def test_nothing_heavy_is_imported_before_the_sink_is_built() -> None:
    program = (
        "import sys, busway_sink_otel; busway_sink_otel.busway_settings();"
        "print([name for name in sys.modules if name.startswith(('opentelemetry', 'google', 'httpx'))])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
