"""Names, ids and patterns of cached data."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from busway.data.names import KeySchema, Name, decode_id, encode_id, escape_glob, glob_regex, parse_name
from busway.errors import UsageError

SCHEMA = KeySchema("acme")
any_key = st.text(alphabet=st.characters(), max_size=60)  # surrogates too


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("vista.employees", Name("vista", "employees")),
        ("projects", Name("projects", "_")),
        ("projects._", Name("projects", "_")),
        ("a-b_1.C2", Name("a-b_1", "C2")),
    ],
)
def test_a_name_is_a_domain_and_an_entity(text: str, name: Name) -> None:
    assert parse_name(text) == name


def test_a_name_reads_as_it_was_written() -> None:
    assert [str(parse_name(text)) for text in ("vista.employees", "vista")] == ["vista.employees", "vista"]


@pytest.mark.parametrize(
    "text", ["", ".", "a.", ".b", "a.b.c", "a:b", "a b", "é", "a\n", "a.b\n", "*", "_", "_a", "a" * 65, "a/b", 7, None]
)
def test_what_is_no_name_is_refused(text: Any) -> None:
    with pytest.raises(UsageError, match="BW2001") as caught:
        parse_name(text)
    assert caught.value.problem.fix


@pytest.mark.parametrize(
    ("key", "encoded"),
    [
        (None, "_"),
        ("_", "_"),
        ("", "%"),
        ("E1042", "E1042"),
        ("a b:c\n*", "a%20b%3Ac%0A%2A"),
        ("Zoë", "Zo%C3%AB"),
        ("~", "%7E"),
        ("\ud800", "%ED%A0%80"),
    ],
)
def test_an_id_is_percent_encoded(key: str | None, encoded: str) -> None:
    assert encode_id(key) == encoded


def test_a_full_key_follows_the_schema() -> None:
    assert SCHEMA.full_key(parse_name("vista.employees"), "E 1") == "acme:v1:vista:employees:E%201"
    assert SCHEMA.full_key(parse_name("projects"), None) == "acme:v1:projects:_:_"
    assert KeySchema("a:b").full_key(Name("d"), None) == "a%3Ab:v1:d:_:_"


@given(any_key)
@example("x" * 10_000)
@example("é" * 5_000)
def test_an_id_is_short_plain_ascii(key: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_.~%-]{1,200}", encode_id(key))


@given(any_key, any_key)
def test_different_keys_have_different_ids(one: str, other: str) -> None:
    assert (encode_id(one) == encode_id(other)) is (one == other)


def test_long_keys_differ_in_their_hashed_tail() -> None:
    one, other = encode_id("x" * 10_000), encode_id("x" * 9_999 + "y")
    assert one != other
    assert one.startswith("x" * 120 + "~")
    assert encode_id(one) != one, "a key that looks like a hashed id is not taken for it"


@given(st.text(alphabet=st.characters(), max_size=20))
def test_a_short_id_reads_back(key: str) -> None:
    assert decode_id(encode_id(key)) == key


def test_a_hashed_id_reads_back_as_its_beginning() -> None:
    assert decode_id(encode_id("é" * 100)).startswith("é" * 19)


def test_a_key_that_is_no_text_is_refused() -> None:
    with pytest.raises(UsageError, match="BW2001"):
        encode_id(7)  # type: ignore[arg-type]


@given(st.text(alphabet=st.sampled_from("ab*?[]!-\\^")))
def test_an_escaped_text_matches_itself_alone(text: str) -> None:
    pattern = glob_regex(escape_glob(text))
    assert pattern.match(text)
    assert not pattern.match(text + "a")


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("a*", "a", True),
        ("a*", "a:b\nc", True),
        ("a?", "a", False),
        ("[ab]", "b", True),
        ("[!ab]", "b", False),
        ("[!ab]", "c", True),
        ("[a-c]", "b", True),
        (r"[\]]", "]", True),
        (r"[a\]]", "]", True),
        (r"[\!a]", "!", True),
        (r"[\!a]", "b", False),
        (r"\[a\]", "[a]", True),
        (r"\[a\]", "a", False),
        ("[a", "[a", True),
        ("a\\", "a\\", True),
        (r"\\", "\\", True),
    ],
)
def test_patterns_are_those_of_a_shell(pattern: str, text: str, matches: bool) -> None:
    assert bool(glob_regex(pattern).match(text)) is matches


def test_a_hostile_pattern_costs_no_more_than_a_plain_one() -> None:
    assert not glob_regex("*a" * 40 + "b").match("a" * 5_000)
