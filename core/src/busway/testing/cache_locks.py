"""Checks of the locks of a cache backend, for those that have some."""
# ruff: noqa: S101, D102 - a check is an assertion with its own message (pytest does not rewrite installed modules),
# and its name is its documentation.

from __future__ import annotations

import time
import uuid

import pytest

from busway.contracts.caches import CacheBackend, SupportsLocks
from busway.testing.cache_checks import WEEK, CacheChecks, Elapse, in_thread
from busway.testing.cache_threads import at_once

__all__ = ["LockChecks"]

WAKE_SECONDS = 0.1
"""Between a release and the end of a wait; what looks every so often takes longer."""


class LockChecks(CacheChecks):
    """Leased, tokened, renewable; who waits is woken."""

    settle = 0.02
    """Seconds a waiter is given to begin to wait; the backend is asked something meanwhile."""

    @pytest.fixture
    def locks(self, backend: CacheBackend) -> SupportsLocks:
        """The backend, if it has locks."""
        if not isinstance(backend, SupportsLocks):
            pytest.skip("this backend has no locks")
        return backend

    @pytest.fixture
    def other_locks(self, locks: SupportsLocks, other: CacheBackend) -> SupportsLocks:
        """The locks of another instance."""
        assert isinstance(other, SupportsLocks), "the other instance has no locks"
        return other

    @pytest.fixture
    def name(self) -> str:
        """A name of its own for each check, so that one server may serve many."""
        return f"contract-{uuid.uuid4().hex}"

    def test_a_lock_is_for_one(self, locks: SupportsLocks, other_locks: SupportsLocks, name: str) -> None:
        assert locks.acquire_lock(name, "first", WEEK) is True, "a free lock is given"
        assert other_locks.acquire_lock(name, "second", WEEK) is False, "two have one lock"

    def test_locks_of_two_names_are_two(self, locks: SupportsLocks, name: str) -> None:
        assert locks.acquire_lock(f"{name}:a", "first", WEEK)
        assert locks.acquire_lock(f"{name}:b", "second", WEEK), "the lock of another name is not free"

    def test_of_many_at_once_one_gets_the_lock(self, locks: SupportsLocks, name: str) -> None:
        taken = at_once(lambda number: locks.acquire_lock(name, f"token-{number}", WEEK))
        assert sum(taken) == 1, f"{sum(taken)} have one lock"

    def test_a_lock_ends_with_its_lease(self, locks: SupportsLocks, elapse: Elapse, name: str) -> None:
        locks.acquire_lock(name, "first", self.short)
        elapse(self.short)
        assert self.comes_true(lambda: locks.acquire_lock(name, "second", WEEK)), "a dead holder has it for ever"

    def test_a_renewed_lock_is_kept(self, locks: SupportsLocks, elapse: Elapse, name: str) -> None:
        locks.acquire_lock(name, "first", self.short * 10)
        assert locks.renew_lock(name, "first", WEEK) is True, "its holder may renew it"
        elapse(self.short * 15)
        assert locks.acquire_lock(name, "second", WEEK) is False, "it ended with its first lease"

    def test_a_lost_lock_is_not_renewed(self, locks: SupportsLocks, name: str) -> None:
        assert locks.renew_lock(name, "first", WEEK) is False, "a lock nobody holds was renewed"
        locks.acquire_lock(name, "second", WEEK)
        assert locks.renew_lock(name, "first", WEEK) is False, "somebody else's lock was renewed"

    def test_a_stranger_releases_nothing(self, locks: SupportsLocks, name: str) -> None:
        locks.acquire_lock(name, "first", WEEK)
        assert not locks.release_lock(name, "stranger"), "a token nobody was given released it"
        assert locks.acquire_lock(name, "second", WEEK) is False, "it was released by a stranger"

    def test_a_released_lock_is_free(self, locks: SupportsLocks, name: str) -> None:
        locks.acquire_lock(name, "first", WEEK)
        assert locks.release_lock(name, "first") is True, "its holder released it"
        assert locks.acquire_lock(name, "second", WEEK) is True, "it was released and is not free"

    def test_a_release_wakes_those_who_wait(
        self, backend: CacheBackend, locks: SupportsLocks, other_locks: SupportsLocks, name: str
    ) -> None:
        delays = sorted(self._wake(backend, locks, other_locks, f"{name}-{turn}") for turn in range(3))
        assert delays[1] < WAKE_SECONDS, f"woken {delays[1] * 1000:.0f} ms after the release: it looks now and then"

    def test_a_free_lock_is_not_waited_for(self, locks: SupportsLocks, elapse: Elapse, name: str) -> None:
        assert self.outcome(elapse, lambda: locks.wait_lock(name, self.patience)), "nobody ever held it"
        locks.acquire_lock(name, "first", WEEK)
        locks.release_lock(name, "first")
        assert self.outcome(elapse, lambda: locks.wait_lock(name, self.patience)), "it was released before the wait"

    def test_waiting_for_a_lock_has_an_end(self, locks: SupportsLocks, elapse: Elapse, name: str) -> None:
        locks.acquire_lock(name, "first", WEEK)
        assert self.outcome(elapse, lambda: locks.wait_lock(name, self.short)) is False, "it is held all the time"

    def test_the_end_of_a_lease_ends_the_wait(self, locks: SupportsLocks, elapse: Elapse, name: str) -> None:
        locks.acquire_lock(name, "first", self.short)
        assert self.outcome(elapse, lambda: locks.wait_lock(name, WEEK)) is True, "its holder is gone, nobody holds it"

    def test_locks_are_no_entries(self, backend: CacheBackend, locks: SupportsLocks, name: str) -> None:
        locks.acquire_lock(name, "first", WEEK)
        assert backend.get(name) is None, "a lock is served as an entry"
        assert list(backend.scan("*")) == [], "a lock is listed as a key"

    def _wake(self, backend: CacheBackend, locks: SupportsLocks, other_locks: SupportsLocks, name: str) -> float:
        """Seconds between a release and the end of the wait for it."""
        locks.acquire_lock(name, "first", WEEK)
        ended: list[float] = []

        def wait() -> bool:
            free = other_locks.wait_lock(name, self.patience)
            ended.append(time.monotonic())
            return free

        waiter = in_thread(wait)
        settled = time.monotonic() + self.settle
        while time.monotonic() < settled:
            backend.get(name)
        assert not waiter.done(), "the wait ended before the lock was released"
        released = time.monotonic()
        locks.release_lock(name, "first")
        assert waiter.result(self.patience) is True, "the lock was released during the wait"
        return ended[0] - released
