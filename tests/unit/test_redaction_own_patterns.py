from __future__ import annotations

import re
import time
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from busway.redaction.own_patterns import own_pattern

GOOD = {
    "B-[0-9]{6}": "B-123456",
    "(?i)badge[ :]{1,3}[a-z0-9]{4,12}": "Badge: ab12",
    r"\bEMP\d{5}\b": "EMP12345",
    r"(?:one|two|three) \w{4}": "two abcd",
    r"a(?:-[0-9]{1,4})?bcd": "a-12bcd",
    r"[^\s]{4}\s\S\.\(x\)": "abcd y.(x)",
    r"[]a]{4}": "]a]a",
    "(ab){2,3}c": "ababc",
    "Ä[ö-ü]{3,5}": "Äööö",
    r"100\+\{2\}": "100+{2}",
}

BAD = {
    "[0-9]+": "without a bound",
    "[0-9]*abcd": "without a bound",
    "[0-9]{4,}": "without a bound",
    "(?:a{1,3}){2,9}b": "varies inside",
    "(?:a?){30}bbbb": "varies inside",
    "(?:a|ab){30}": "varies inside",
    "(?:)?abcd": "can be empty",
    "a{1,100}b{1,100}cccc": "so many ways",
    "a{1,2000}bbbb": "more than 1000",
    "(?=abcd)": "look-around",
    "(?<!a)bcde": "look-around",
    "(?P<x>abcd)": "look-around",
    "(abcd)\\1": "back-reference",
    "^abcd": "anchor",
    "abcd$": "anchor",
    "abcd\\Z": "do not understand alike",
    "\\p{L}{4}": "do not understand alike",
    "[\\S]{4}": "do not understand alike",
    "abc": "fewer than 4",
    "abcd|e": "fewer than 4",
    "a{0,9}": "fewer than 4",
    "": "fewer than 4",
    "(abcd": "unmatched '('",
    "abcd)": "unmatched ')'",
    "[abcd": "does not end",
    "[[:alpha:]]{4}": "unescaped '['",
    "abcd{x}": "without a count",
    "abcd??": "two repetition marks",
    "*abcd": "nothing to repeat",
    "abcd\\": "do not understand alike",
    "[d-a]{4}": "cannot be read",
    "abcd{5,2}": "cannot be read",
    "x" * 501: "longer than 500",
}


@pytest.mark.parametrize("expression", GOOD)
def test_usable_expressions_find_what_they_say_in_both_engines(expression: str) -> None:
    re2 = pytest.importorskip("re2")
    pattern = own_pattern("own", expression)
    text = f"x {GOOD[expression]} y"
    (span,) = pattern.spans(text)
    assert text[slice(*span)].strip() == GOOD[expression].strip()
    assert re2.compile(pattern.gate).search(text.encode())


@pytest.mark.parametrize("expression", BAD)
def test_unusable_expressions_are_refused_with_a_reason(expression: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=re.escape(BAD[expression])):
            own_pattern("own", expression)


pieces = st.sampled_from([*"abc019-.+*?{}()[]|\\^$ é", "{2}", "{1,3}", "(?:", "\\d", "\\s", "\\b", "[a-c]", "[^x]"])


@given(st.lists(pieces, max_size=14).map("".join), st.text(alphabet="abc019-.\n\v xAé", max_size=30))
@settings(max_examples=600, deadline=None)
def test_whatever_is_accepted_means_the_same_to_both_engines(expression: str, text: str) -> None:
    re2 = pytest.importorskip("re2")
    try:
        pattern = own_pattern("own", expression)
    except ValueError:
        return
    found = re2.compile(pattern.gate).search(text.encode())
    assert (found is not None) == (pattern.regex.search(text) is not None)


def test_what_is_accepted_takes_no_time_on_hostile_text() -> None:
    pattern = own_pattern("own", "a{1,30}a{1,30}b[0-9]{4}")
    started = time.thread_time()
    assert list(pattern.spans("a" * 65_536)) == []
    assert time.thread_time() - started < 5
