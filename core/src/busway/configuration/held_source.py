"""A secret source that is left alone for a while after it failed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from threading import Lock

from busway.configuration.transitions import SourceTransition
from busway.contracts.clock import Clock
from busway.contracts.secrets import SecretSource, SecretValue
from busway.errors import BuswayError, RefusedError, UnreachableError

__all__ = ["HOLD_SECONDS", "HeldSource", "again"]

HOLD_SECONDS = 30.0
"""How long a source that did not answer, or did not accept our credential, is not asked again."""
LONGEST_HOLD_SECONDS = 900.0
UNAUTHENTICATED = 401


class HeldSource:
    """A :class:`busway.contracts.secrets.SecretSource` around another one, with negative caching.

    After an ``UnreachableError`` or a failed credential (``RefusedError`` with status 401) every question is answered
    at once with the same error, until the hold is over. Then one question goes through: while it is on its way, the
    others are still answered with the error, so that a source in trouble is not stormed.

    A source that knows better puts ``hold_seconds`` on its error: how long it is to be left alone, 0 for not at all.
    Other refusals concern one name, and hold nothing.

    :param tell: is called with each transition, ``degraded`` and ``recovered``, once.
    """

    def __init__(self, name: str, source: SecretSource, clock: Clock, tell: Callable[[SourceTransition], None]) -> None:
        self.serves_settings = source.serves_settings
        self._name = name
        self._source = source
        self._clock = clock
        self._tell = tell
        self._lock = Lock()
        self._held: BuswayError | None = None
        self._until = 0.0
        self._failures = 0

    def fetch(self, name: str) -> SecretValue | None:
        """See the contract. Raises what the source raises, or raised while it is held."""
        began = self._enter()
        try:
            value = self._source.fetch(name)
        except BuswayError as error:
            self._failed(error, began)
            raise
        self._answered(began)
        return value

    def fetch_many(self, names: Iterable[str]) -> Mapping[str, SecretValue | BuswayError]:
        """See the contract. Raises like :meth:`fetch`."""
        began = self._enter()
        try:
            answers = self._source.fetch_many(names)
        except BuswayError as error:
            self._failed(error, began)
            raise
        failures = [answer for answer in answers.values() if isinstance(answer, BuswayError)]
        worst = max(failures, key=_hold_seconds, default=None)
        if worst is not None and _hold_seconds(worst) > 0:
            self._failed(worst, began)
        else:
            self._answered(began)
        return answers

    def names(self) -> Iterable[str]:
        """See the contract."""
        return self._source.names()

    def locate(self, name: str) -> str:
        """See the contract."""
        return self._source.locate(name)

    def close(self) -> None:
        """See the contract."""
        self._source.close()

    def _enter(self) -> int:
        """Lets a question through, or raises. Returns how often the source had failed at this moment."""
        if self._held is None:
            return self._failures
        with self._lock:
            held, now = self._held, self._clock.monotonic()
            if held is None or now >= self._until:
                self._until = now + HOLD_SECONDS
                return self._failures
        raise again(held)

    def _failed(self, error: BuswayError, began: int) -> None:
        seconds = _hold_seconds(error)
        if seconds <= 0:
            self._not_held(error, began)
            return
        with self._lock:
            first = self._held is None
            self._held, self._until = again(error), self._clock.monotonic() + seconds
            self._failures += 1
        if first:
            self._tell(SourceTransition(self._name, "degraded", error.problem))

    def _not_held(self, error: BuswayError, began: int) -> None:
        if isinstance(error, RefusedError):
            # It refused this name, so it answers.
            self._answered(began)
        elif self._held is not None:
            # Nothing is known of the source (a name it cannot hold, say): the next question may try.
            self._until = self._clock.monotonic()

    def _answered(self, began: int) -> None:
        if self._held is None:
            return
        with self._lock:
            # An answer to a question from before the failure says nothing about now.
            if self._held is None or self._failures != began:
                return
            self._held = None
        self._tell(SourceTransition(self._name, "recovered"))


def again(error: BuswayError) -> BuswayError:
    """The same error to raise once more, without where it came from.

    One object that many threads raise would collect all their tracebacks; and the causes and notes of a source's
    error may hold what the source read.
    """
    copied = type(error).__new__(type(error), *error.args)
    copied.__dict__.update(error.__dict__)
    copied.__dict__.pop("__notes__", None)
    return copied


def _hold_seconds(error: BuswayError) -> float:
    implied = getattr(error, "hold_seconds", None)
    if isinstance(implied, int | float) and not math.isnan(implied):
        return min(max(0.0, float(implied)), LONGEST_HOLD_SECONDS)
    unauthenticated = isinstance(error, RefusedError) and error.status == UNAUTHENTICATED
    return HOLD_SECONDS if unauthenticated or isinstance(error, UnreachableError) else 0.0
