"""Single flight: many callers, one load."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast

from busway.data.forks import after_fork
from busway.errors import UsageError
from busway.plugins.worker import EscapeError

__all__ = ["Flight", "LeaderGoneError", "SingleFlight"]

T = TypeVar("T")
Matches = Callable[[str], bool]


class LeaderGoneError(Exception):
    """The leader was interrupted (Ctrl-C, exit): its waiters choose another one."""


class Flight:
    """One load in progress, and those who wait for it.

    Not a ``Future``: that makes a lock and a condition for each, and nearly every flight ends before anybody waits.
    """

    __slots__ = ("_error", "_event", "_over", "_value", "began", "boarded", "detached", "leader", "looked", "stale")

    def __init__(self) -> None:
        self.leader: int | None = threading.get_ident()
        """The thread that loads; ``None`` while the load waits for one."""
        self.began = 0.0
        self.detached = False
        """Invalidated while it was loading: its result goes to those who already wait, and is not stored."""
        self.looked: threading.Event | None = None
        """Set once it is known whether there is a stale value, and when the flight ends."""
        self.stale: Any = None
        """The stale value, for callers who do not wait to the end."""
        self.boarded: list[int] = []
        """The threads that came to wait."""
        self._event: dict[str, threading.Event] = {}
        self._over = False
        self._value: Any = None
        self._error: Exception | None = None

    @classmethod
    def timed(cls, began: float) -> Flight:
        """One whose callers may leave before it ends; it began at ``began``, monotonic seconds."""
        flight = cls()
        flight.began, flight.looked = began, threading.Event()
        return flight

    def see(self) -> None:
        """From now on it is known whether there is a stale value."""
        if self.looked is not None:
            self.looked.set()

    @property
    def waits(self) -> bool:
        """Its load has not begun: it waits for a thread."""
        return self.leader is None and not self._over

    def wait(self, seconds: float | None = None) -> bool:
        """Whether it ends within ``seconds`` (``None``: waits to its end)."""
        if self._over:
            return True
        # In one step, for all who come at once. Whoever ends the flight looks for the event after ``_over`` is set.
        event = self._event.setdefault("over", threading.Event())
        self.boarded.append(threading.get_ident())
        return self._over or event.wait(seconds)

    def outcome(self) -> Any:
        """What the load returned; raises what it raised. Only after it ended."""
        if self._error is not None:
            raise self._error
        return self._value

    def end(self, value: Any, error: Exception | None = None) -> None:
        """Hands the outcome to those who wait."""
        self._value, self._error = value, error
        self._over = True
        event = self._event.get("over")
        if event is not None:
            event.set()


class SingleFlight:
    """At most one call per key at a time in this process; everybody else gets its result or its exception.

    :param on_detach: called with the condition of each :meth:`detach`.
    """

    def __init__(self, on_detach: Callable[[Matches], object] | None = None) -> None:
        self._on_detach = on_detach
        self._lock = threading.Lock()
        self._flights: dict[str, Flight] = {}
        after_fork(self._reset)

    def run(self, key: str, produce: Callable[[Flight], T]) -> T:
        """The result of ``produce``, run by this caller or by the one who came first.

        Raises what ``produce`` raised, the same exception for all; ``UsageError`` BW2007 when a loader asks for the
        value it is loading, which would wait for itself for ever.
        """
        while True:
            flight, leads = self.board(key)
            if leads:
                return self.lead(key, flight, produce)
            flight.wait()
            try:
                return cast(T, flight.outcome())
            except LeaderGoneError:
                continue

    def board(self, key: str, make: Callable[[], Flight] = Flight) -> tuple[Flight, bool]:
        """The flight of ``key``, and whether this caller leads it: then it has to end it.

        Raises ``UsageError`` BW2007 for a caller who leads it already.
        """
        with self._lock:
            flight = self._flights.get(key)
            if flight is None:
                flight = self._flights[key] = make()
                return flight, True
        if flight.leader == threading.get_ident():
            raise _waits_for_itself(key)
        return flight, False

    def lead(self, key: str, flight: Flight, produce: Callable[[Flight], T]) -> T:
        """Runs ``produce`` for everybody on board; raises what it raises."""
        try:
            value = produce(flight)
        except Exception as error:
            self._land(key, flight)
            flight.end(None, error)
            raise
        except BaseException:
            self.give_up(key, flight)
            raise
        self._land(key, flight)
        flight.end(value)
        return value

    def lead_behind(self, key: str, flight: Flight, produce: Callable[[Flight], Any]) -> None:
        """The same in a thread nobody looks at: what ``produce`` raises goes to those on board only."""
        flight.leader = threading.get_ident()
        try:
            value = produce(flight)
        except BaseException as error:  # nothing may end in this thread; whoever waits is told
            self._land(key, flight)
            flight.end(None, error if isinstance(error, Exception) else EscapeError.of(error))
            return
        self._land(key, flight)
        flight.end(value)

    def give_up(self, key: str, flight: Flight) -> None:
        """Lets those on board choose another leader."""
        self._land(key, flight)
        flight.end(None, LeaderGoneError())

    def under_way(self, key: str) -> Flight | None:
        """The flight of ``key``, if there is one."""
        return self._flights.get(key)

    def detach(self, matches: Matches) -> int:
        """Lets the flights whose key matches finish for those on board; the next caller starts a new one."""
        with self._lock:
            keys = [key for key in self._flights if matches(key)]
            for key in keys:
                self._flights.pop(key).detached = True
        if self._on_detach is not None:
            self._on_detach(matches)
        return len(keys)

    def _land(self, key: str, flight: Flight) -> None:
        """Before the result is published: whoever comes from now on must look at the levels again."""
        with self._lock:
            if self._flights.get(key) is flight:
                del self._flights[key]
        flight.see()

    def _reset(self) -> None:
        """In a forked child: the threads that load have stayed behind, and with them whoever held the lock."""
        self._lock = threading.Lock()
        self._flights = {}


def _waits_for_itself(key: str) -> UsageError:
    return UsageError(
        "BW2007",
        f"the loader of {key} asks for {key}",
        why="it would wait for its own result for ever",
        fix="let the loader read the source itself, or give it another name or key",
    )
