"""The threads that read, so that whoever asked can walk away from one that hangs."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from enum import Enum

from busway.contracts.secrets import SecretValue
from busway.errors import BuswayError
from busway.metrics.registry import Counter
from busway_secrets_keyvault.deadline import Deadline

__all__ = ["THREADS", "Crew", "Outcome", "Overdue"]

THREADS = 10
"""As many as the client keeps connections: beyond, they are thrown away, and handshakes eat the gain."""

Outcome = SecretValue | BuswayError | None


class Overdue(Enum):
    """Instead of an outcome: it did not come in time."""

    OVERDUE = "overdue"


class _Flight:
    """One read of one name, on its way; all who want the name meanwhile wait for this one."""

    __slots__ = ("done", "name", "outcome", "overdue", "started")

    def __init__(self, name: str) -> None:
        self.name = name
        self.started = False
        self.overdue = False
        self.done = threading.Event()
        self.outcome: Outcome | Overdue = Overdue.OVERDUE

    def settle(self, outcome: Outcome | Overdue) -> None:
        self.outcome = outcome
        self.done.set()


class Crew:
    """At most ``threads`` daemon threads that read secrets, each name by one of them at a time.

    A thread cannot be killed in Python: one that hangs past the deadline is left behind and counted, keeps its place
    until it ends, and its name is not asked a second time meanwhile: who wants it waits for that thread again.

    :param read: reads one name; must not raise.
    :param late: called with an outcome that nobody waits for any more; must be quick.
    :param left_behind: counts the threads that were left behind.
    """

    def __init__(
        self,
        read: Callable[[str, Deadline], Outcome],
        late: Callable[[Outcome], None],
        left_behind: Counter,
        threads: int = THREADS,
    ) -> None:
        self._read = read
        self._late = late
        self._left_behind = left_behind
        self._threads = threads
        self._places = threading.BoundedSemaphore(threads)
        self._lock = threading.Lock()
        self._flights: dict[str, _Flight] = {}

    @property
    def stuck(self) -> int:
        """Threads that were left behind and have not ended yet."""
        with self._lock:
            return sum(flight.overdue for flight in self._flights.values())

    def read(self, names: Iterable[str], deadline: Deadline) -> dict[str, Outcome | Overdue]:
        """The outcome for each name, or that it did not come before the deadline. Safe to call from many threads."""
        outcomes, joined_late = self._round(names, deadline)
        # A read that had been given up tells how things were when it began; its failure is no answer to this question.
        again = [name for name in joined_late if isinstance(outcomes[name], BuswayError)]
        return outcomes | self._round(again, deadline)[0] if again else outcomes

    def _round(self, names: Iterable[str], deadline: Deadline) -> tuple[dict[str, Outcome | Overdue], list[str]]:
        """The outcomes, and the names whose reads had been given up by others before."""
        mine: deque[_Flight] = deque()
        flights: dict[str, _Flight] = {}
        with self._lock:
            for name in names:
                flight = self._flights.get(name)
                if flight is None:
                    flight = self._flights[name] = _Flight(name)
                    mine.append(flight)
                flights[name] = flight
            joined_late = [name for name, flight in flights.items() if flight.overdue]
        self._start(mine, deadline)
        for flight in flights.values():
            flight.done.wait(deadline.left())
        return {name: self._collect(flight) for name, flight in flights.items()}, joined_late

    def _start(self, flights: deque[_Flight], deadline: Deadline) -> None:
        """As many threads as there is work and room for; without room, or threads, the flights are called off."""
        waiting = list(flights)
        if not waiting:
            return
        started = 0
        try:
            if self.stuck < self._threads and self._places.acquire(timeout=deadline.left()):
                self._launch(flights, deadline)
                started = 1
            while 0 < started < len(waiting) and self._places.acquire(blocking=False):
                self._launch(flights, deadline)
                started += 1
        finally:
            if not started:
                for flight in waiting:
                    self._collect(flight)

    def _launch(self, flights: deque[_Flight], deadline: Deadline) -> None:
        try:
            threading.Thread(target=self._work, args=(flights, deadline), name="busway-keyvault", daemon=True).start()
        except BaseException:
            self._places.release()
            raise

    def _work(self, flights: deque[_Flight], deadline: Deadline) -> None:
        try:
            while (flight := self._next(flights)) is not None:
                self._finish(flight, self._read(flight.name, deadline))
        finally:
            self._places.release()

    def _next(self, flights: deque[_Flight]) -> _Flight | None:
        with self._lock:
            while flights:
                flight = flights.popleft()
                if not flight.done.is_set():
                    flight.started = True
                    return flight
        return None

    def _finish(self, flight: _Flight, outcome: Outcome) -> None:
        with self._lock:
            del self._flights[flight.name]
            flight.settle(outcome)
            if flight.overdue:
                self._late(outcome)

    def _collect(self, flight: _Flight) -> Outcome | Overdue:
        """The outcome; a flight that has none is left behind, or called off when no thread has begun with it."""
        with self._lock:
            if not flight.done.is_set() and not flight.started:
                del self._flights[flight.name]
                flight.settle(Overdue.OVERDUE)
            if not flight.done.is_set() and not flight.overdue:
                flight.overdue = True
                self._left_behind.add()
            return flight.outcome
