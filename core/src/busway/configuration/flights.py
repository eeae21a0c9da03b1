"""Questions on their way, so that however many threads ask for a name, its sources are asked once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from threading import Event, Lock
from typing import Generic, TypeVar

__all__ = ["Boarding", "Flight", "Flights"]

T = TypeVar("T")


class Flight(Generic[T]):
    """One question, for one name or for many, that others may wait for."""

    def __init__(self) -> None:
        self._landed = Event()
        self._answers: Mapping[str, T] = {}

    def wait(self) -> Mapping[str, T]:
        """The answers when they are there; those of a flight that broke off are missing."""
        self._landed.wait()
        return self._answers

    def land(self, answers: Mapping[str, T]) -> None:
        """Gives ``answers`` to everybody who waits."""
        self._answers = answers
        self._landed.set()


class Boarding(Generic[T]):
    """What became of the names somebody wants to ask for: led by the caller, or on a flight of somebody else."""

    def __init__(self) -> None:
        self.flight: Flight[T] = Flight()
        self.led: list[str] = []
        self.joined: dict[str, Flight[T]] = {}


class Flights(Generic[T]):
    """All questions on their way."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._by_name: dict[str, Flight[T]] = {}

    def board(self, names: Iterable[str]) -> Boarding[T]:
        """Joins the flights that are on their way, and opens one for the other names: who leads it must land it."""
        boarding: Boarding[T] = Boarding()
        with self._lock:
            for name in names:
                flight = self._by_name.get(name)
                if flight is None:
                    self._by_name[name] = boarding.flight
                    boarding.led.append(name)
                else:
                    boarding.joined[name] = flight
        return boarding

    def land(self, boarding: Boarding[T], answers: Mapping[str, T]) -> None:
        """Ends the flight the caller leads; without answers its passengers ask themselves."""
        with self._lock:
            for name in boarding.led:
                del self._by_name[name]
        boarding.flight.land(answers)
