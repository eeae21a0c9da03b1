"""What callers pass, as the journal's own types."""

from __future__ import annotations

from typing import Any

import pytest

from busway.contracts.events import EventError, Severity
from busway.errors import UsageError
from busway.events.event_codec import attributes_of, error_record, event_of, kind_of, severity_of, text_of

RECORD: dict[str, Any] = {
    "event_id": "e",
    "timestamp": 1,
    "severity": 17,
    "category": "error",
    "entity_type": None,
    "entity_id": "7",
    "session_id": None,
    "attributes": {"n": 1},
    "error": {"kind": "k", "message": "m", "type": "T", "code": "BW1"},
}


def test_an_event_comes_back_as_it_was() -> None:
    event = event_of(RECORD)
    assert (event.event_id, event.severity, event.entity_id) == ("e", Severity.ERROR, "7")
    assert event.error == EventError("k", "m", "T", "BW1")
    assert error_record(EventError("k", "m", "T", "BW1")) == RECORD["error"]


def test_what_is_passed_in_place_of_an_error_is_told_as_one() -> None:
    plain, coded = ValueError("a secret"), UsageError("BW1", "what", fix="how")
    assert error_record(plain) == {"kind": "error", "message": "", "type": "ValueError", "code": ""}
    assert error_record(coded) == {"kind": "error", "message": "", "type": "UsageError", "code": "BW1"}
    assert error_record("it broke") == {"kind": "error", "message": "it broke", "type": "", "code": ""}


@pytest.mark.parametrize("change", [{"severity": 8}, {"severity": None}, {"error": {"x": 1}}, {"error": 7}], ids=str)
def test_what_is_no_event_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError)):
        event_of({**RECORD, **change})
    with pytest.raises(KeyError):
        event_of({"event_id": "e"})


def test_kinds() -> None:
    assert (kind_of("digest"), kind_of("error"), kind_of("")) == ("digests", "events", "events")


@pytest.mark.parametrize(
    ("given", "found"),
    [(Severity.INFO, 9), (21, 21), (True, 17), (4, 17), ("info", 17), (None, 17), (2**70, 17)],
    ids=str,
)
def test_a_severity_that_is_none_is_not_overlooked(given: Any, found: int) -> None:
    assert severity_of(given) == found
    assert type(severity_of(given)) is Severity


def test_texts_and_attributes_of_anything() -> None:
    assert (text_of("x"), text_of(7), text_of(None)) == ("x", "7", "None")
    assert attributes_of({"a": 1}) == {"a": 1}
    assert attributes_of(None) == {}
    assert attributes_of([1, 2]) == {"attributes": [1, 2]}
