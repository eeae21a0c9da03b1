"""Checks of what a cache backend stores: values, keys, deletes."""
# ruff: noqa: S101, D102 - a check is an assertion with its own message (pytest does not rewrite installed modules),
# and its name is its documentation.

from __future__ import annotations

import pytest

from busway.contracts.caches import CacheBackend, InProcessCache
from busway.testing.cache_checks import WEEK, CacheChecks

__all__ = ["EntryChecks", "KeyChecks"]

KEY = "app:v1:vista:employees:e1"
MEGABYTE = 1_048_576

VALUES: tuple[bytes, ...] = (
    b"\x00",
    bytes(range(256)),
    b"\r\n$-1\r\n",
    b" \t blanks around \n",
    b'{"schema": 1, "name": "synthetic"}',
    "synthetic-Пароль-密码-🔑".encode("utf-16"),
    b"BWE\x01" + bytes(52),
)
"""Every byte, a protocol's own words, other encodings, something like an entry."""

HOSTILE_KEYS: tuple[str, ...] = (
    "",
    " ",
    ":",
    "::",
    "a:b",
    "a::b",
    ".",
    "..",
    "../../etc/passwd",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "a*",
    "a?",
    "a[b]",
    "a\nb",
    "a\r\nb",
    "a\0b",
    "a\0",
    "a",
    "a b",
    "a%00b",
    "a%2fb",
    "'; drop table entries; --",
    "{a}",
    "$(a)",
)
"""Keys that something between here and the disk may take for more than a key."""

FOREIGN_KEYS: tuple[str, ...] = (
    "caf\u00e9",
    "cafe\u0301",
    "\u5bc6\u7801",
    "\u05e9\u05dc\u05d5\u05dd",
    "\U0001f511",
    "stra\u00dfe",
    "strasse",
    "\ufb01n",
    "fin",
    "i\u0307",
    "\u200bi",
)
"""Keys that are equal once somebody normalises them."""


class EntryChecks(CacheChecks):
    """Values come back as they were, and deletes say what they did."""

    def test_it_has_the_shape_of_a_backend(self, backend: CacheBackend) -> None:
        if getattr(backend, "holds_entries", False):
            assert isinstance(backend, InProcessCache), "get, set, delete, scan, close"
        else:
            assert isinstance(backend, CacheBackend), "get, set, delete, scan, close and stores_in_clear"
            assert isinstance(backend.stores_in_clear, bool), "stores_in_clear is True or False"

    def test_a_missing_key_is_none(self, backend: CacheBackend) -> None:
        assert backend.get(KEY) is None, "a backend that was never written has no entry, and that is no error"
        assert list(backend.scan("*")) == [], "it has no keys either"

    def test_values_come_back_as_they_were(self, backend: CacheBackend) -> None:
        for raw in VALUES:
            backend.set(KEY, self.value(raw), WEEK)
            assert backend.get(KEY) == self.value(raw), f"{raw[:20]!r} came back as something else"

    def test_an_empty_value_is_a_value(self, backend: CacheBackend) -> None:
        backend.set(KEY, self.value(b""), WEEK)
        assert backend.get(KEY) == self.value(b""), "an empty value is not a missing one"

    def test_a_big_value_comes_back(self, backend: CacheBackend) -> None:
        dull, mixed = b"a" * (5 * MEGABYTE), bytes(range(256)) * (5 * MEGABYTE // 256)
        backend.set(KEY, self.value(dull), WEEK)
        assert backend.get(KEY) == self.value(dull), "5 MB that compress well came back as something else"
        backend.set(KEY, self.value(mixed), WEEK)
        assert backend.get(KEY) == self.value(mixed), "5 MB of every byte came back as something else"

    def test_an_answer_is_bytes(self, backend: CacheBackend) -> None:
        _only_bytes(backend)
        backend.set(KEY, b"entry", WEEK)
        assert type(backend.get(KEY)) is bytes, "bytes, which nobody can change, and no view of something else"

    def test_it_keeps_no_hold_of_a_buffer(self, backend: CacheBackend) -> None:
        _only_bytes(backend)
        buffer = bytearray(b"entry")
        backend.set(KEY, buffer, WEEK)  # type: ignore[arg-type]  # a caller without a type checker
        buffer[:] = b"later"
        assert backend.get(KEY) == b"entry", "what was stored changed with the caller's buffer"

    def test_the_last_write_wins(self, backend: CacheBackend) -> None:
        backend.set(KEY, self.value(b"first, and long" * 1_000), WEEK)
        backend.set(KEY, self.value(b"second"), WEEK)
        assert backend.get(KEY) == self.value(b"second"), "what was written last is all there is"

    def test_delete_says_whether_there_was_one(self, backend: CacheBackend) -> None:
        assert backend.delete(KEY) is False, "there was nothing to delete"
        backend.set(KEY, self.value(b"1"), WEEK)
        assert backend.delete(KEY) is True, "there was one"
        assert backend.delete(KEY) is False, "it was deleted before"

    def test_a_deleted_key_is_gone(self, backend: CacheBackend) -> None:
        backend.set(KEY, self.value(b"1"), WEEK)
        backend.delete(KEY)
        assert backend.get(KEY) is None, "a deleted entry is served"
        assert list(backend.scan("*")) == [], "a deleted key is listed"

    def test_delete_takes_one_key(self, backend: CacheBackend) -> None:
        for key in (KEY, KEY + "2", KEY + ":x"):
            backend.set(key, self.value(b"1"), WEEK)
        backend.delete(KEY)
        for key in (KEY + "2", KEY + ":x"):
            assert backend.get(key) is not None, "a key that begins like the deleted one went with it"


class KeyChecks(CacheChecks):
    """Any text is a key, and no two are the same."""

    def test_keys_are_apart(self, backend: CacheBackend) -> None:
        self._kept_apart(backend, [f"a:v1:d:e:{key}" for key in ("x", "X", "xx", "x%20", "x ", "%", "")])

    def test_hostile_keys_are_keys(self, backend: CacheBackend) -> None:
        self._kept_apart(backend, HOSTILE_KEYS)

    def test_keys_of_any_alphabet_are_keys(self, backend: CacheBackend) -> None:
        self._kept_apart(backend, FOREIGN_KEYS)

    def test_long_keys_are_apart(self, backend: CacheBackend) -> None:
        long = "a:v1:d:e:" + "~" * 10_240
        self._kept_apart(backend, [long, long + "x", long + "y", long[:255], long[:256]])

    def _kept_apart(self, backend: CacheBackend, keys: tuple[str, ...] | list[str]) -> None:
        for number, key in enumerate(keys):
            backend.set(key, self.value(b"%d" % number), WEEK)
        for number, key in enumerate(keys):
            assert backend.get(key) == self.value(b"%d" % number), f"{key[:40]!r} holds another key's value"
        assert sorted(backend.scan("*")) == sorted(keys), "the keys are not listed as they were given"


def _only_bytes(backend: CacheBackend) -> None:
    if getattr(backend, "holds_entries", False):
        pytest.skip("a level in the process stores entries, and copies are made by the data manager")
