"""Single flight: many callers, one load."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar, cast

from busway.errors import UsageError

__all__ = ["Flight", "SingleFlight"]

T = TypeVar("T")


class Flight:
    """One load in progress, and those who wait for it."""

    __slots__ = ("detached", "future", "leader")

    def __init__(self) -> None:
        self.future: Future[Any] = Future()
        self.leader = threading.get_ident()
        self.detached = False
        """Invalidated while it was loading: its result goes to those who already wait, and is not stored."""


class _LeaderGoneError(Exception):
    """The leader was interrupted (Ctrl-C, exit): its waiters choose another one."""


class SingleFlight:
    """At most one call per key at a time in this process; everybody else gets its result or its exception."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[str, Flight] = {}

    def run(self, key: str, produce: Callable[[Flight], T]) -> T:
        """The result of ``produce``, run by this caller or by the one who came first.

        Raises what ``produce`` raised, the same exception for all; ``UsageError`` BW2007 when a loader asks for the
        value it is loading, which would wait for itself for ever.
        """
        while True:
            flight, leads = self._board(key)
            if leads:
                return self._lead(key, flight, produce)
            if flight.leader == threading.get_ident():
                raise _waits_for_itself(key)
            try:
                return cast(T, flight.future.result())
            except _LeaderGoneError:
                continue

    def detach(self, matches: Callable[[str], bool]) -> int:
        """Lets the flights whose key matches finish for those on board; the next caller starts a new one."""
        with self._lock:
            keys = [key for key in self._flights if matches(key)]
            for key in keys:
                self._flights.pop(key).detached = True
        return len(keys)

    def _board(self, key: str) -> tuple[Flight, bool]:
        with self._lock:
            flight = self._flights.get(key)
            if flight is not None:
                return flight, False
            flight = self._flights[key] = Flight()
            return flight, True

    def _lead(self, key: str, flight: Flight, produce: Callable[[Flight], T]) -> T:
        try:
            value = produce(flight)
        except Exception as error:
            self._land(key, flight)
            flight.future.set_exception(error)
            raise
        except BaseException:
            self._land(key, flight)
            flight.future.set_exception(_LeaderGoneError())
            raise
        self._land(key, flight)
        flight.future.set_result(value)
        return value

    def _land(self, key: str, flight: Flight) -> None:
        """Before the result is published: whoever comes from now on must look at the levels again."""
        with self._lock:
            if self._flights.get(key) is flight:
                del self._flights[key]


def _waits_for_itself(key: str) -> UsageError:
    return UsageError(
        "BW2007",
        f"the loader of {key} asks for {key}",
        why="it would wait for its own result for ever",
        fix="let the loader read the source itself, or give it another name or key",
    )
