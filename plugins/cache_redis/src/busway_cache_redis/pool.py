"""The pool: the connections of one process to the server, at most so many."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING

from busway.errors import UnreachableError
from busway_cache_redis.forks import renew_in_children

if TYPE_CHECKING:
    from busway_cache_redis.line import Line

__all__ = ["Pool"]


class Pool:
    """Hands out connections, the one used last first; those that broke come back too, and connect again.

    :param make: makes a connection, which opens itself at its first question.
    :param limit: how many there may be.
    :param seconds: how long a caller waits for one when all are in use.
    """

    def __init__(self, make: Callable[[], Line], limit: int, seconds: float) -> None:
        self._make = make
        self._limit = limit
        self._seconds = seconds
        self._closed = False
        self.renew()
        renew_in_children(self)

    def take(self) -> Line:
        """A connection for one question. Raises ``UnreachableError`` BW2034 when all stay in use."""
        try:
            return self._idle.pop()  # one step for the interpreter: no lock
        except IndexError:
            return self._another()

    def give(self, line: Line) -> None:
        """It is no longer needed."""
        if self._closed:
            line.disconnect()
        self._idle.append(line)
        if self._waiting:
            with self._changed:
                self._changed.notify()

    def close(self) -> None:
        """Closes every connection, those in use when they come back."""
        self._closed = True
        for line in [*self._idle]:
            line.disconnect()

    def _another(self) -> Line:
        deadline = monotonic() + self._seconds
        with self._changed:
            if self._made < self._limit:
                line = self._make()
                self._made += 1
                return line
            # Before looking again: whoever gives one back either sees us waiting, or we see what he gave.
            self._waiting += 1
            try:
                while True:
                    try:
                        return self._idle.pop()
                    except IndexError:
                        if not self._changed.wait(deadline - monotonic()):
                            raise self._busy() from None
            finally:
                self._waiting -= 1

    def _busy(self) -> UnreachableError:
        error = UnreachableError(
            "BW2034",
            f"all {self._limit} connections to Redis are in use",
            where="setting REDIS_MAX_CONNECTIONS",
            why=f"none became free within {self._seconds:g} s",
            fix="raise REDIS_MAX_CONNECTIONS, or let fewer threads use cached data at once",
        )
        error.ambiguous = False
        return error

    def renew(self) -> None:
        """Nothing is open; in a forked child those of the parent are forgotten, not shut down."""
        self._idle: deque[Line] = deque()
        self._changed = threading.Condition()
        self._waiting = 0
        self._made = 0
