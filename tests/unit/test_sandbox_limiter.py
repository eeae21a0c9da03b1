from __future__ import annotations

from email.utils import parsedate_to_datetime

import pytest

from busway_safetyamp.sandbox.limiter import CallLimiter, RetryAfter


class StillClock:
    def __init__(self) -> None:
        self.at = 1_000.0

    def now_ns(self) -> int:
        return int(self.at * 1e9)

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


def limiter(quota: int | None, clock: StillClock, form: RetryAfter = RetryAfter.INTEGER) -> CallLimiter:
    return CallLimiter(quota, 60.0, clock, form)


def test_the_window_slides() -> None:
    clock = StillClock()
    limit = limiter(2, clock)
    assert limit.take() == 0
    clock.sleep(40)
    assert limit.take() == 0
    assert limit.take() == 20
    clock.sleep(20)
    assert limit.take() == 0
    assert limit.take() == 40


def test_refused_calls_do_not_prolong_the_wait() -> None:
    clock = StillClock()
    limit = limiter(1, clock)
    limit.take()
    clock.sleep(30)
    assert [limit.take() for _ in range(5)] == [30] * 5


def test_a_lifted_limit_never_refuses() -> None:
    limit = limiter(None, StillClock())
    assert not any(limit.take() for _ in range(1000))
    assert limit.headers(0) == ()


def test_a_quota_of_none_at_all_refuses_everything() -> None:
    assert limiter(0, StillClock()).take() == 60


@pytest.mark.parametrize(("form", "expected"), [(RetryAfter.INTEGER, "13"), (RetryAfter.FRACTIONAL, "12.346")])
def test_retry_after_in_seconds_never_promises_too_early(form: RetryAfter, expected: str) -> None:
    headers = dict(limiter(1, StillClock(), form).headers(12.3456))
    assert headers["Retry-After"] == expected
    assert headers["X-RateLimit-Limit"] == "1"


def test_retry_after_as_a_date_is_rounded_up() -> None:
    clock = StillClock()
    headers = dict(limiter(1, clock, RetryAfter.DATE).headers(12.3))
    assert parsedate_to_datetime(headers["Retry-After"]).timestamp() == 1_013


def test_retry_after_can_be_left_out() -> None:
    assert "Retry-After" not in dict(limiter(1, StillClock(), RetryAfter.NONE).headers(12.3))
