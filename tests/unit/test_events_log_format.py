from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busway.contracts.events import Event, EventError, Severity
from busway.events.log_format import as_json, as_text
from busway.events.log_sink import LogSink
from busway.events.times import iso_nanoseconds, iso_time

AT = 1_795_442_858_523_108_999
SESSION = "0199f3c2-7d1a-7000-8000-000000000001"
CHANGE = Event("e1", AT, Severity.INFO, "change", "employee", "7", SESSION, {"operation": "created"})
ERROR = Event(
    "e2", AT, Severity.ERROR, "error", "employee", "7", None, {}, EventError("sync", "no site", "KeyError", "BW5003")
)


def test_json_uses_the_terms_of_open_telemetry() -> None:
    assert json.loads(as_json(CHANGE, app="people")) == {
        "Timestamp": "2026-11-23T14:07:38.523108999Z",
        "SeverityNumber": 9,
        "SeverityText": "INFO",
        "EventName": "change.created",
        "Body": "employee 7",
        "Attributes": {
            "operation": "created",
            "busway.event.id": "e1",
            "busway.sync.id": SESSION,
            "busway.entity.type": "employee",
            "busway.entity.id": "7",
        },
        "TraceId": "0199f3c27d1a70008000000000000001",
        "Resource": {"service.name": "people"},
    }


def test_an_error_is_told_as_an_exception() -> None:
    record = json.loads(as_json(ERROR))
    assert (record["EventName"], record["SeverityNumber"], record["Body"]) == ("error", 17, "employee 7: sync: no site")
    assert record["Attributes"]["error.type"] == "KeyError"
    assert record["Attributes"]["exception.message"] == "no site"
    assert record["Attributes"]["busway.error.kind"] == "sync"
    assert record["Attributes"]["busway.error.code"] == "BW5003"
    assert "TraceId" not in record
    assert "Resource" not in record


def test_the_trace_is_that_of_the_open_telemetry_sink() -> None:
    from busway_sink_otel.ids import trace_id

    assert json.loads(as_json(CHANGE))["TraceId"] == trace_id(SESSION).hex()


@pytest.mark.parametrize("session", ["no uuid", "0" * 32, ""])
def test_what_is_no_trace_id_is_none(session: str) -> None:
    assert "TraceId" not in json.loads(as_json(Event("e", AT, Severity.INFO, "x", session_id=session)))


def test_a_digest_is_named_by_its_kind() -> None:
    digest = Event("e", AT, Severity.WARNING, "digest", attributes={"kind": "first", "groups": []})
    assert json.loads(as_json(digest))["EventName"] == "digest.first"


def test_text_tells_an_error_in_one_line() -> None:
    assert as_text(ERROR) == b"2026-11-23T14:07:38.523Z ERROR    error employee 7: sync: no site\n"


@given(st.text(), st.text())
def test_no_value_can_begin_a_line_or_colour_a_terminal(entity_id: str, reason: str) -> None:
    event = Event("e", AT, Severity.INFO, "skip", "x", entity_id, None, {"reason": reason})
    text = as_text(event).decode()
    assert text.endswith("\n")
    assert text[:-1].isprintable()
    assert as_json(event).count(b"\n") == 1


def deep() -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(500):
        value = {"x": value}
    return value


@pytest.mark.parametrize("value", ["\ud800", 2**70, deep(), {1: {2, 3}}, float("nan"), b"bytes", object()])
def test_any_value_is_written(value: Any) -> None:
    event = Event("e", AT, Severity.INFO, "skip", attributes={"value": value})
    assert json.loads(as_json(event))["EventName"] == "skip"
    assert as_text(event).startswith(b"2026-11-23")


@pytest.mark.parametrize(
    ("at_ns", "text"),
    [(0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"), (AT, "2026-11-23T14:07:38.523Z")],
)
def test_times(at_ns: int, text: str) -> None:
    assert iso_time(at_ns) == text
    assert iso_nanoseconds(at_ns).startswith(text[:-1])


@pytest.mark.parametrize("at_ns", [2**63 - 1, 2**80, -(2**80)])
def test_a_time_out_of_any_calendar_is_still_told(at_ns: int) -> None:
    assert iso_time(at_ns).endswith("Z")


def test_a_batch_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = LogSink(tmp_path / "audit.log")
    sink.deliver([CHANGE])
    real, left = os.write, [10]

    def write(descriptor: int, data: memoryview) -> int:
        room = left[0]
        if not room:
            raise OSError(errno.ENOSPC, "no space left on device")
        left[0] = 0
        return real(descriptor, data[:room])

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(OSError, match="no space"):
        sink.deliver([CHANGE, ERROR])
    monkeypatch.undo()
    sink.deliver([CHANGE, ERROR])
    lines = [json.loads(line) for line in (tmp_path / "audit.log").read_text().splitlines()]
    assert [line["Attributes"]["busway.event.id"] for line in lines] == ["e1", "e1", "e2"]
