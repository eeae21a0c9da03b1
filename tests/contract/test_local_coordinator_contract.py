"""The coordinator of one host keeps the contract, and a broken one is found out by the check made for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from builders.manual_clock import ManualClock
from builders.suites import checks_of, run
from busway.contracts.coordination import Lease, Quota, QuotaUse
from busway.errors import UnreachableError
from busway.stores.local_coordinator import LocalCoordinator
from busway.testing import CoordinatorContract


class TestLocalCoordinator(CoordinatorContract):
    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock()

    @pytest.fixture
    def coordinator(self, tmp_path: Path, clock: ManualClock) -> Iterator[LocalCoordinator]:
        self.elapse = clock.advance  # type: ignore[method-assign]
        made = LocalCoordinator(tmp_path, clock)
        yield made
        made.close()

    @pytest.fixture
    def other(self, tmp_path: Path, clock: ManualClock) -> Iterator[LocalCoordinator]:
        made = LocalCoordinator(tmp_path, clock)
        yield made
        made.close()


class Broken(LocalCoordinator):
    """Keeps the contract; each specimen below breaks one promise."""


class GrantsTwice(Broken):
    def acquire(self, name: str, holder: str, seconds: float) -> Lease | None:
        return super().acquire(name, holder, seconds) or Lease(name, 99, holder, 0, 10**20)


class HidesTheHolder(Broken):
    def current(self, name: str) -> Lease | None:
        return None


class KeepsForEver(Broken):
    def acquire(self, name: str, holder: str, seconds: float) -> Lease | None:
        return super().acquire(name, holder, 10**6)


class RenewsNothing(Broken):
    def renew(self, lease: Lease, seconds: float) -> Lease | None:
        return lease


class ReleasesNothing(Broken):
    def release(self, lease: Lease) -> bool:
        return True


class TrustsTokens(Broken):
    def release(self, lease: Lease) -> bool:
        held = self.current(lease.name)
        return held is not None and super().release(held)


class CountsAlone(Broken):
    """A quota of each process for itself."""

    def take(self, quota: Quota, count: int = 1, share: str = "") -> float:
        return super().take(Quota(f"{quota.name}{id(self)}", quota.calls, quota.period_seconds), count, share)


class NeverFull(Broken):
    def take(self, quota: Quota, count: int = 1, share: str = "") -> float:
        return min(super().take(quota, count, share), 10**6) and 10**6


class KnowsNoShares(Broken):
    def take(self, quota: Quota, count: int = 1, share: str = "") -> float:
        return super().take(Quota(quota.name, quota.calls, quota.period_seconds), count)


class LendsNothing(Broken):
    def take(self, quota: Quota, count: int = 1, share: str = "") -> float:
        kept = round(quota.calls * quota.shares.get(share, 1.0))
        return super().take(Quota(f"{quota.name}{share}", max(kept, count), quota.period_seconds), count)


class HoldsNothing(Broken):
    def hold(self, quota: Quota, seconds: float) -> None:
        return


class HoldsTheLast(Broken):
    def hold(self, quota: Quota, seconds: float) -> None:
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM quota_holds")
        super().hold(quota, seconds)


class DrawsWhatIsNotThere(Broken):
    def take(self, quota: Quota, count: int = 1, share: str = "") -> float:
        return super().take(quota, min(count, quota.calls), share)


class TellsItsOwn(Broken):
    """What others drew is not told."""

    mine = 0

    def take(self, quota: Quota, count: int = 1, share: str = "") -> float:
        self.mine += count
        return super().take(quota, count, share)

    def quota_use(self) -> list[QuotaUse]:
        return [replace(one, drawn={"writes": self.mine}) for one in super().quota_use()]


class TellsNoHold(Broken):
    def quota_use(self) -> list[QuotaUse]:
        return [replace(one, held_seconds=0.0) for one in super().quota_use()]


class ForgetsNoQuota(Broken):
    def quota_use(self) -> list[QuotaUse]:
        return super().quota_use() or [QuotaUse("contract", 9, 30)]


class CutsNames(Broken):
    def acquire(self, name: str, holder: str, seconds: float) -> Lease | None:
        return super().acquire(name.partition(":")[0].partition("\n")[0], holder, seconds)


class RaisesWhenClosedTwice(Broken):
    closed = False

    def close(self) -> None:
        if self.closed:
            raise RuntimeError("closed twice")
        self.closed = True
        super().close()


class Away(Broken):
    """Without its server it grants everything."""


SPECIMENS: list[tuple[type[LocalCoordinator], str]] = [
    (GrantsTwice, "test_a_lease_is_for_one"),
    (GrantsTwice, "test_of_many_at_once_one_gets_it"),
    (HidesTheHolder, "test_everybody_sees_who_holds_it"),
    (KeepsForEver, "test_a_lease_ends_with_its_time"),
    (RenewsNothing, "test_renewing_keeps_it"),
    (ReleasesNothing, "test_a_released_lease_is_free"),
    (TrustsTokens, "test_a_forged_token_is_nobodys"),
    (CountsAlone, "test_a_quota_gives_its_calls"),
    (CountsAlone, "test_many_at_once_get_no_more_than_there_is"),
    (NeverFull, "test_a_quota_is_full_again_after_its_period"),
    (KnowsNoShares, "test_a_share_that_is_asked_for_is_kept"),
    (LendsNothing, "test_a_share_nobody_asks_for_is_lent"),
    (HoldsNothing, "test_a_hold_stops_everybody"),
    (HoldsTheLast, "test_a_shorter_hold_does_not_end_a_longer_one"),
    (DrawsWhatIsNotThere, "test_what_can_never_be_drawn_is_refused"),
    (TellsItsOwn, "test_what_was_drawn_is_told"),
    (TellsNoHold, "test_a_hold_is_told"),
    (ForgetsNoQuota, "test_a_quota_nobody_uses_is_not_told"),
    (CutsNames, "test_hostile_names_are_names"),
    (RaisesWhenClosedTwice, "test_closing_twice_is_harmless"),
    (Away, "test_without_its_server_nothing_is_granted"),
]


@pytest.mark.parametrize(("specimen", "check"), SPECIMENS, ids=lambda one: getattr(one, "__name__", one))
def test_a_broken_one_fails_its_check(specimen: type[LocalCoordinator], check: str, tmp_path: Path) -> None:
    clock = ManualClock()
    pair = [specimen(tmp_path, clock), specimen(tmp_path, clock)]
    suite = CoordinatorContract()
    suite.elapse = clock.advance  # type: ignore[method-assign]
    given: dict[str, Any] = {
        "coordinator": pair[0],
        "other": pair[1],
        "name": "contract",
        "unreachable": pair[0],
    }
    try:
        with pytest.raises((AssertionError, pytest.fail.Exception, RuntimeError)):
            run(suite, check, given)
    finally:
        for one in pair:
            LocalCoordinator.close(one)


def test_every_check_has_a_broken_specimen() -> None:
    checks = {*checks_of(CoordinatorContract)}
    assert checks - {check for _, check in SPECIMENS} == {"test_it_has_the_shape_of_a_coordinator"}
    assert len(checks) >= 15


def test_the_outage_of_a_real_one_is_unreachable(tmp_path: Path) -> None:
    class Gone(LocalCoordinator):
        def acquire(self, name: str, holder: str, seconds: float) -> Lease | None:
            raise UnreachableError("BW2000", "away")

        def current(self, name: str) -> Lease | None:
            raise UnreachableError("BW2000", "away")

        def take(self, quota: Quota, count: int = 1, share: str = "") -> float:
            raise UnreachableError("BW2000", "away")

    CoordinatorContract().test_without_its_server_nothing_is_granted(Gone(tmp_path), "contract")
