"""Checks of how a cache backend finds keys by pattern."""
# ruff: noqa: S101, D102 - a check is an assertion with its own message (pytest does not rewrite installed modules),
# and its name is its documentation.

from __future__ import annotations

from busway.contracts.caches import CacheBackend
from busway.contracts.patterns import escape_glob
from busway.testing.cache_checks import WEEK, CacheChecks

__all__ = ["ScanChecks"]

KEYS = ("a:v1:d:e:x1", "a:v1:d:e:x2", "a:v1:d:e:y1", "a:v1:d:other:x1")
MANY = 1_200
"""More than one page of any listing."""


class ScanChecks(CacheChecks):
    """A shell pattern over the whole key, a backslash escapes."""

    def test_scan_finds_by_pattern(self, backend: CacheBackend) -> None:
        self._put(backend, *KEYS)
        self._finds(backend, "*", KEYS)
        self._finds(backend, "a:v1:d:e:*", KEYS[:3])
        self._finds(backend, "*:x?", ("a:v1:d:e:x1", "a:v1:d:e:x2", "a:v1:d:other:x1"))
        self._finds(backend, "a:v1:d:e:x1", ("a:v1:d:e:x1",))
        self._finds(backend, "a:v1:d:e", ())

    def test_scan_finds_nothing_of_another_app(self, backend: CacheBackend) -> None:
        self._put(backend, "app:v1:d:e:x", "app2:v1:d:e:x", "my-app:v1:d:e:x", "other:v1:app:v1:x")
        self._finds(backend, "app:v1:*", ("app:v1:d:e:x",))

    def test_scan_knows_sets(self, backend: CacheBackend) -> None:
        self._put(backend, *KEYS)
        self._finds(backend, "a:v1:d:e:[xz]1", ("a:v1:d:e:x1",))
        self._finds(backend, "a:v1:d:e:[w-y]1", ("a:v1:d:e:x1", "a:v1:d:e:y1"))

    def test_scan_knows_negated_sets(self, backend: CacheBackend) -> None:
        self._put(backend, *KEYS)
        self._finds(backend, "a:v1:d:e:[!x]1", ("a:v1:d:e:y1",))
        self._finds(backend, "a:v1:d:e:[!a-w]2", ("a:v1:d:e:x2",))

    def test_an_escaped_pattern_is_literal(self, backend: CacheBackend) -> None:
        odd = "a*:v1:[d]:e?:back\\slash"
        self._put(backend, odd, "axx:v1:d:ex:back", "a*:v1:d:e?:back")
        self._finds(backend, escape_glob(odd), (odd,))
        self._finds(backend, escape_glob("a*:v1:[d") + "*", (odd,))

    def test_many_keys_are_all_found(self, backend: CacheBackend) -> None:
        keys = [f"a:v1:d:e:{number}" for number in range(MANY)]
        self._put(backend, *keys)
        assert set(backend.scan("a:v1:d:e:*")) == set(keys), "keys are missing from a long listing"

    def test_scan_lists_no_key_twice(self, backend: CacheBackend) -> None:
        for _ in range(2):
            self._put(backend, *KEYS)
        found = list(backend.scan("*"))
        assert len(found) == len(set(found)) == len(KEYS), "a key that was written twice is listed once"

    def test_keys_may_be_removed_while_they_are_listed(self, backend: CacheBackend) -> None:
        self._put(backend, *KEYS)
        for key in backend.scan("a:v1:d:e:*"):
            backend.delete(key)
        self._finds(backend, "*", KEYS[3:])

    def _put(self, backend: CacheBackend, *keys: str) -> None:
        for key in keys:
            backend.set(key, self.value(b"1"), WEEK)

    def _finds(self, backend: CacheBackend, pattern: str, keys: tuple[str, ...]) -> None:
        found = set(backend.scan(pattern))
        assert found == set(keys), f"{pattern} finds {sorted(found)}"
