"""The stored form of entries, and values that are JSON."""

from __future__ import annotations

import datetime
import decimal
import enum
import uuid
from collections import OrderedDict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busway.contracts.caches import Entry
from busway.data.entry_format import HEADER_SIZE, UndecodableEntry, decode, encode, read_header
from busway.data.json_value import copy_json, to_json
from busway.errors import UsageError

TIMES = st.integers(0, 2**63 - 1)
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
) | st.text()
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)
ENTRIES = st.builds(
    Entry,
    value=JSON,
    schema_version=st.integers(0, 2**16 - 1),
    created_at_ns=TIMES,
    fresh_until_ns=TIMES,
    kept_until_ns=TIMES,
    source=st.text(max_size=40),
    metadata=st.dictionaries(st.text(max_size=10), SCALARS, max_size=4),
    generation=TIMES,
)
SAMPLE = Entry([{"name": "Zoë", "n": 1.5}], 1, 10, 20, 30, "loader", {"batch": 7}, 4)


@given(ENTRIES)
def test_an_entry_comes_back(entry: Entry) -> None:
    raw = encode(entry)
    assert decode(raw) == entry
    header = read_header(raw)
    assert (header.schema_version, header.generation) == (entry.schema_version, entry.generation)
    assert (header.created_at_ns, header.fresh_until_ns, header.kept_until_ns) == (
        entry.created_at_ns,
        entry.fresh_until_ns,
        entry.kept_until_ns,
    )


def test_the_format_does_not_move() -> None:
    """Another Busway reads these bytes: change them only together with the format number in the magic."""
    raw = encode(Entry({"a": [1, None]}, 1, 1, 2, 3, "s", {"m": True}, 4))
    assert raw.hex() == (
        "42574501" "01" "00" "0001" "0000000000000001" "0000000000000002" "0000000000000003" "0000000000000004"
        "00000024" "0000000e" + raw[48:56].hex() + b'{"source":"s","metadata":{"m":true}}{"a":[1,null]}'.hex()
    )  # fmt: skip


@given(st.integers(0, len(encode(SAMPLE)) * 8 - 1))
def test_a_flipped_bit_is_noticed(position: int) -> None:
    raw = bytearray(encode(SAMPLE))
    raw[position // 8] ^= 1 << position % 8
    with pytest.raises(UndecodableEntry):
        decode(bytes(raw))


@given(st.integers(0, len(encode(SAMPLE)) - 1))
def test_a_cut_entry_is_noticed(length: int) -> None:
    with pytest.raises(UndecodableEntry):
        decode(encode(SAMPLE)[:length])


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda tail: b"BWE\x01\x01\x00" + tail))
def test_garbage_is_undecodable_and_nothing_else(raw: bytes) -> None:
    with pytest.raises(UndecodableEntry):
        decode(raw)


def test_the_header_is_read_without_the_body() -> None:
    raw = encode(SAMPLE)
    altered = raw[:-3] + b"???"
    assert read_header(altered) == read_header(raw)
    with pytest.raises(UndecodableEntry, match="body altered"):
        decode(altered)
    assert HEADER_SIZE == 56


class Colour(enum.Enum):
    RED = 1


@pytest.mark.parametrize(
    ("value", "path", "kind"),
    [
        ((1, 2), "$", "tuple"),
        ({"rows": [1, {"day": datetime.date(2026, 1, 1)}]}, "$.rows[1].day", "date"),
        ([b"x"], "$[0]", "bytes"),
        ({"a": {1, 2}}, "$.a", "set"),
        (decimal.Decimal(1), "$", "Decimal"),
        ([uuid.UUID(int=1)], "$[0]", "UUID"),
        ([Colour.RED], "$[0]", "Colour"),
        (float("nan"), "$", "float that is not finite"),
        ({"x": [float("inf")]}, "$.x[0]", "float that is not finite"),
        (2**64, "$", "int of more than 64 bits"),
        ("\ud800", "$", "str that is not valid Unicode"),
        ({"a": {7: 1}}, "$.a", "a key of type int"),
        ({"jane@example.test": b""}, "$[…]", "bytes"),
        (object(), "$", "object"),
    ],
)
def test_what_is_not_json_is_named_with_type_and_path(value: Any, path: str, kind: str) -> None:
    with pytest.raises(UsageError, match="BW2003") as caught:
        to_json(value, "vista.employees")
    assert caught.value.problem.where == path
    assert caught.value.problem.what == f"the value for vista.employees is not JSON: {kind} at {path}"


def test_a_value_too_deep_is_refused() -> None:
    deep: list[Any] = []
    for _ in range(5_000):
        deep = [deep]
    with pytest.raises(UsageError, match="nesting"):
        to_json(deep, "d")


def test_a_value_that_holds_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(UsageError, match="nesting"):
        to_json(loop, "d")


def test_what_equals_json_is_stored_as_json() -> None:
    assert to_json(OrderedDict(a=1), "d") == (b'{"a":1}', {"a": 1})


@given(JSON)
def test_a_copy_is_equal_and_apart(value: Any) -> None:
    copied = copy_json([value])
    assert copied == [value]
    if isinstance(value, list | dict):
        assert copied[0] is not value
