from __future__ import annotations

import base64
import copy
import enum
import json
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple
from urllib.parse import quote

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from busway.metrics.registry import Metrics
from busway.redaction.redactor import Redactor
from busway.redaction.survey import MAX_DEPTH
from busway.redaction.text_rules import MAX_TEXT

SECRET = 'Tr0ub4dor&3/"quoted" value'


@dataclass
class Person:
    first_name: str
    number: int


class Talkative:
    def __str__(self) -> str:
        return SECRET


class Unreadable(Mapping[str, Any]):
    def __getitem__(self, key: str) -> Any:
        raise RuntimeError(SECRET)

    def __iter__(self) -> Iterator[str]:
        return iter(("x",))

    def __len__(self) -> int:
        return 1


class Mute:
    """A dictionary in disguise that will not be asked anything."""

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        raise RuntimeError(SECRET)


class Count(int):
    plain = 7

    def __str__(self) -> str:
        return SECRET

    __repr__ = __str__


class Amount(float):
    plain = 1.5

    def __repr__(self) -> str:
        return SECRET


class Day(date):
    plain = "2015-01-01"

    def __str__(self) -> str:
        return SECRET

    def isoformat(self) -> str:
        return SECRET


class Label(str):
    __slots__ = ()
    plain = "plain"

    def __str__(self) -> str:
        return SECRET


class Colour(enum.Enum):
    RED = "red"


class Login(NamedTuple):
    host: str
    password: str


def shown(value: Any) -> str:
    return repr(Redactor([SECRET]).redact(value))


def test_markers_name_the_rule_and_never_the_match() -> None:
    redacted = Redactor().redact({"clientSecret": "abc", "email": "j@x.example", "zip": 12345, "title": "Foreman"})
    assert redacted == {
        "clientSecret": "[redacted:secret]",
        "email": "[redacted:email]",
        "zip": "[redacted:zip]",
        "title": "Foreman",
    }


def test_nothing_is_copied_when_nothing_is_redacted() -> None:
    value = {"title": "Foreman", "tags": ["a", ("b", 1)], "since": date(2015, 1, 1), "nested": {"deep": {"er": None}}}
    assert Redactor([SECRET]).redact(value) is value


def test_input_is_never_changed() -> None:
    value = {"a": [{"password": "x", "note": SECRET}], "b": ({"email": "e"},)}
    before = copy.deepcopy(value)
    redacted = Redactor([SECRET]).redact(value)
    assert value == before
    assert redacted == {
        "a": [{"password": "[redacted:password]", "note": "[redacted:secret]"}],
        "b": ({"email": "[redacted:email]"},),
    }


def test_absence_is_not_personal() -> None:
    assert Redactor().redact({"email": None, "has_password": True}) == {"email": None, "has_password": True}


@pytest.mark.parametrize(
    "place",
    [
        SECRET,
        f"before {SECRET} after",
        {"note": [SECRET]},
        {SECRET: 1},
        {("x",): {SECRET}},
        (SECRET,),
        {SECRET, "other"},
        frozenset({SECRET}),
        SECRET.encode(),
        bytearray(SECRET.encode()),
        Person(SECRET, 1),
        {"person": Person(SECRET, 1)},
        OrderedDict(note=SECRET),
        ValueError(f"bad {SECRET}"),
        Talkative(),
        json.dumps({"note": SECRET}),
        json.dumps(json.dumps({"note": SECRET})),
        f"https://h/?q={quote(SECRET, safe='')}",
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(b"user:" + SECRET.encode()).decode(),
        base64.urlsafe_b64encode(b"ab" + SECRET.encode()).decode(),
        SECRET.encode().hex(),
    ],
    ids=lambda place: type(place).__name__,
)
def test_a_registered_value_does_not_get_through(place: Any) -> None:
    text = shown(place)
    for spelling in (SECRET, repr(SECRET)[1:-1], quote(SECRET, safe=""), SECRET.encode().hex(), "0ub4dor"):
        assert spelling not in text
    assert "redacted" in text


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Server=h;UID=u;PWD={a;b}}c};Encrypt=yes", "a;b"),
        ("amqp://user:hunter22@host/", "hunter22"),
        ("Authorization: Bearer abcdefgh.ijkl", "abcdefgh"),
        ('{"api_key": "k-123"}', "k-123"),
        ("eyJhbGciOiJub25l.eyJzdWIiOiIxIn0.c2ln", "eyJzdWIiOiIxIn0"),
        ("-----BEGIN PRIVATE KEY-----\nMIIabc\n-----END PRIVATE KEY-----", "MIIabc"),
        ("no mailbox for jane.doe@example.test", "jane.doe"),
    ],
)
def test_shapes_of_secrets_in_text(text: str, secret: str) -> None:
    redacted = Redactor().redact_text(text)
    assert secret not in redacted
    assert "[redacted:" in redacted


@pytest.mark.parametrize(
    "text", ["", "employee 4711: hire date missing", "12:30", "a=b", "50 % of 3 titles", "x" * 5000]
)
def test_plain_text_stays(text: str) -> None:
    assert Redactor([SECRET]).redact_text(text) == text


def test_short_values_are_not_secrets() -> None:
    redactor = Redactor(["admin"])
    redactor.register("true")
    assert redactor.redact("the admin said true") == "the admin said true"


def test_a_value_registered_later_counts_from_then_on_also_in_keys() -> None:
    redactor = Redactor()
    value = {SECRET: {"note": SECRET}}
    assert redactor.redact(value) is value
    redactor.register(SECRET)
    assert redactor.redact(value) == {"[redacted:secret]": {"note": "[redacted:secret]"}}


def test_depth_gives_a_marker_not_the_value() -> None:
    value: Any = SECRET[:7]
    for _ in range(MAX_DEPTH + 5):
        value = [value]
    assert "[redacted:depth]" in shown(value)
    assert SECRET[:7] not in shown(value)
    loop: list[Any] = []
    loop.append(loop)
    assert "[redacted:depth]" in shown(loop)


def test_errors_inside_fail_closed_and_are_counted() -> None:
    metrics = Metrics()
    redactor = Redactor(metrics=metrics)
    assert redactor.redact({"a": Unreadable(), "b": [Mute(), 1]}) == {
        "a": "[redacted:error]",
        "b": ["[redacted:error]", 1],
    }
    assert redactor.redact(Unreadable()) == "[redacted:error]"
    assert redactor.failures == 3
    assert metrics.counter("busway_redaction_failures_total").value == 3


@pytest.mark.parametrize("value", [Talkative(), object(), Talkative, lambda: 1, iter([SECRET]), re.compile(SECRET)])
def test_the_text_of_unknown_objects_is_not_asked_for(value: Any) -> None:
    redactor = Redactor()
    assert redactor.redact({"a": value}) == {"a": "[redacted:object]"}
    assert redactor.failures == 0


@pytest.mark.parametrize("value", [Count(7), Amount(1.5), Day(2015, 1, 1), Label("plain")])
def test_subclasses_of_plain_types_speak_as_the_plain_type(value: Any) -> None:
    redactor = Redactor()
    assert orjson.loads(orjson.dumps(redactor.redact({"a": value}))) == {"a": value.plain}
    assert redactor.failures == 0


def test_fields_of_named_tuples_and_data_classes_are_keys() -> None:
    redacted = Redactor().redact([Login("host", "hunter2"), Person("Jane", 3), {"p": Login("h", "x")}])
    assert redacted == [
        {"host": "host", "password": "[redacted:password]"},
        {"first_name": "[redacted:first-name]", "number": 3},
        {"p": {"host": "h", "password": "[redacted:password]"}},
    ]


def test_keys_that_are_no_text_become_text_and_hide_what_text_would() -> None:
    value = {b"password": "x", (SECRET, 1): 2, Colour.RED: 3, Talkative(): 4, 5: 6, None: 7, Label("token"): 8}
    assert Redactor([SECRET]).redact(value) == {
        "password": "[redacted:password]",
        "('[redacted:secret]', 1)": 2,
        "red": 3,
        "[redacted:object]": 4,
        5: 6,
        None: 7,
        "token": "[redacted:token]",
    }


def test_no_value_is_lost_when_keys_become_the_same() -> None:
    other = "another-s3cret"
    assert Redactor([SECRET, other]).redact({SECRET: 1, other: 2, "[redacted:secret]": 3, "z": 4}) == {
        "[redacted:secret] (2)": 1,
        "[redacted:secret] (3)": 2,
        "[redacted:secret]": 3,
        "z": 4,
    }


def test_the_order_of_keys_stays() -> None:
    redacted = Redactor([SECRET]).redact({"b": 1, SECRET: 2, "password": 3, "a": 4})
    assert list(redacted) == ["b", "[redacted:secret]", "password", "a"]


def test_values_that_refer_to_each_other_end() -> None:
    node: Any = ["leaf"]
    for _ in range(31):
        node = [node, node]
    shown = Redactor().redact(node)
    assert "[redacted:too-many]" in json.dumps(shown)
    both: dict[str, Any] = {"token": 1}
    both["left"] = both["right"] = both
    assert "[redacted:" in json.dumps(Redactor().redact(both))


def test_a_long_text_is_cut_and_a_secret_on_the_cut_is_hidden_whole() -> None:
    redactor = Redactor([SECRET])
    text = "x " * ((MAX_TEXT - 10) // 2) + SECRET + " tail" * 9
    shown = redactor.redact_text(text)
    assert shown.endswith("x [redacted:secret][redacted:too-long]")
    assert len(redactor.redact({"note": "y" * (MAX_TEXT + 1)})["note"]) == MAX_TEXT + len("[redacted:too-long]")
    assert redactor.redact_text("y" * MAX_TEXT) == "y" * MAX_TEXT


def test_long_keys_are_judged_by_their_end_and_not_remembered() -> None:
    redactor = Redactor()
    long_key = "x" * 5_000 + "_password"
    assert redactor.redact({long_key: "y"}) == {long_key: "[redacted:password]"}
    assert not redactor._verdicts._special


def test_only_so_many_keys_are_remembered() -> None:
    redactor = Redactor()
    for number in range(0, 30_000, 100):
        redactor.redact({f"employee{count}": "x" for count in range(number, number + 100)})
    assert len(redactor._verdicts.ordinary) <= 10_000


def test_what_looks_like_a_marker_but_is_none_is_hidden() -> None:
    assert Redactor().redact_text("password=[redacted:hunter2]") == "password=[redacted:pattern.assignment]"
    assert Redactor().redact_text("password=[redacted:secret]") == "password=[redacted:secret]"


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12) | st.just(SECRET),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8) | st.just("token"), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(json_like)
def test_whatever_the_shape_the_secret_is_gone_and_a_second_pass_changes_nothing(value: Any) -> None:
    redactor = Redactor([SECRET])
    once = redactor.redact(value)
    assert SECRET not in json.dumps(once, ensure_ascii=False).replace('\\"', '"')
    assert redactor.redact(once) == once
    assert redactor.failures == 0


def test_the_way_to_set_a_secret_is_no_secret() -> None:
    fix = "export SAFETYAMP_TOKEN=..."
    assert Redactor().redact_text(fix) == fix
    assert "hunter2" not in Redactor().redact_text("SAFETYAMP_TOKEN=hunter2hunter2")
