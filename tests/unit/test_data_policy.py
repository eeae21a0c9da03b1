"""Policies and how they are found."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busway.contracts.durations import LONGEST_SECONDS, parse_duration
from busway.data.names import parse_name
from busway.data.policy import Policies, Policy
from busway.errors import ConfigurationError


def where(path: str) -> str:
    return f"busway.toml:7 [{path}]"


def of(tables: dict[str, Any], name: str) -> Policy:
    return Policies(tables, where).of(parse_name(name))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("30m", 1800),
        ("1h", 3600),
        ("2d", 172_800),
        ("1h30m", 5400),
        ("250ms", 0.25),
        ("1.5h", 5400),
        (" 5 M ", 300),
        ("45", 45),
        (45, 45),
        (0.5, 0.5),
        (0, 0),
    ],
)
def test_a_duration_is_read(text: object, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "m", "30 minutes", "-1s", "1h junk", "1e3s", -1, True, None, [], float("nan"), float("inf"), "9999999d"],
)
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="a duration"):
        parse_duration(text)


@given(st.text())
def test_a_duration_is_a_number_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert 0 <= parse_duration(text) <= LONGEST_SECONDS


def test_the_defaults() -> None:
    assert of({}, "vista.employees") == Policy(3600, 0.1, 0, "copy", False, 0, 0, None, False, 5, 2)


def test_a_table_is_read() -> None:
    table = {"ttl": "30m", "jitter": 0, "stale_on_error": "4h", "isolation": "share", "sensitive": True}
    assert Policy.from_table(table, where) == Policy(1800, 0, 14_400, "share", True)
    table = {
        "soft_timeout": "250ms",
        "hard_timeout": 20,
        "negative_ttl": 0,
        "negative_errors": False,
        "retry_after": "1m",
        "lease": "100ms",
    }
    assert Policy.from_table(table, where) == Policy(
        soft_timeout=0.25, hard_timeout=20, negative_ttl=0, negative_errors=False, retry_after=60, lease=0.1
    )


def test_the_entity_comes_before_its_domain_before_the_defaults() -> None:
    tables = {"vista.employees": {"ttl": 60}, "vista": {"ttl": 120, "sensitive": True}, "other": {"ttl": 9}}
    assert of(tables, "vista.employees") == Policy(ttl=60, sensitive=True)
    assert of(tables, "vista.jobs") == Policy(ttl=120, sensitive=True)
    assert of(tables, "else") == Policy()


def test_the_records_of_the_helpers_are_sensitive_until_somebody_says_otherwise() -> None:
    assert of({}, "source.employee").sensitive
    assert of({"source.employee": {"ttl": 60}}, "source.employee") == Policy(ttl=60, sensitive=True)
    assert not of({"source": {"sensitive": False}}, "source.employee").sensitive


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"ttl": "soon"}, "ttl: a duration is written"),
        ({"ttl": 0}, "more than 0"),
        ({"jitter": 1}, "below 1"),
        ({"jitter": True}, "below 1"),
        ({"jitter": "0.1"}, "below 1"),
        ({"stale_on_error": -1}, "between 0 and ten years"),
        ({"isolation": "deep"}, "copy or share"),
        ({"isolation": ["copy"]}, "copy or share"),
        ({"sensitive": 1}, "true or false"),
        ({"soft_timeout": "soon"}, "soft_timeout: a duration is written"),
        ({"hard_timeout": -1}, "hard_timeout: a duration lies between"),
        ({"negative_ttl": float("nan")}, "negative_ttl: a duration lies between"),
        ({"negative_errors": "yes"}, "true or false"),
        ({"negative_errors": True}, "needs a negative_ttl above 0"),
        ({"retry_after": []}, "retry_after: a duration is a number"),
        ({"lease": 0}, "lease: from 100ms to 10m"),
        ({"lease": "11m"}, "lease: from 100ms to 10m"),
        ({"retry_afterr": 1}, "did you mean retry_after?"),
        ({"tll": 1}, "did you mean ttl?"),
        ({"employees": {"ttl": 1}}, 'write the entity quoted: [data."domain.entity"]'),
    ],
)
def test_a_wrong_key_or_value_is_told_with_its_place(table: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match="BW2002") as caught:
        of({"vista.employees": table}, "vista.employees")
    (key,) = table
    assert said in caught.value.problem.what
    assert caught.value.problem.where == f'busway.toml:7 [vista.employees], data."vista.employees".{key}'


def test_every_problem_is_told_at_once() -> None:
    tables: dict[str, Any] = {"a": {"ttl": "x", "jitter": 2}, "b c": {}, "d": 7}
    with pytest.raises(ConfigurationError) as caught:
        Policies(tables, where)
    assert [problem.code for problem in caught.value.problems] == ["BW2002"] * 4
    places = [problem.where for problem in caught.value.problems]
    assert places[:2] == ["busway.toml:7 [a], data.a.ttl", "busway.toml:7 [a], data.a.jitter"]
    assert sorted(places[2:]) == ["busway.toml:7 [b c]", "busway.toml:7 [d]"]


@pytest.mark.parametrize(
    ("domain", "entity", "key", "said"),
    [
        ({}, {"soft_timeout": 5, "hard_timeout": 5}, "soft_timeout", "soft_timeout (5 s) is to be less than hard"),
        ({"hard_timeout": 2}, {"soft_timeout": 3}, "soft_timeout", "soft_timeout (3 s) is to be less than hard"),
        ({"soft_timeout": 3}, {"hard_timeout": 2}, "hard_timeout", "soft_timeout (3 s) is to be less than hard"),
        ({"negative_ttl": 9, "negative_errors": True}, {"negative_ttl": 0}, "negative_ttl", "needs a negative_ttl"),
    ],
)
def test_what_contradicts_the_rest_is_told_where_it_was_written(
    domain: dict[str, Any], entity: dict[str, Any], key: str, said: str
) -> None:
    with pytest.raises(ConfigurationError, match="BW2002") as caught:
        of({"d": domain, "d.e": entity}, "d.e")
    (problem,) = caught.value.problems
    assert said in problem.what
    assert problem.where == f'busway.toml:7 [d.e], data."d.e".{key}'


def test_an_entity_may_do_without_the_time_out_of_its_domain() -> None:
    tables = {"d": {"soft_timeout": 1, "hard_timeout": 2}, "d.e": {"hard_timeout": 0, "soft_timeout": 9}}
    assert of(tables, "d.e") == Policy(soft_timeout=9)
