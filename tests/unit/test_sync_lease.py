"""The lease of a run: taken, renewed, lost, given back."""

from __future__ import annotations

import pytest

from builders.sync_engine import MemoryState, OneHolder, StandingClock
from busway.contracts.coordination import Lease
from busway.errors import HeldError, UnreachableError
from busway.sync.lease import SECONDS, HeldLease, RunLease


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def coordinator(clock: StandingClock) -> OneHolder:
    return OneHolder(clock)


def held_by(coordinator: OneHolder, clock: StandingClock) -> HeldLease:
    lease = coordinator.acquire("run:acme", "me", SECONDS)
    assert lease is not None
    return HeldLease(coordinator, lease, clock)


def test_one_run_at_a_time_and_the_next_after_it(coordinator: OneHolder, clock: StandingClock) -> None:
    state = MemoryState()
    run = RunLease(lambda: coordinator, "acme", clock, state)
    with run.held() as lease:
        assert (lease.name, lease.token, lease.requested()) == ("run:acme", 1, False)
        assert run.current() is not None
        with pytest.raises(HeldError) as caught, run.held():
            pass
        assert caught.value.code == "BW7002"
        assert "process " in caught.value.problem.why
        assert " since 2026-01-01 " in caught.value.problem.why
    assert run.current() is None
    with run.held() as lease:
        assert lease.token == 2
    with pytest.raises(HeldError, match="BW7003"):
        state.fences.check("run:acme", 1)


def test_a_coordinator_that_is_away_lets_nobody_run(clock: StandingClock) -> None:
    class Away(OneHolder):
        def acquire(self, name: str, holder: str, seconds: float) -> Lease | None:
            raise UnreachableError("BW2103", "away")

    with pytest.raises(UnreachableError), RunLease(lambda: Away(clock), "acme", clock, MemoryState()).held():
        pass


def test_a_renewed_lease_is_ours_however_long_the_run_lasts(coordinator: OneHolder, clock: StandingClock) -> None:
    lease = held_by(coordinator, clock)
    for _ in range(10):
        clock.sleep(SECONDS - 1)
        lease.renew()
        assert not lease.requested()


def test_a_lease_that_somebody_took_is_lost(coordinator: OneHolder, clock: StandingClock) -> None:
    lease = held_by(coordinator, clock)
    coordinator.leases.clear()
    lease.renew()
    assert lease.requested()
    assert lease.lost is not None
    assert (lease.lost.code, lease.lost.where) == ("BW7003", "lease run:acme, number 1")
    assert lease.lost.why.startswith("somebody else has taken it")


def test_a_process_that_stood_still_knows_it_before_it_is_told(coordinator: OneHolder, clock: StandingClock) -> None:
    lease = held_by(coordinator, clock)
    clock.sleep(SECONDS)
    assert lease.requested()
    assert lease.lost is not None
    assert "not renewed for 30 s" in lease.lost.why
    lease.renew()
    assert lease.requested(), "what was lost stays lost"


def test_an_outage_shorter_than_the_lease_is_survived(clock: StandingClock) -> None:
    class Flaky(OneHolder):
        away = False

        def renew(self, lease: Lease, seconds: float) -> Lease | None:
            if self.away:
                raise UnreachableError("BW2103", "away")
            return super().renew(lease, seconds)

        def release(self, lease: Lease) -> bool:
            raise UnreachableError("BW2103", "away")

    coordinator = Flaky(clock)
    lease = held_by(coordinator, clock)
    coordinator.away = True
    clock.sleep(SECONDS / 2)
    lease.renew()
    assert not lease.requested()
    coordinator.away = False
    lease.renew()
    clock.sleep(SECONDS - 1)
    assert not lease.requested()
    lease.release()
