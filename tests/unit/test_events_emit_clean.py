"""The short way of events in which there is nothing to redact must never be taken by one in which there is."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from busway.redaction import engine as engines
from busway.redaction.redactor import Redactor

re2: Any = pytest.importorskip("re2")

SECRETS = ("hunter2-hunter2-X9", 'q"uo\\te-secret', "line\nfeed-secret", "gr\u00fc\u00dfe-an-alle")
REDACTOR = Redactor(SECRETS, engine="re2")
PIECES = (
    *SECRETS,
    "plain words",
    "jane.doe@customer.example",
    "+1 (555) 010-9999",
    "Bearer abcdef123456",
    "Bearer\tabcdef123456",
    "password=open sesame",
    'password: "open"',
    "https://svc:pw@host/x",
    "AKIAABCDEFGHIJKLMNOP",
    "123-45-6789",
    "\u00e9",
    "\\",
    '"',
    "\n",
    " ",
    "\x7f",
    "\u2028",
)
KEYS = ("note", "table", "password", "firstName", "api_key", "a b", "hunter2-hunter2-X9", "jane.doe@customer.example")
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=6), max_size=4).map("".join)
keys = st.sampled_from(KEYS) | st.text(max_size=4)
values = st.recursive(
    texts | st.integers() | st.floats() | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=10,
)


def record(attributes: Any, entity_id: str) -> dict[str, Any]:
    return {"event_id": "e" * 36, "entity_id": entity_id, "attributes": attributes}


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(keys, values, max_size=5), texts)
@example({"note": "x" * 70_000}, "")
def test_what_goes_the_short_way_would_not_have_been_changed(attributes: dict[str, Any], entity_id: str) -> None:
    body = REDACTOR.clean_json(record(attributes, entity_id), attributes)
    redacted = REDACTOR.redact((attributes, entity_id))
    if body is not None:
        assert redacted == (attributes, entity_id) or orjson.dumps(redacted) == orjson.dumps((attributes, entity_id))
        assert body == orjson.dumps(record(attributes, entity_id))


def test_most_events_go_the_short_way() -> None:
    attributes = {"table": "assets", "batch": 42, "ms": 12.5, "changed": ["name", "site"], "more": [{"n": 1}]}
    for _ in range(300):  # the values of secrets become part of the expression after a while
        assert REDACTOR.clean_json(record(attributes, "A-1"), attributes) is not None
        assert REDACTOR.clean_json(record({"note": SECRETS[0]}, "A-1"), {}) is None


def test_a_value_that_refers_to_itself_many_times_is_not_written_out() -> None:
    value: list[Any] = []
    for _ in range(40):
        value = [value] * 40
    assert REDACTOR.clean_json(record({"v": value}, ""), {"v": value}) is None


def test_what_is_large_is_not_even_serialised(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setattr("busway.redaction.redactor.orjson", type("Recorder", (), {"dumps": calls.append}))
    for wide in (dict.fromkeys(map(str, range(2_000)), "x"), {"v": ["x"] * 2_000}, {"v": [{"n": {"n": 1}}] * 600}):
        assert REDACTOR.clean_json(record(wide, ""), wide) is None
    assert calls == []


@pytest.mark.parametrize(
    "value", [{"firstName": "Jane"}, [{"lastName": "Doe"}], [[({"n": {"firstName": "J"}},)]]], ids=str
)
def test_keys_are_judged_at_every_depth(value: Any) -> None:
    assert REDACTOR.clean_json(record({"v": value}, ""), {"v": value}) is None


@pytest.mark.parametrize(
    "attributes",
    [{"v": object()}, {1: "x"}, {"v": {1: 2}}, {"v": "\ud800"}, {"v": 2**70}, {"v": [set()]}, {"v": "a\\b"}],
    ids=lambda value: str(value).partition(" at 0x")[0],
)
def test_what_is_unusual_does_not_go_the_short_way(attributes: dict[Any, Any]) -> None:
    assert REDACTOR.clean_json(record(attributes, ""), attributes) is None


def test_without_the_accelerator_there_is_no_short_way() -> None:
    assert Redactor(engine="re").clean_json(record({}, "A-1"), {}) is None


def test_bytes_that_are_harmless_are_not_looked_at() -> None:
    whole = {"a": "jane.doe@customer.example", "b": "x"}
    assert REDACTOR.clean_json(whole, {}) is None
    assert REDACTOR.clean_json(whole, {}, len('{"a":"jane.doe@customer.example"')) is not None


@pytest.mark.parametrize("broken", ["gone", "other answer", "raises"])
def test_the_short_way_into_re2_is_taken_only_if_it_answers_as_the_documented_one(broken: str) -> None:
    compiled = re2.compile("secret|one@")

    class Wrapped:
        search = staticmethod(compiled.search)
        if broken == "other answer":
            _regexp = type("R", (), {"Match": staticmethod(lambda *args: [(0, 1)])})
        elif broken == "raises":
            _regexp = type("R", (), {"Match": staticmethod(lambda data: [])})

    assert engines._short_way(re2, Wrapped()) is None
    quick = engines._short_way(re2, compiled)
    assert quick is not None
    assert [quick(data) for data in (b"a secret", b"nothing", b"")] == [True, False, False]
