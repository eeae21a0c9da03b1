"""What is remembered of a failure: an outage is paid for once, not once per secret."""

from __future__ import annotations

from typing import cast

from busway.contracts.clock import Clock
from busway.errors import BuswayError, RefusedError

__all__ = ["FailureMemory", "again"]


class FailureMemory:
    """The last failure of the whole vault or credential. Safe to use from many threads.

    Error and time are one tuple, replaced as a whole, so that nobody sees parts of two failures.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held: tuple[BuswayError, float] | None = None

    def hold(self, error: BuswayError, seconds: float) -> None:
        """Remembers ``error`` for ``seconds``."""
        if seconds > 0:
            self._held = (error, self._clock.monotonic() + seconds)

    def clear(self) -> None:
        """Forgets: the vault has answered."""
        self._held = None

    def held(self) -> BuswayError | None:
        """The failure that still counts, as an error of its own for each who asks."""
        held = self._held
        return again(held[0]) if held is not None and self._clock.monotonic() < held[1] else None


def again(error: BuswayError) -> BuswayError:
    """The same error, to be raised once more: raising one object in many threads would mix their tracebacks."""
    copy = type(error).of(error.problems)
    if isinstance(error, RefusedError):
        cast("RefusedError", copy).status = error.status
    return copy
