"""Leases and quotas of one host."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.manual_clock import ManualClock
from busway.contracts.coordination import Coordinator, Quota
from busway.errors import UsageError
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


@pytest.mark.parametrize(
    ("quota", "count", "why"),
    [
        (SIXTY, 0, "0 calls at once are asked for"),
        (SIXTY, 61, "61 calls at once are asked for"),
        (Quota("none", 0, 60.0), 1, "at least one call"),
        (Quota("never", 1, 0.0), 1, "a period longer than nothing"),
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
            wait = wait_ns(list(drawn), quota, use, 1, asking, now)
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
