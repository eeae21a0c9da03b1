"""The quota: no window ever holds more calls than allowed, and none is wasted."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from builders.safetyamp_parts import StillClock
from busway_safetyamp.limiter import Limiter


def taken_at(limiter: Limiter, clock: StillClock, count: int) -> list[float]:
    times = []
    for _ in range(count):
        limiter.acquire()
        times.append(clock.monotonic())
    return times


def test_calls_within_the_quota_do_not_wait_and_the_next_one_waits_for_the_window() -> None:
    clock = StillClock()
    times = taken_at(Limiter(3, 61.0, clock), clock, 7)
    assert [at - times[0] for at in times] == [0, 0, 0, 61, 61, 61, 122]
    assert clock.slept == [61.0, 61.0]


def test_zero_lifts_the_limit() -> None:
    clock = StillClock()
    taken_at(Limiter(0, 61.0, clock), clock, 1000)
    assert clock.slept == []


@given(calls=st.integers(1, 5), period=st.floats(0.5, 100), pauses=st.lists(st.floats(0, 50), min_size=1, max_size=40))
def test_no_window_holds_more_calls_than_allowed(calls: int, period: float, pauses: list[float]) -> None:
    clock = StillClock()
    limiter = Limiter(calls, period, clock)
    times = []
    for pause in pauses:
        clock.passed += pause
        times += taken_at(limiter, clock, 1)
    for earlier, later in zip(times, times[calls:], strict=False):
        assert later - earlier >= period - 1e-6


class StandingClock(StillClock):
    """Sleeping is only noted, so that threads that sleep at the same time do not push each other on."""

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def test_threads_share_one_quota() -> None:
    clock = StandingClock()
    limiter = Limiter(10, 60.0, clock)
    threads = [threading.Thread(target=taken_at, args=(limiter, clock, 10)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(clock.slept) == [60.0] * 10 + [120.0] * 10 + [180.0] * 10
