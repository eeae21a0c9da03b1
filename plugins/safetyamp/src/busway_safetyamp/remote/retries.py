"""When a call is tried again, and when that ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, TypeVar, cast

import tenacity

from busway.contracts.clock import Clock
from busway.errors import BuswayError

__all__ = ["Retries", "Transient"]

T = TypeVar("T")

FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0


class Transient(Exception):  # noqa: N818 - not an error yet: it becomes ``error`` when the retries are used up
    """This attempt failed in a way that may pass."""

    def __init__(self, error: BuswayError, delay: float | None = None) -> None:
        super().__init__(error.code)
        self.error = error
        """What the caller gets when no attempt is left."""
        self.delay = delay
        """Seconds the server asked for; ``None`` leaves it to the back-off."""


class Retries:
    """Runs an attempt until it works, fails for good, or the attempts or the time are used up.

    The wait is what the server asked for, else full jitter: a random part of 1, 2, 4 ... seconds, at most 60, so that
    many clients that failed together do not come back together.
    """

    def __init__(self, *, attempts: int, budget_seconds: float, clock: Clock, jitter: Callable[[], float]) -> None:
        self._attempts = attempts
        self._budget = budget_seconds
        self._clock = clock
        self._jitter = jitter

    def run(self, attempt: Callable[[], T]) -> T:
        """The result of ``attempt``, which raises :class:`Transient` to be called again."""
        started = self._clock.monotonic()

        def used_up(state: tenacity.RetryCallState) -> bool:
            if state.attempt_number >= self._attempts:
                return True
            return self._clock.monotonic() + self._delay(state) - started > self._budget

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Transient),
            stop=used_up,
            wait=self._delay,
            sleep=self._clock.sleep,
            retry_error_callback=_give_up,
        )
        return retrying(attempt)

    def _delay(self, state: tenacity.RetryCallState) -> float:
        failure = _failure(state)
        if failure.delay is None:  # decided once: the stop rule and the wait must see the same number
            failure.delay = self._jitter() * min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** (state.attempt_number - 1))
        return failure.delay


def _failure(state: tenacity.RetryCallState) -> Transient:
    return cast(Transient, state.outcome.exception() if state.outcome else None)


def _give_up(state: tenacity.RetryCallState) -> NoReturn:
    failure = _failure(state)
    raise failure.error from failure.__cause__
