"""Turns: one thread at a time, in the order in which they came."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["LOOK_UP_SECONDS", "Turns"]

LOOK_UP_SECONDS = 0.25
"""How often a thread that waits looks whether it still should."""


class Turns:
    """A lock that is fair: ``threading.Lock`` lets whoever is quickest go first, and somebody may never be."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._line: deque[threading.Event] = deque()

    @contextmanager
    def turn(self, look_up: Callable[[], object]) -> Iterator[None]:
        """Waits for its turn and has it for the block.

        :param look_up: called now and then while it waits; what it raises ends the wait.
        """
        place = threading.Event()
        try:
            self._join(place)
            while not place.wait(LOOK_UP_SECONDS):
                look_up()
            yield
        finally:
            self._leave(place)

    def _join(self, place: threading.Event) -> None:
        with self._lock:
            self._line.append(place)
            self._line[0].set()

    def _leave(self, place: threading.Event) -> None:
        with self._lock:
            if place in self._line:  # not when it was interrupted before it joined
                self._line.remove(place)
            if self._line:
                self._line[0].set()
