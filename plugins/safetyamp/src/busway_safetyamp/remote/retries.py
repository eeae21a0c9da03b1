"""When a call is tried again, and when that ends."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import count
from typing import NoReturn, TypeVar, cast

import tenacity

from busway.contracts.clock import Clock
from busway.contracts.stopping import stop_requested
from busway.errors import BuswayError, StoppedError

__all__ = ["Retries", "Transient"]

T = TypeVar("T")

FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0
SLICE = 0.25
"""Seconds between two looks at the wish to stop."""
SHORTEST = 0.001
"""Seconds: what is left of a wait after rounding must not be waited for in a busy loop."""


class Transient(Exception):  # noqa: N818 - not an error yet: it becomes ``error`` when the retries are used up
    """This attempt failed in a way that may pass."""

    def __init__(self, error: BuswayError, delay: float | None = None, *, throttled: bool = False) -> None:
        super().__init__(error.code)
        self.error = error
        """What the caller gets when no attempt is left."""
        self.delay = delay
        """Seconds the server asked for; ``None`` leaves it to the back-off."""
        self.throttled = throttled
        """It was one call too many (429), and nobody else should call either."""


class Retries:
    """Runs an attempt until it works, fails for good, or the attempts or the time are used up.

    The wait is what the server asked for, else full jitter: a random part of 1, 2, 4 ... seconds, at most 60, so that
    many clients that failed together do not come back together.

    :param budget_seconds: longest time from the first attempt to the last.
    :param jitter: gives a random number from 0 to 1.
    """

    def __init__(
        self, *, attempts: int, budget_seconds: float, clock: Clock, jitter: Callable[[], float] = random.random
    ) -> None:
        self._attempts = attempts
        self._budget = budget_seconds
        self._clock = clock
        self._jitter = jitter

    def run(self, attempt: Callable[[], T], *, on_throttled: Callable[[float], None] | None = None) -> T:
        """The result of ``attempt``, which raises :class:`Transient` to be called again.

        Raises what ``attempt`` raises, the error of the last :class:`Transient`, and ``StoppedError`` (BW7006) when the
        run is asked to stop while this waits.

        :param on_throttled: is told the wait in seconds after each 429.
        """
        started = self._clock.monotonic()
        numbers = count()

        def tried() -> T:
            number = next(numbers)
            try:
                return attempt()
            except Transient as failure:
                if failure.delay is None:
                    failure.delay = self._back_off(number)
                if failure.throttled and on_throttled is not None:
                    on_throttled(failure.delay)
                raise

        def used_up(state: tenacity.RetryCallState) -> bool:
            late = self._clock.monotonic() + _delay(state) - started > self._budget
            return late or state.attempt_number >= self._attempts

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Transient),
            stop=used_up,
            wait=_delay,
            sleep=self._wait,
            retry_error_callback=_give_up,
        )
        return retrying(tried)

    def _wait(self, seconds: float) -> None:
        until = self._clock.monotonic() + seconds
        while (left := until - self._clock.monotonic()) > 0:
            if stop_requested():
                raise _stopped(left)
            self._clock.sleep(max(SHORTEST, min(SLICE, left)))

    def _back_off(self, number: int) -> float:
        return self._jitter() * min(LONGEST_WAIT, FIRST_WAIT * 2.0**number)


def _stopped(left: float) -> StoppedError:
    return StoppedError(
        "BW7006",
        "stopped while waiting to call again",
        why=f"the remote did not serve, and the run was asked to stop {left:.0f} s before it was asked again",
        fix="busway run",
    )


def _failure(state: tenacity.RetryCallState) -> Transient:
    return cast(Transient, state.outcome.exception() if state.outcome else None)


def _delay(state: tenacity.RetryCallState) -> float:
    return _failure(state).delay or 0.0


def _give_up(state: tenacity.RetryCallState) -> NoReturn:
    failure = _failure(state)
    raise failure.error from failure.__cause__
