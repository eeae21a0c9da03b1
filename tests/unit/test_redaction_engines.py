"""Both engines, and the quick look as well as the thorough walk, hide the same."""

from __future__ import annotations

import enum
import json
import sys
from datetime import date
from typing import Any, Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from builders.redaction_corpus import HITS, SURVIVORS
from busway.errors import ConfigurationError
from busway.redaction.engine import SETTLED, Gate
from busway.redaction.patterns import default_patterns
from busway.redaction.redactor import Redactor
from busway.redaction.sweep import Sweep
from busway.redaction.values import SecretValues

re2 = pytest.importorskip("re2")

SECRETS = ["hunter22-registered", 'Zü"rich/p@ss+w0rd\\42', "line-one-of-it\nline-two-of-it"]
PLAIN = Redactor(SECRETS, engine="re")
FAST = Redactor(SECRETS, engine="re2")

fragments = st.sampled_from(
    [text for _, text, _ in HITS]
    + [secret for _, _, secret in HITS]
    + SURVIVORS
    + SECRETS
    + [json.dumps(secret) for secret in SECRETS]
    + list("@:/=;.,-+ \n\r\t\v\x00\"'\\{}[]()&?#%<>\u0130\u017f\u212a\u2028\ud800é👍")
    + [
        "bearer",
        "PASSWORD",
        "pa\u017f\u017fword",
        "to\u212aen",
        "://",
        "555-",
        "+1 ",
        "000-00-0000",
        "eyJ",
        "%40",
        "...",
    ]
)
hostile_text = st.lists(fragments | st.text(max_size=6), max_size=8).map("".join)


class Colour(enum.Enum):
    RED = "red"
    MAIL = "jane@example.test"


leaves = (
    hostile_text
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from([*Colour, date(2015, 1, 1), b"jane@example.test", 2**70])
)
keys = st.sampled_from(["title", "name", "token", "x-api-key", "note", "hunter22-registered", "é"]) | st.text(
    max_size=5
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(keys | st.integers(), inner, max_size=4)
    ),
    max_leaves=14,
)


@given(hostile_text)
@example("pa\u017f\u017fword=abc")
@example("basic\nbearer XYZ12345")
@settings(max_examples=250, deadline=None)
def test_both_engines_hide_the_same_in_text(text: str) -> None:
    assert FAST.redact_text(text) == PLAIN.redact_text(text)
    assert FAST.failures == PLAIN.failures == 0


@pytest.mark.parametrize("text", [text for _, text, _ in HITS] + SURVIVORS)
def test_both_engines_hide_the_same_in_the_corpus(text: str) -> None:
    for around in ("{}", "a{}", "{}a", "\n{}\n", '"{}"', "1{}1", "é{}é", "-{}-"):
        placed = around.replace("{}", text)
        assert FAST.redact_text(placed) == PLAIN.redact_text(placed)


@pytest.mark.parametrize("pattern", default_patterns(), ids=lambda pattern: pattern.name)
def test_the_gate_of_a_shape_finds_whatever_the_shape_finds(pattern: Any) -> None:
    gate = re2.compile(pattern.gate)
    for _, text, _ in HITS:
        for around in ("{}", "x {} y", "\n{}", "({})"):
            placed = around.replace("{}", text)
            if next(pattern.spans(placed), None):
                assert gate.search(placed.encode()), placed


@given(values)
@settings(max_examples=150, deadline=None)
def test_the_quick_look_and_the_thorough_walk_agree(value: Any) -> None:
    for redactor in (PLAIN, FAST):
        thorough = Sweep(
            redactor._verdicts, redactor._markers, redactor._text.redacted, lambda: pytest.fail("it raised")
        ).redacted(value)
        quick = redactor.redact(value)
        assert quick == thorough
        assert repr(quick) == repr(thorough)


@given(st.lists(hostile_text, max_size=5))
@settings(max_examples=120, deadline=None)
def test_looking_at_many_texts_as_one_misses_none(texts: list[str]) -> None:
    for redactor in (PLAIN, FAST):
        assert redactor.redact(texts) == [redactor.redact_text(text) for text in texts]


def test_values_become_part_of_the_expression_once_they_have_settled() -> None:
    values = SecretValues(["hunter22-registered"])
    gate = Gate(re2, default_patterns(), values)
    for round_ in range(2):
        for _ in range(SETTLED + 5):
            assert gate.suspects(b"a hunter22-registered b")
            assert not gate.suspects(b"nothing in here")
        assert gate._by_all[0] == values.version
        assert gate.suspects(b"a hunter22-registered b")
        assert not gate.suspects(b"nothing in here")
        values.add(f"extra-s3cret-{round_}")
        assert gate.suspects(f"a extra-s3cret-{round_} b".encode())
    values.discard("hunter22-registered")
    for _ in range(SETTLED + 5):
        assert not gate.suspects(b"a hunter22-registered b")


def test_so_many_values_that_no_expression_is_made_of_them_are_found_all_the_same() -> None:
    values = SecretValues(f"{number:05}-registered-s3cret-{number * 7919:08}" for number in range(400))
    gate = Gate(re2, default_patterns(), values)
    for _ in range(SETTLED + 5):
        assert not gate.suspects(b"nothing in here")
    assert gate.suspects(b"x 00017-registered-s3cret-00134623 y")


@pytest.mark.parametrize("engine", ["auto", "re2", "re"])
def test_without_re2_the_plain_engine_serves_unless_re2_is_asked_for(
    engine: Literal["auto", "re2", "re"], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "re2", None)
    if engine == "re2":
        with pytest.raises(ConfigurationError) as caught:
            Redactor(engine=engine)
        assert caught.value.code == "BW1122"
        assert "busway[fast]" in caught.value.problem.fix
    else:
        redactor = Redactor(engine=engine)
        assert redactor._text.gate is None
        assert redactor.redact({"note": "jane@example.test"}) == {"note": "[redacted:pattern.email]"}


def test_re2_is_taken_when_it_is_there() -> None:
    assert Redactor()._text.gate is not None
