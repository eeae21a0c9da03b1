from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from busway.contracts.events import Event, EventError, Severity
from busway.events.log_format import as_json, as_text

AT = 1_795_442_858_523_108_999
CHANGE = Event("e1", AT, Severity.INFO, "change", "employee", "7", "s1", {"operation": "created"})
ERROR = Event("e2", AT, Severity.ERROR, "error", "employee", "7", None, {}, EventError("sync", "no site", "KeyError"))


def test_json_uses_the_terms_of_open_telemetry() -> None:
    assert json.loads(as_json(CHANGE)) == {
        "timestamp": "2026-11-23T14:07:38.523Z",
        "severity_number": 9,
        "severity_text": "INFO",
        "event_name": "change.created",
        "body": "employee 7",
        "attributes": {
            "operation": "created",
            "busway.event.id": "e1",
            "busway.sync.id": "s1",
            "busway.entity.type": "employee",
            "busway.entity.id": "7",
        },
    }


def test_text_tells_an_error_in_one_line() -> None:
    assert as_text(ERROR) == b"2026-11-23T14:07:38.523Z ERROR    error employee 7: sync: no site\n"


@given(st.text(), st.text())
def test_no_value_can_begin_a_line_or_colour_a_terminal(entity_id: str, reason: str) -> None:
    text = as_text(Event("e", AT, Severity.INFO, "skip", "x", entity_id, None, {"reason": reason})).decode()
    assert text.endswith("\n")
    assert text[:-1].isprintable()
