"""Checks of how long a cache backend keeps what it stores."""
# ruff: noqa: S101, D102 - a check is an assertion with its own message (pytest does not rewrite installed modules),
# and its name is its documentation.

from __future__ import annotations

import contextlib

from busway.contracts.caches import CacheBackend
from busway.errors import BuswayError
from busway.testing.cache_checks import WEEK, CacheChecks, Elapse

__all__ = ["TimeChecks"]

KEY = "a:v1:d:e:x"
YEAR = 366 * 86_400.0


class TimeChecks(CacheChecks):
    """An entry is forgotten after its time, at the latest."""

    def test_an_entry_is_forgotten_after_its_time(self, backend: CacheBackend, elapse: Elapse) -> None:
        backend.set(KEY, self.value(b"1"), self.short)
        backend.set("a:v1:d:e:long", self.value(b"2"), WEEK)
        elapse(self.short)
        assert self.comes_true(lambda: backend.get(KEY) is None), "its time is over and it is served"
        assert backend.get("a:v1:d:e:long") == self.value(b"2"), "the one beside it went with it"

    def test_what_is_forgotten_is_not_listed(self, backend: CacheBackend, elapse: Elapse) -> None:
        backend.set(KEY, self.value(b"1"), self.short)
        backend.set("a:v1:d:e:long", self.value(b"2"), WEEK)
        elapse(self.short)
        assert self.comes_true(lambda: list(backend.scan("*")) == ["a:v1:d:e:long"]), "its time is over, it is listed"

    def test_what_is_forgotten_is_not_there_to_delete(self, backend: CacheBackend, elapse: Elapse) -> None:
        def expired() -> bool:
            backend.set(KEY, self.value(b"1"), self.short)
            elapse(self.short)
            return not backend.delete(KEY)

        assert self.comes_true(expired), "an entry whose time is over counts as deleted"

    def test_a_write_lengthens_the_time(self, backend: CacheBackend, elapse: Elapse) -> None:
        backend.set(KEY, self.value(b"1"), self.short)
        backend.set(KEY, self.value(b"2"), WEEK)
        elapse(self.short * 1.5)
        assert backend.get(KEY) == self.value(b"2"), "the time of the write before still holds"

    def test_a_write_shortens_the_time(self, backend: CacheBackend, elapse: Elapse) -> None:
        backend.set(KEY, self.value(b"1"), WEEK)
        backend.set(KEY, self.value(b"2"), self.short)
        elapse(self.short)
        assert self.comes_true(lambda: backend.get(KEY) is None), "the time of the write before still holds"

    def test_no_time_is_no_entry(self, backend: CacheBackend) -> None:
        for seconds in (0, -1, -WEEK):
            with contextlib.suppress(BuswayError, ValueError):  # refusing is as good
                backend.set(KEY, self.value(b"1"), seconds)
            assert self.comes_true(lambda: backend.get(KEY) is None), f"kept, with a ttl of {seconds} seconds"

    def test_parts_of_a_second_count(self, backend: CacheBackend) -> None:
        def there() -> bool:  # asked again where the machine was too slow
            backend.set(KEY, self.value(b"1"), 0.9)
            return backend.get(KEY) is not None

        assert self.comes_true(there), "a ttl below a second is no time at all"

    def test_a_year_is_kept(self, backend: CacheBackend, elapse: Elapse) -> None:
        backend.set(KEY, self.value(b"1"), YEAR)
        elapse(self.short)
        assert backend.get(KEY) == self.value(b"1"), "a ttl of a year is over at once"
