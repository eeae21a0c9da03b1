"""Checks of a cache backend that many threads use at once."""
# ruff: noqa: S101, D102 - a check is an assertion with its own message (pytest does not rewrite installed modules),
# and its name is its documentation.

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from busway.contracts.caches import CacheBackend
from busway.testing.cache_checks import WEEK, CacheChecks

__all__ = ["ThreadChecks", "at_once"]

T = TypeVar("T")
THREADS = 8
ROUNDS = 15


def at_once(call: Callable[[int], T], threads: int = THREADS) -> list[T]:
    """What ``call`` returns in each of so many threads that begin together."""
    barrier = Barrier(threads)

    def begin(number: int) -> T:
        barrier.wait(10)
        return call(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(begin, range(threads)))


class ThreadChecks(CacheChecks):
    """Calls from many threads are whole, each for itself."""

    def test_readers_never_see_half_a_value(self, backend: CacheBackend) -> None:
        entries = [self.value(bytes([number]) * 20_000) for number in range(THREADS)]
        backend.set("a:v1:d:e:x", entries[0], WEEK)
        writing = set(range(1, THREADS))

        def churn(number: int) -> bool:
            if number == 0:  # one reader is enough, more keep the writers from writing
                whole = True
                while writing:
                    whole = whole and backend.get("a:v1:d:e:x") in entries
                return whole
            for _ in range(ROUNDS):
                backend.set("a:v1:d:e:x", entries[number], WEEK)
            writing.discard(number)
            return True

        assert all(at_once(churn)), "a reader saw something nobody wrote"

    def test_threads_on_many_keys_do_not_mix(self, backend: CacheBackend) -> None:
        def churn(number: int) -> bool:
            key, own = f"a:v1:d:e:{number}", self.value(b"%d" % number)
            same = True
            for _ in range(ROUNDS):
                backend.set(key, own, WEEK)
                same = same and backend.get(key) == own
            return same

        assert all(at_once(churn)), "a thread was given another one's value"

    def test_of_many_who_delete_one_did(self, backend: CacheBackend) -> None:
        for _ in range(3):
            backend.set("a:v1:d:e:x", self.value(b"1"), WEEK)
            answers = at_once(lambda number: backend.delete("a:v1:d:e:x"))
            assert sum(answers) == 1, f"{sum(answers)} of {THREADS} deleted one entry"
