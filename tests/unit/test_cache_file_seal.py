"""The sealed file: what it is bound to, and that nothing else opens it."""

from __future__ import annotations

import hashlib
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busway_cache_file.seal import COMPRESS_ABOVE, Sealer, UnsealableError, head_size, key_bytes

SECRET, ANOTHER = bytes(range(32)), bytes(range(1, 33))
KEY = "acme:v1:vista:employees:E1"
EXPIRY = 1_767_225_600_000_000_000


def reason(sealer: Sealer, raw: bytes, key: str = KEY) -> str:
    with pytest.raises(UnsealableError) as caught:
        sealer.open(raw, key_bytes(key))
    return caught.value.reason


@given(st.text(max_size=300), st.binary(max_size=COMPRESS_ABOVE * 2), st.integers(0, 2**63 - 1))
def test_what_was_sealed_opens(key: str, entry: bytes, expiry: int) -> None:
    sealer = Sealer(SECRET)
    raw = sealer.seal(key, entry, expiry)
    assert Sealer(SECRET).open(raw, key_bytes(key)) == (expiry, entry)
    head = sealer.open_head(raw[: head_size(raw)])
    assert (head.key, head.expires_at_ns) == (key, expiry)


@pytest.mark.parametrize(
    "asked",
    [
        "acme:v2:vista:employees:E1",
        "acme:v11:vista:employees:E1",
        "acme:v1:vista:employees:E2",
        "acme:v1:vista:employees:E1 ",
        "acme:v1:vista:employees:e1",
        "other:v1:vista:employees:E1",
    ],
    ids=["schema version", "longer version", "id", "longer id", "case", "app"],
)
@pytest.mark.parametrize("size", [5, COMPRESS_ABOVE * 2])
def test_a_file_is_bound_to_the_full_key_and_the_schema_version_in_it(asked: str, size: int) -> None:
    sealer = Sealer(SECRET)
    assert reason(sealer, sealer.seal(KEY, b"x" * size, EXPIRY), asked) == "moved"


def test_a_file_is_bound_to_the_key_that_sealed_it_and_its_id() -> None:
    raw = Sealer(SECRET).seal(KEY, b"entry", EXPIRY)
    other = Sealer(ANOTHER)
    assert reason(other, raw) == "other_key"
    relabelled = other.seal(KEY, b"entry", EXPIRY)[:12] + raw[12:]
    assert reason(other, relabelled) == "tampered"
    relabelled = raw[:4] + bytes(8) + raw[12:]
    assert reason(Sealer(SECRET), relabelled) == "other_key"


def test_a_stamp_never_passes_for_an_entry() -> None:
    stamps, entries = Sealer(SECRET, "stamps"), Sealer(SECRET)
    assert reason(entries, stamps.seal(KEY, b"7", EXPIRY)) == "tampered"
    assert reason(stamps, entries.seal(KEY, b"7", EXPIRY)) == "tampered"


@pytest.mark.parametrize("size", [0, 5, COMPRESS_ABOVE * 3])
def test_one_bit_anywhere_and_it_does_not_open(size: int) -> None:
    sealer = Sealer(SECRET)
    raw = sealer.seal(KEY, json.dumps(list(range(size))).encode()[:size], EXPIRY)
    for position in range(len(raw)):
        changed = bytearray(raw)
        changed[position] ^= 1 << position % 8
        assert reason(sealer, bytes(changed))


def test_a_file_that_is_cut_or_goes_on_does_not_open() -> None:
    sealer = Sealer(SECRET)
    raw = sealer.seal(KEY, b"entry", EXPIRY)
    assert {reason(sealer, raw[:length]) for length in range(len(raw))} == {
        "foreign",
        "other_format",
        "cut",
        "tampered",
    }
    assert reason(sealer, raw + b"\0") == "tampered"


@given(st.binary(max_size=300))
def test_bytes_of_anybody_are_a_reason_and_nothing_else(raw: bytes) -> None:
    for start in (b"", b"BWF\x02", Sealer(SECRET).seal(KEY, b"", EXPIRY)[:12]):
        assert reason(Sealer(SECRET), start + raw)
        with pytest.raises(UnsealableError):
            Sealer(SECRET).open_head(start + raw)


def test_plain_text_and_the_format_before_are_told_apart() -> None:
    assert reason(Sealer(SECRET), b'{"name": "Jane"}') == "foreign"
    assert reason(Sealer(SECRET), b"BWF\x01" + bytes(100)) == "other_format"


def test_the_parts_of_two_files_of_one_key_do_not_join() -> None:
    sealer = Sealer(SECRET)
    one, other = sealer.seal(KEY, b"one", EXPIRY), sealer.seal(KEY, b"two", EXPIRY + 1)
    size = head_size(one)
    assert reason(sealer, one[:size] + other[size:]) == "tampered"


def test_nothing_is_sealed_twice_the_same_and_names_tell_nothing() -> None:
    sealer = Sealer(SECRET)
    files = {sealer.seal(KEY, b"entry", EXPIRY) for _ in range(1_000)}
    assert len({raw[12:24] for raw in files}) == 1_000, "a nonce was used twice"
    name = sealer.name(KEY)
    assert name == Sealer(SECRET).name(KEY)
    assert name != Sealer(ANOTHER).name(KEY)
    assert name != hashlib.blake2b(KEY.encode(), digest_size=24).hexdigest(), "whoever guesses keys must not find them"


def test_the_layout_is_that_of_format_2() -> None:
    raw = Sealer(SECRET).seal(KEY, b"entry", EXPIRY)
    assert raw[:4] == b"BWF\x02"
    (length,) = struct.unpack(">I", raw[24:28])
    assert length == 8 + len(KEY) + 16
    assert len(raw) == 28 + length + 9 + len(b"entry") + 16


@pytest.mark.parametrize(("size", "smaller"), [(COMPRESS_ABOVE, False), (COMPRESS_ABOVE + 1, True), (1_000_000, True)])
def test_long_entries_are_compressed(size: int, smaller: bool) -> None:
    assert (len(Sealer(SECRET).seal(KEY, b"a" * size, EXPIRY)) < size / 5) is smaller


def test_what_does_not_become_smaller_is_stored_as_it_is() -> None:
    noise = hashlib.shake_256(b"seed").digest(10_000)
    raw = Sealer(SECRET).seal(KEY, noise, EXPIRY)
    assert len(raw) == head_size(raw) + 9 + len(noise) + 16
    assert Sealer(SECRET).open(raw, key_bytes(KEY)) == (EXPIRY, noise)
