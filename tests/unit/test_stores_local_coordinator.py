"""Leases and quotas of one host."""

from __future__ import annotations

import math
import sqlite3
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.manual_clock import ManualClock
from busway.contracts.coordination import Coordinator, Quota
from busway.errors import UsageError
from busway.stores.coordination_schema import COORDINATION_DB, COORDINATION_MIGRATIONS
from busway.stores.local_coordinator import LocalCoordinator
from busway.stores.quota_window import wait_ns

SIXTY = Quota("target", 60, 60.0)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def mine(tmp_path: Path, clock: ManualClock) -> Iterator[LocalCoordinator]:
    made = LocalCoordinator(tmp_path, clock)
    yield made
    made.close()


@pytest.fixture
def other(tmp_path: Path, clock: ManualClock) -> Iterator[LocalCoordinator]:
    made = LocalCoordinator(tmp_path, clock)
    yield made
    made.close()


def test_it_is_a_coordinator(mine: LocalCoordinator) -> None:
    assert isinstance(mine, Coordinator)


def test_a_lease_is_for_one(mine: LocalCoordinator, other: LocalCoordinator, clock: ManualClock) -> None:
    lease = mine.acquire("run", "host-1 pid 7 run employees", 10)
    assert lease is not None
    assert (lease.token, lease.since_ns, lease.expires_at_ns - clock.now_ns()) == (1, clock.now_ns(), 10_000_000_000)
    assert other.acquire("run", "host-1 pid 8", 10) is None
    assert other.acquire("another", "host-1 pid 8", 10) is not None
    current = other.current("run")
    assert current is not None
    assert current.holder == "host-1 pid 7 run employees"


def test_a_lease_that_is_over_goes_to_the_next_with_a_higher_token(
    mine: LocalCoordinator, other: LocalCoordinator, clock: ManualClock
) -> None:
    first = mine.acquire("run", "a", 10)
    assert first is not None
    clock.advance(9.9)
    assert other.acquire("run", "b", 10) is None
    clock.advance(0.2)
    second = other.acquire("run", "b", 10)
    assert second is not None
    assert second.token == 2
    assert mine.renew(first, 10) is None, "it was replaced"
    assert mine.release(first) is False
    assert other.current("run") == second


def test_renewing_keeps_it(mine: LocalCoordinator, other: LocalCoordinator, clock: ManualClock) -> None:
    lease = mine.acquire("run", "a", 10)
    assert lease is not None
    clock.advance(8)
    renewed = mine.renew(lease, 10)
    assert renewed is not None
    assert renewed.token == lease.token
    assert renewed.since_ns == lease.since_ns
    clock.advance(8)
    assert other.acquire("run", "b", 10) is None


def test_one_that_was_late_and_not_replaced_is_ours_again(mine: LocalCoordinator, clock: ManualClock) -> None:
    lease = mine.acquire("run", "a", 10)
    assert lease is not None
    clock.advance(60)
    assert mine.current("run") is None
    assert mine.renew(lease, 10) is not None
    assert mine.current("run") is not None


def test_a_released_lease_is_free_and_its_token_still_grows(mine: LocalCoordinator, other: LocalCoordinator) -> None:
    lease = mine.acquire("run", "a", 10)
    assert lease is not None
    assert mine.release(lease) is True
    assert mine.release(lease) is False
    assert mine.renew(lease, 10) is None
    assert mine.current("run") is None
    again = other.acquire("run", "b", 10)
    assert again is not None
    assert again.token == 2


def test_a_closed_coordinator_holds_nothing(mine: LocalCoordinator, other: LocalCoordinator) -> None:
    assert mine.acquire("run", "a", 3600) is not None
    mine.close()
    assert other.current("run") is None
    assert other.acquire("run", "b", 10) is not None


def test_a_clock_set_back_lengthens_no_lease(tmp_path: Path, mine: LocalCoordinator, clock: ManualClock) -> None:
    assert mine.acquire("run", "a", 10) is not None
    earlier = ManualClock(clock.now_ns() - 3600 * 1_000_000_000)
    late = LocalCoordinator(tmp_path, earlier)
    assert late.acquire("run", "b", 10) is None
    earlier.advance(10.1)
    assert late.acquire("run", "b", 10) is not None
    late.close()


def test_a_quota_gives_its_calls_and_then_says_when(
    mine: LocalCoordinator, other: LocalCoordinator, clock: ManualClock
) -> None:
    for _ in range(30):
        assert mine.take(SIXTY) == 0.0
    clock.advance(10)
    for _ in range(30):
        assert other.take(SIXTY) == 0.0
    assert mine.take(SIXTY) == pytest.approx(50)
    assert mine.take(SIXTY, 31) == pytest.approx(60)
    clock.advance(50)
    assert mine.take(SIXTY, 30) == 0.0
    assert mine.take(SIXTY) == pytest.approx(10)


def test_a_hold_stops_everybody(mine: LocalCoordinator, other: LocalCoordinator, clock: ManualClock) -> None:
    mine.hold(SIXTY, 5)
    mine.hold(SIXTY, 2)
    assert other.take(SIXTY) == pytest.approx(5)
    assert other.take(Quota("elsewhere", 1, 1.0)) == 0.0
    clock.advance(5)
    assert other.take(SIXTY) == 0.0


def test_a_share_that_nobody_asks_for_is_lent(mine: LocalCoordinator) -> None:
    quota = Quota("target", 10, 60.0, {"writes": 0.5, "console": 0.2})
    assert [mine.take(quota, share="writes") for _ in range(10)] == [0.0] * 10


def test_a_share_that_was_asked_for_is_kept(mine: LocalCoordinator, clock: ManualClock) -> None:
    quota = Quota("target", 10, 60.0, {"writes": 0.5, "console": 0.2})
    assert mine.take(quota, share="console") == 0.0
    assert [mine.take(quota, share="writes") for _ in range(8)] == [0.0] * 8
    assert mine.take(quota, share="writes") > 0, "the tenth call is kept for the console"
    assert mine.take(quota, share="console") == 0.0


def test_a_clock_set_back_does_not_stop_a_quota(tmp_path: Path, mine: LocalCoordinator, clock: ManualClock) -> None:
    mine.take(SIXTY, 60)
    earlier = ManualClock(clock.now_ns() - 3600 * 1_000_000_000)
    late = LocalCoordinator(tmp_path, earlier)
    assert late.take(SIXTY) == pytest.approx(60)
    earlier.advance(60.1)
    assert late.take(SIXTY) == 0.0
    late.close()


def test_a_clock_set_back_lengthens_no_hold(tmp_path: Path, mine: LocalCoordinator, clock: ManualClock) -> None:
    mine.hold(SIXTY, 30)
    earlier = ManualClock(clock.now_ns() - 3600 * 1_000_000_000)
    late = LocalCoordinator(tmp_path, earlier)
    assert late.take(SIXTY) == pytest.approx(30)
    earlier.advance(10)
    assert [use.held_seconds for use in late.quota_use()] == [pytest.approx(20)]
    late.hold(SIXTY, 5)
    assert late.take(SIXTY) == pytest.approx(20), "the longer hold goes on, and no longer than it was"
    earlier.advance(20)
    assert late.take(SIXTY) == 0.0
    late.close()


def test_a_clock_set_back_keeps_no_share_longer(tmp_path: Path, mine: LocalCoordinator, clock: ManualClock) -> None:
    quota = Quota("target", 10, 60.0, {"console": 0.5})
    mine.take(quota, share="console")
    earlier = ManualClock(clock.now_ns() - 3600 * 1_000_000_000)
    late = LocalCoordinator(tmp_path, earlier)
    assert [late.take(quota, share="writes") for _ in range(6)] == [*[0.0] * 5, pytest.approx(60)]
    earlier.advance(60)
    assert [late.take(quota, share="writes") for _ in range(10)] == [0.0] * 10, "nobody has asked for a period"
    late.close()


def test_a_share_is_as_large_as_it_is_written(mine: LocalCoordinator) -> None:
    """0.29 of 100 is 28.999... in binary."""
    quota = Quota("target", 100, 60.0, {"console": 0.29})
    mine.take(quota, share="console")
    drawn = [mine.take(quota, share="writes") for _ in range(100)]
    assert drawn.count(0.0) == 71


def test_a_database_of_the_version_before_is_taken_over(tmp_path: Path, clock: ManualClock) -> None:
    old = sqlite3.connect(tmp_path / COORDINATION_DB)
    old.executescript(COORDINATION_MIGRATIONS[0])
    old.executemany("INSERT INTO quota_calls VALUES ('target', 'writes', ?)", [(clock.now_ns(),)] * 58)
    old.executescript("PRAGMA user_version = 1")
    old.close()
    new = LocalCoordinator(tmp_path, clock)
    assert [new.take(SIXTY) for _ in range(3)] == [0.0, 0.0, pytest.approx(60)]
    assert [dict(use.drawn) for use in new.quota_use()] == [{"": 2, "writes": 58}]
    new.close()


def test_looking_at_quotas_that_nobody_has_shows_none(mine: LocalCoordinator) -> None:
    assert mine.quota_use() == []


@pytest.mark.parametrize(
    ("quota", "count", "why"),
    [
        (SIXTY, 0, "0 calls at once are asked for"),
        (SIXTY, 61, "61 calls at once are asked for"),
        (Quota("none", 0, 60.0), 1, "at least one call"),
        (Quota("never", 1, 0.0), 1, "a period longer than nothing"),
        (Quota("never", 1, math.nan), 1, "a period longer than nothing"),
        (Quota("never", 1, math.inf), 1, "a period longer than nothing"),
        (Quota("odd", 10, 60.0, {"a": math.nan}), 1, "more than the whole"),
        (Quota("much", 10, 60.0, {"a": 0.8, "b": 0.3}), 1, "more than the whole"),
    ],
)
def test_what_can_never_be_drawn_is_refused(mine: LocalCoordinator, quota: Quota, count: int, why: str) -> None:
    with pytest.raises(UsageError, match="cannot be drawn from") as caught:
        mine.take(quota, count)
    assert caught.value.problem.code == "BW3110"
    assert why in caught.value.problem.why


@given(
    calls=st.integers(2, 12),
    steps=st.lists(st.tuples(st.integers(0, 40), st.sampled_from(["writes", "reads", "console", ""])), max_size=80),
)
def test_no_window_ever_has_more_than_the_quota_and_every_wait_is_enough(
    calls: int, steps: list[tuple[int, str]]
) -> None:
    quota = Quota("target", calls, 60e-9, {"writes": 0.5, "reads": 0.25})
    drawn: deque[tuple[int, str]] = deque()
    asked: dict[str, int] = {}
    history: list[int] = []
    now = 0
    for pause, use in steps:
        now += pause
        asked[use] = now
        for _ in range(3):
            while drawn and drawn[0][0] <= now - 60:
                drawn.popleft()
            asking = {one for one, at in asked.items() if at > now - 60}
            wait = wait_ns(Counter(one for _, one in drawn), list(drawn), quota, use, 1, asking, now)
            if wait == 0:
                drawn.append((now, use))
                history.append(now)
                break
            assert wait <= 60
            now += wait
        else:
            pytest.fail("asked again after the time it was told, and was refused twice")
        kept = Counter(one for _, one in drawn)
        assert kept["writes"] <= calls
    for start in history:
        assert sum(start <= at < start + 60 for at in history) <= calls
