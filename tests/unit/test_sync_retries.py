"""The retry budget of a job."""

from __future__ import annotations

import pytest

from builders.sync_engine import StandingClock
from busway.errors import StoppedError, UnreachableError
from busway.sync.context import NEVER
from busway.sync.retries import SLICE_SECONDS, Patience


def busy(retry_after: float | None = None) -> UnreachableError:
    error = UnreachableError("BW5002", "busy")
    error.retry_after_seconds = retry_after
    return error


def patience(clock: StandingClock, *, attempts: int = 3, budget: float = 100.0) -> Patience:
    return Patience(attempts, budget, clock, NEVER, lambda low, high: high)


def test_waits_double_up_to_a_minute() -> None:
    clock = StandingClock()
    one = patience(clock, attempts=20, budget=1000)
    slept = []
    for tried in range(1, 9):
        before = clock.slept
        assert one.wait(tried, busy())
        slept.append(round(clock.slept - before, 6))
    assert slept == [1, 2, 4, 8, 16, 32, 60, 60]


def test_the_jitter_is_full() -> None:
    clock, asked = StandingClock(), []
    one = Patience(9, 100, clock, NEVER, lambda low, high: asked.append((low, high)) or low)  # type: ignore[func-returns-value]
    one.wait(3, busy())
    assert (asked, clock.slept) == ([(0.0, 4.0)], 0)


def test_attempts_and_budget_end_it() -> None:
    clock = StandingClock()
    one = patience(clock, attempts=3, budget=50)
    assert not one.wait(3, busy())
    assert one.wait(1, busy(30.5))
    assert not one.wait(1, busy(30.5)), "the budget is one for all records"
    assert one.wait(2, busy(10))
    assert clock.slept == 40.5


def test_what_was_asked_for_is_waited_even_if_it_is_nothing() -> None:
    clock = StandingClock()
    assert patience(clock).wait(1, busy(0.0))
    assert clock.slept == 0


def test_a_stop_ends_a_wait_within_a_slice() -> None:
    class After:
        def __init__(self, clock: StandingClock) -> None:
            self.clock = clock

        def requested(self) -> bool:
            return self.clock.slept >= 1

    clock = StandingClock()
    with pytest.raises(StoppedError) as caught:
        Patience(3, 100, clock, After(clock)).wait(1, busy(60))
    assert caught.value.code == "BW7006"
    assert 1 <= clock.slept < 1 + 2 * SLICE_SECONDS
