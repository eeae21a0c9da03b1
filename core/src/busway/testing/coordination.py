"""Proof that a coordinator keeps its contract: subclass it, hand in two users of one coordinator, run pytest.

    from busway.testing import CoordinatorContract

    class TestAcmeCoordinator(CoordinatorContract):
        @pytest.fixture
        def coordinator(self, acme_server): return AcmeCoordinator(acme_server.url)

        @pytest.fixture
        def other(self, acme_server): return AcmeCoordinator(acme_server.url)

``elapse`` lets time pass; override it when the clock is handed in, so that no check really waits.
"""
# ruff: noqa: S101, D102 - a check is an assertion with its own message (pytest does not rewrite installed modules),
# and its name is its documentation.

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from busway.contracts.coordination import Coordinator, Lease, Quota, QuotaUse, SupportsQuotaUse
from busway.errors import BuswayError, UnreachableError, UsageError

__all__ = ["CoordinatorContract"]

SLACK = 0.05
"""Seconds by which an answer about time may be off: a server reads its own clock."""


class CoordinatorContract:
    """Checks for one coordinator. Subclass it under a name that pytest collects."""

    seconds = 0.4
    """Length of the leases and periods that are waited for; shorter only with a clock that is handed in."""

    @pytest.fixture
    def coordinator(self) -> Coordinator:
        """Your coordinator, able to answer."""
        raise NotImplementedError("define a fixture named 'coordinator' that returns your coordinator")

    @pytest.fixture
    def other(self) -> Coordinator:
        """Another user of the same: what a second process would have."""
        raise NotImplementedError("define a fixture named 'other': a second coordinator over the same server")

    @pytest.fixture
    def unreachable(self) -> Coordinator | None:
        """Optional: your coordinator with its server away."""
        return None

    @pytest.fixture
    def name(self) -> str:
        """A name of its own for each check, so that one server may serve many."""
        return f"contract-{uuid.uuid4().hex}"

    def elapse(self, seconds: float) -> None:
        """Lets time pass. Override it when your clock is handed in."""
        time.sleep(seconds)

    def test_it_has_the_shape_of_a_coordinator(self, coordinator: Coordinator) -> None:
        assert isinstance(coordinator, Coordinator), "acquire, renew, release, current, take, hold and close"

    def test_a_lease_is_for_one(self, coordinator: Coordinator, other: Coordinator, name: str) -> None:
        lease = coordinator.acquire(name, "the first", 30)
        assert isinstance(lease, Lease), "a free lease is granted"
        assert (lease.name, lease.holder) == (name, "the first"), "it says what it is for and who has it"
        assert lease.since_ns < lease.expires_at_ns, "it ends after it began"
        assert other.acquire(name, "the second", 30) is None, "two hold one lease"
        assert coordinator.acquire(name, "the first again", 30) is None, "a holder cannot take it twice"
        assert other.acquire(f"{name}-2", "the second", 30) is not None, "another name is another lease"

    def test_everybody_sees_who_holds_it(self, coordinator: Coordinator, other: Coordinator, name: str) -> None:
        assert other.current(name) is None, "nobody holds it yet"
        lease = coordinator.acquire(name, "host-1, process 7, run employees: é 漢", 30)
        current = other.current(name)
        assert current is not None, "the other user does not see the holder"
        assert lease is not None, "a free lease is granted"
        assert (current.holder, current.token) == (lease.holder, lease.token), "holder and token are those granted"

    def test_a_lease_ends_with_its_time(self, coordinator: Coordinator, other: Coordinator, name: str) -> None:
        first = coordinator.acquire(name, "the first", self.seconds)
        self.elapse(self.seconds + SLACK)
        assert other.current(name) is None, "its time is over"
        second = other.acquire(name, "the second", 30)
        assert first is not None, "a free lease is granted"
        assert second is not None, "a lease whose time is over is free"
        assert second.token > first.token, "the token grows with every holder"
        assert coordinator.renew(first, 30) is None, "a holder that was replaced renews nothing"
        assert coordinator.release(first) is False, "a holder that was replaced releases nothing"
        current = other.current(name)
        assert current is not None, "the late renewal or release took the lease from its new holder"
        assert current.token == second.token, "the late renewal or release changed the holder"

    def test_renewing_keeps_it(self, coordinator: Coordinator, other: Coordinator, name: str) -> None:
        lease = coordinator.acquire(name, "the first", self.seconds)
        assert lease is not None, "a free lease is granted"
        renewed = coordinator.renew(lease, self.seconds * 4)
        assert renewed is not None, "the holder can renew"
        assert renewed.token == lease.token, "renewing keeps the token"
        assert renewed.expires_at_ns > lease.expires_at_ns, "renewing moves the end"
        self.elapse(self.seconds * 2)
        assert other.acquire(name, "the second", 30) is None, "a renewed lease ended with its first time"

    def test_a_released_lease_is_free(self, coordinator: Coordinator, other: Coordinator, name: str) -> None:
        lease = coordinator.acquire(name, "the first", 30)
        assert lease is not None, "a free lease is granted"
        assert coordinator.release(lease) is True, "the holder can release it"
        assert coordinator.release(lease) is False, "once"
        assert coordinator.renew(lease, 30) is None, "what was released cannot be renewed"
        second = other.acquire(name, "the second", 30)
        assert second is not None, "a released lease is free"
        assert second.token > lease.token, "the token grows after a release too"

    def test_a_forged_token_is_nobodys(self, coordinator: Coordinator, other: Coordinator, name: str) -> None:
        lease = coordinator.acquire(name, "the first", 30)
        assert lease is not None, "a free lease is granted"
        forged = replace(lease, token=lease.token + 1)
        assert other.release(forged) is False, "a lease is released with a token that was never granted"
        assert other.renew(forged, 30) is None, "a lease is renewed with a token that was never granted"
        assert other.current(name) is not None, "the lease was lost to a forged token"

    def test_of_many_at_once_one_gets_it(self, coordinator: Coordinator, other: Coordinator, name: str) -> None:
        with ThreadPoolExecutor(16) as pool:
            users = [coordinator, other] * 16
            granted = [lease for lease in pool.map(lambda one: one.acquire(name, "one of many", 30), users) if lease]
        assert len(granted) == 1, f"{len(granted)} of 32 callers hold the lease"

    def test_a_quota_gives_its_calls(self, coordinator: Coordinator, other: Coordinator, name: str) -> None:
        quota = Quota(name, 5, 30)
        assert [one.take(quota) for one in (coordinator, other, coordinator, other, coordinator)] == [0.0] * 5
        wait = other.take(quota)
        assert 0 < wait <= 30 + SLACK, f"the sixth call of five has to wait at most a period, not {wait}"
        assert coordinator.take(Quota(f"{name}-2", 1, 30)) == 0.0, "another name is another quota"

    def test_a_quota_is_full_again_after_its_period(self, coordinator: Coordinator, name: str) -> None:
        quota = Quota(name, 2, self.seconds)
        assert coordinator.take(quota, 2) == 0.0, "two calls at once of two"
        wait = coordinator.take(quota)
        assert 0 < wait <= self.seconds + SLACK, "the wait is at most a period"
        self.elapse(wait + SLACK)
        assert coordinator.take(quota) == 0.0, "after the wait it was told, the caller gets its call"

    def test_many_at_once_get_no_more_than_there_is(
        self, coordinator: Coordinator, other: Coordinator, name: str
    ) -> None:
        quota = Quota(name, 10, 30)
        with ThreadPoolExecutor(16) as pool:
            waits = list(pool.map(lambda one: one.take(quota), [coordinator, other] * 16))
        assert waits.count(0.0) == 10, f"{waits.count(0.0)} calls of 10 were drawn"

    def test_a_share_nobody_asks_for_is_lent(self, coordinator: Coordinator, name: str) -> None:
        quota = Quota(name, 10, 30, {"writes": 0.5, "console": 0.3})
        drawn = [coordinator.take(quota, share="writes") for _ in range(10)]
        assert drawn == [0.0] * 10, "shares of uses that ask for nothing are lent to those that do"

    def test_a_share_that_is_asked_for_is_kept(self, coordinator: Coordinator, other: Coordinator, name: str) -> None:
        quota = Quota(name, 10, 30, {"writes": 0.5, "console": 0.3})
        assert other.take(quota, share="console") == 0.0, "the console gets its first call"
        drawn = [coordinator.take(quota, share="writes") for _ in range(10)]
        assert drawn.count(0.0) == 7, f"with 3 of 10 kept for the console, writes got {drawn.count(0.0)}"
        assert [other.take(quota, share="console") for _ in range(2)] == [0.0] * 2, "its share was given away"

    def test_a_hold_stops_everybody(self, coordinator: Coordinator, other: Coordinator, name: str) -> None:
        quota = Quota(name, 100, 30)
        coordinator.hold(quota, self.seconds)
        wait = other.take(quota)
        assert 0 < wait <= self.seconds + SLACK, "a held quota says when it ends"
        self.elapse(wait + SLACK)
        assert other.take(quota) == 0.0, "a hold ends"

    def test_a_shorter_hold_does_not_end_a_longer_one(self, coordinator: Coordinator, name: str) -> None:
        quota = Quota(name, 100, 30)
        coordinator.hold(quota, 20)
        coordinator.hold(quota, 1)
        assert coordinator.take(quota) > 10, "the longer hold counts"

    def test_what_can_never_be_drawn_is_refused(self, coordinator: Coordinator, name: str) -> None:
        with pytest.raises(UsageError):
            coordinator.take(Quota(name, 3, 30), 4)

    def test_what_was_drawn_is_told(self, coordinator: Coordinator, other: Coordinator, name: str) -> None:
        coordinator.take(Quota(name, 9, 30), 2, "writes")
        other.take(Quota(name, 9, 30), share="writes")
        other.take(Quota(name, 9, 30), share="reads: é 漢")
        found = _use_of(coordinator, name)
        assert found is not None, "a quota that is drawn from is not told"
        assert (found.calls, found.period_seconds) == (9, 30), "calls and period are those it was asked with"
        assert dict(found.drawn) == {"writes": 3, "reads: é 漢": 1}, "what everybody drew, by what for"
        assert found.held_seconds == 0, "nobody holds it"
        assert _use_of(other, name) == found, "looking draws nothing"

    def test_a_hold_is_told(self, coordinator: Coordinator, other: Coordinator, name: str) -> None:
        coordinator.take(Quota(name, 9, self.seconds))
        coordinator.hold(Quota(name, 9, self.seconds), 30)
        self.elapse(self.seconds + SLACK)
        found = _use_of(other, name)
        assert found is not None, "a held quota is told, though nobody draws from it"
        assert 0 < found.held_seconds <= 30, f"it is held for {found.held_seconds} s"

    def test_a_quota_nobody_uses_is_not_told(self, coordinator: Coordinator, name: str) -> None:
        coordinator.take(Quota(name, 9, self.seconds))
        self.elapse(self.seconds + SLACK)
        assert _use_of(coordinator, name) is None, "a quota is told whose last call was drawn more than a period ago"

    def test_hostile_names_are_names(self, coordinator: Coordinator, other: Coordinator, name: str) -> None:
        for text in (f"{name}:a*b?[c]", f"{name}\n'; DROP TABLE leases --", f"{name} é漢\u0000", f"{name}{'x' * 2000}"):
            assert coordinator.acquire(text, "the first", 30) is not None, f"no lease under {text[:60]!r}"
            assert other.acquire(text, "the second", 30) is None, f"two leases under {text[:60]!r}"
            assert other.take(Quota(text, 1, 30), share=text) == 0.0, f"no call from {text[:60]!r}"
            assert coordinator.take(Quota(text, 1, 30), share=text) > 0, f"two calls of one from {text[:60]!r}"

    def test_without_its_server_nothing_is_granted(self, unreachable: Coordinator | None, name: str) -> None:
        if unreachable is None:
            pytest.skip("define the fixture 'unreachable' to have outages checked")
        for ask in (
            lambda: unreachable.acquire(name, "me", 30),
            lambda: unreachable.take(Quota(name, 1, 30)),
            lambda: unreachable.current(name),
        ):
            with pytest.raises(BuswayError) as caught:
                ask()
            assert isinstance(caught.value, UnreachableError), f"an outage is UnreachableError, not {caught.value!r}"

    def test_closing_twice_is_harmless(self, coordinator: Coordinator) -> None:
        coordinator.close()
        coordinator.close()


def _use_of(coordinator: Coordinator, name: str) -> QuotaUse | None:
    if not isinstance(coordinator, SupportsQuotaUse):
        pytest.skip("give it quota_use() to have it say how far its quotas are drawn from")
    return next((one for one in coordinator.quota_use() if one.name == name), None)
