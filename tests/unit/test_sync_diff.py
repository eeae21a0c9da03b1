"""Comparison on normalised values."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busway.contracts.fields import FieldRule, always, create_only, if_empty, never
from busway.contracts.records import Pending, Record
from busway.sync.diff import Comparison, holds_pending, is_empty, same

PENDING = Pending("titles", "driver")


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (None, ""),
        (None, "  "),
        ("a", " a "),
        (7, "7"),
        (7, "7.0"),
        (7, " 7 "),
        ("007", 7),
        (True, 1),
        (False, "0"),
        (29.5, "29.50"),
        (0.1, "0.1"),
        (Decimal("1.10"), "1.1"),
        ([], None),
        ([1, "2"], ["1", 2]),
        ({"id": 1}, {"id": "1"}),
        ("é", "é"),
    ],
)
def test_values_that_mean_the_same(left: Any, right: Any) -> None:
    assert same(left, right)
    assert same(right, left)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (None, 0),
        ("", False),
        ("007", "7"),
        ("a", "A"),
        (1, "one"),
        (1000, "1_000"),
        (float("inf"), "inf"),
        ([1], [1, 2]),
        ([1], 1),
        ({"id": 1}, {"id": 1, "x": None}),
        (PENDING, None),
        (PENDING, PENDING),
        ([PENDING], [PENDING]),
        ("x", None),
    ],
)
def test_values_that_differ(left: Any, right: Any) -> None:
    assert not same(left, right)
    assert not same(right, left)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_a_value_is_the_same_as_itself(value: Any) -> None:
    assert same(value, value)


def test_zero_and_false_are_values() -> None:
    assert not is_empty(0)
    assert not is_empty(False)
    assert is_empty({})


def test_pending_is_found_at_any_depth() -> None:
    assert holds_pending({"roles": [{"id": PENDING}]})
    assert not holds_pending({"roles": [{"id": 1}]})


def changed(rule: FieldRule, new: Record, current: Record) -> list[Any]:
    return [one.new for one in Comparison({"f": rule}).changes(new, current)]


def test_policies() -> None:
    assert changed(always, {"f": "new"}, {"f": "old"}) == ["new"]
    assert changed(if_empty, {"f": "new"}, {"f": "old"}) == []
    assert changed(if_empty, {"f": "new"}, {"f": " "}) == ["new"]
    assert changed(create_only, {"f": "new"}, {"f": ""}) == []
    assert changed(never, {"f": "new"}, {"f": "old"}) == []


@pytest.mark.parametrize("empty", [None, "", "  ", [], {}])
def test_an_empty_value_clears_only_where_it_may(empty: Any) -> None:
    assert changed(always, {"f": empty}, {"f": "old"}) == []
    assert changed(always.clearing(), {"f": empty}, {"f": "old"}) == [empty]


def test_a_field_the_mapping_left_out_says_nothing() -> None:
    assert changed(always.clearing(), {}, {"f": "old"}) == []


def test_a_missing_field_of_the_target_is_filled() -> None:
    assert changed(always, {"f": "new"}, {}) == ["new"]


def test_a_normaliser_is_applied_to_both_sides_and_not_to_what_is_written() -> None:
    rule = always.normalised(str.casefold)
    assert changed(rule, {"f": "ABC"}, {"f": "abc"}) == []
    assert changed(rule, {"f": "ABD"}, {"f": "abc"}) == ["ABD"]


def test_a_reader_gives_the_value_of_the_target() -> None:
    rule = always.reading(lambda user: (user.get("title") or {}).get("id"))
    assert changed(rule, {"f": 7}, {"title": {"id": "7"}}) == []
    assert changed(rule, {"f": 7}, {"title": None}) == [7]


def test_a_pending_value_differs_from_everything() -> None:
    assert changed(always, {"f": PENDING}, {"f": 7}) == [PENDING]


def test_one_differing_field_does_not_hide_the_others() -> None:
    rules = {"a": always, "b": always.normalised(str.casefold), "c": always.personal()}
    changes = Comparison(rules).changes({"a": 1, "b": "X", "c": 3}, {"a": 1, "b": "y", "c": 4})
    assert [(one.name, one.old, one.new, one.personal) for one in changes] == [
        ("b", "y", "X", False),
        ("c", 4, 3, True),
    ]
