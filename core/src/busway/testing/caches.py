"""Proof that a cache backend keeps its contract, and a backend in memory to test against.

A plugin author subclasses :class:`CacheBackendContract` and gives it a ``backend`` fixture::

    class TestShelfCache(CacheBackendContract):
        @pytest.fixture
        def backend(self, tmp_path): return ShelfCache(tmp_path)
"""
# ruff: noqa: S101 - a check is an assertion

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from busway.contracts.caches import CacheBackend
from busway.contracts.clock import Clock, SystemClock
from busway.data.names import escape_glob, glob_regex
from busway.errors import UnreachableError

__all__ = ["CacheBackendContract", "FakeCache"]


class FakeCache:
    """A backend that keeps bytes in a dict. Set ``away`` to make it unreachable."""

    def __init__(self, clock: Clock | None = None, *, stores_in_clear: bool = True) -> None:
        self.stores_in_clear = stores_in_clear
        self.away = False
        """While True every call raises ``UnreachableError``."""
        self.calls: list[str] = []
        """The name of each call, also of those that failed."""
        self.held: dict[str, tuple[bytes, float]] = {}
        """Key to bytes and the monotonic time they expire at; a test may put anything into it."""
        self.closed = False
        self._clock = clock or SystemClock()

    def get(self, key: str) -> bytes | None:
        """The live bytes under ``key``."""
        self._called("get")
        held = self.held.get(key)
        return held[0] if held is not None and self._clock.monotonic() < held[1] else None

    def set(self, key: str, entry: bytes, ttl_seconds: float) -> None:
        """Keeps ``entry``."""
        self._called("set")
        self.held[key] = (bytes(entry), self._clock.monotonic() + ttl_seconds)

    def delete(self, key: str) -> bool:
        """Drops ``key``."""
        self._called("delete")
        held = self.held.pop(key, None)
        return held is not None and self._clock.monotonic() < held[1]

    def scan(self, pattern: str) -> Iterator[str]:
        """Live keys that match."""
        self._called("scan")
        matches = glob_regex(pattern).match
        now = self._clock.monotonic()
        return iter([key for key, (_, deadline) in list(self.held.items()) if now < deadline and matches(key)])

    def close(self) -> None:
        """Notes that it was called."""
        self.closed = True

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.away:
            raise UnreachableError("BW2000", "the fake cache is away")


class CacheBackendContract:
    """What every cache backend must do; one test per promise.

    Subclasses give the ``backend`` fixture, new and empty for each test, and override ``elapse`` when their clock is
    handed in.
    """

    WEEK = 7 * 86_400.0
    SHORT = 0.02
    """Seconds; for entries a test waits for to expire."""

    @pytest.fixture
    def backend(self) -> CacheBackend:
        """The backend under test."""
        raise NotImplementedError("give the contract a backend fixture")

    @pytest.fixture
    def elapse(self) -> Callable[[float], None]:
        """Lets so many seconds pass on the backend's clock; a real clock needs no help."""
        return lambda seconds: None

    def test_it_has_the_shape_of_a_backend(self, backend: CacheBackend) -> None:
        """The methods, and whether it stores in clear."""
        assert isinstance(backend, CacheBackend)
        assert isinstance(backend.stores_in_clear, bool)

    def test_a_missing_key_is_none(self, backend: CacheBackend) -> None:
        """Never an error, also in an empty backend that was never written."""
        assert backend.get("app:v1:vista:employees:none") is None
        assert backend.delete("app:v1:vista:employees:none") is False
        assert list(backend.scan("*")) == []

    @pytest.mark.parametrize(
        "stored",
        [b"", b"\x00", bytes(range(256)), b"\r\n$-1\r\n", b"a" * 300_000, bytes(range(256)) * 512],
        ids=["empty", "zero", "every byte", "protocol", "large and dull", "large and mixed"],
    )
    def test_bytes_come_back_as_they_were(self, backend: CacheBackend, stored: bytes) -> None:
        """Whatever they are."""
        backend.set("app:v1:vista:employees:E1", stored, self.WEEK)
        assert backend.get("app:v1:vista:employees:E1") == stored

    def test_the_last_write_wins(self, backend: CacheBackend) -> None:
        """Also when it is shorter."""
        backend.set("app:v1:vista:employees:E1", b"first, and long" * 1000, self.WEEK)
        backend.set("app:v1:vista:employees:E1", b"second", self.WEEK)
        assert backend.get("app:v1:vista:employees:E1") == b"second"
        assert list(backend.scan("*")) == ["app:v1:vista:employees:E1"]

    def test_keys_are_apart(self, backend: CacheBackend) -> None:
        """Prefixes of each other, differing in case or in one encoded character, and longer than a file name."""
        keys = ["a:v1:d:e:x", "a:v1:d:e:X", "a:v1:d:e:x%20", "a:v1:d:e:%", "a:v1:d:e:..", "a:v1:d:e:" + "~" * 400]
        for number, key in enumerate(keys):
            backend.set(key, str(number).encode(), self.WEEK)
        assert [backend.get(key) for key in keys] == [str(number).encode() for number in range(len(keys))]
        assert sorted(backend.scan("*")) == sorted(keys)

    def test_an_entry_is_forgotten_after_its_time(self, backend: CacheBackend, elapse: Callable[[float], None]) -> None:
        """By reads, scans and deletes alike; the one beside it stays."""
        backend.set("a:v1:d:e:short", b"1", self.SHORT)
        backend.set("a:v1:d:e:long", b"2", self.WEEK)
        elapse(self.SHORT)
        assert _comes_true(lambda: backend.get("a:v1:d:e:short") is None)
        assert list(backend.scan("*")) == ["a:v1:d:e:long"]
        assert backend.delete("a:v1:d:e:short") is False
        assert backend.get("a:v1:d:e:long") == b"2"

    def test_a_write_begins_a_new_time(self, backend: CacheBackend, elapse: Callable[[float], None]) -> None:
        """The time of the write before is forgotten."""
        backend.set("a:v1:d:e:x", b"1", self.SHORT)
        backend.set("a:v1:d:e:x", b"2", self.WEEK)
        backend.set("a:v1:d:e:witness", b"3", self.SHORT)
        elapse(self.SHORT)
        assert _comes_true(lambda: backend.get("a:v1:d:e:witness") is None)
        assert backend.get("a:v1:d:e:x") == b"2"

    def test_delete_says_whether_there_was_one(self, backend: CacheBackend) -> None:
        """Once."""
        backend.set("a:v1:d:e:x", b"1", self.WEEK)
        assert backend.delete("a:v1:d:e:x") is True
        assert backend.delete("a:v1:d:e:x") is False
        assert backend.get("a:v1:d:e:x") is None

    @pytest.mark.parametrize(
        ("pattern", "found"),
        [
            ("a:v1:d:e:*", {"a:v1:d:e:x1", "a:v1:d:e:x2", "a:v1:d:e:y1"}),
            ("*:x?", {"a:v1:d:e:x1", "a:v1:d:e:x2", "a:v1:d:other:x1"}),
            ("a:v1:d:e:[xz]1", {"a:v1:d:e:x1"}),
            ("a:v1:d:e:[!x]1", {"a:v1:d:e:y1"}),
            ("a:v1:d:e:x1", {"a:v1:d:e:x1"}),
            ("a:v1:d:e", set()),
            (r"a:v1:d:e:\*", set()),
        ],
    )
    def test_scan_finds_by_pattern(self, backend: CacheBackend, pattern: str, found: set[str]) -> None:
        """A shell pattern over the whole key."""
        for key in ("a:v1:d:e:x1", "a:v1:d:e:x2", "a:v1:d:e:y1", "a:v1:d:other:x1"):
            backend.set(key, b"1", self.WEEK)
        keys = list(backend.scan(pattern))
        assert set(keys) == found
        assert len(keys) == len(found), "no key twice"

    def test_an_escaped_pattern_is_literal(self, backend: CacheBackend) -> None:
        """What is special in a pattern may stand in a key."""
        odd = "a*:v1:[d]:e?:back\\slash"
        backend.set(odd, b"1", self.WEEK)
        backend.set("axx:v1:d:ex:back", b"2", self.WEEK)
        assert list(backend.scan(escape_glob(odd))) == [odd]
        assert list(backend.scan(escape_glob("a*") + "*")) == [odd]

    def test_many_keys_are_all_found(self, backend: CacheBackend) -> None:
        """More than one page of any listing."""
        keys = {f"a:v1:d:e:{number}" for number in range(1_200)}
        for key in keys:
            backend.set(key, b"1", self.WEEK)
        assert set(backend.scan("a:v1:d:e:*")) == keys

    def test_threads_never_see_half_an_entry(self, backend: CacheBackend) -> None:
        """Eight threads write and read one key: each read is one of the writes, whole."""
        entries = [bytes([number]) * 20_000 for number in range(8)]
        backend.set("a:v1:d:e:x", entries[0], self.WEEK)
        start = threading.Barrier(8)

        def churn(number: int) -> set[bytes | None]:
            start.wait(10)
            seen = set()
            for _ in range(20):
                backend.set("a:v1:d:e:x", entries[number], self.WEEK)
                seen.add(backend.get("a:v1:d:e:x"))
            return seen

        with ThreadPoolExecutor(8) as pool:
            seen = set().union(*pool.map(churn, range(8)))
        assert seen <= set(entries)

    def test_close_gives_everything_back(self, backend: CacheBackend) -> None:
        """Connections and files, after use; leaks fail the run that treats warnings as errors."""
        backend.set("a:v1:d:e:x", b"1", self.WEEK)
        backend.close()


def _comes_true(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Asks until it is so; each question is a call of the backend, so there is nothing to sleep for."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
    return True
