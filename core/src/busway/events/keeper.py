"""The thread beside a journal: it does what the caller of an event must not wait for."""

from __future__ import annotations

import threading
from collections.abc import Callable

__all__ = ["Keeper"]

IDLE_SECONDS = 1.0
"""Without work the thread ends; it is there again with the next."""


class Keeper:
    """Runs ``work`` whenever it is woken, in a daemon thread that is started when it is needed.

    :param work: does what there is to do and answers the seconds after which to look again, ``None`` for nothing.
    :param allowed: a forked child starts no threads.
    """

    def __init__(self, work: Callable[[], float | None], *, allowed: bool = True) -> None:
        self._work = work
        self._allowed = allowed
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._woken = False
        self._ending = False

    def wake(self) -> bool:
        """There is something to do; False when no thread can be had, and the caller has to do it."""
        if not self._allowed:
            return False
        with self._changed:
            self._woken = True
            self._changed.notify()
            return self._thread is not None or self._started()

    def end(self, seconds: float) -> bool:
        """Ends the thread after the work in hand; False when that takes longer."""
        with self._changed:
            self._ending, thread = True, self._thread
            self._changed.notify()
        if thread is not None and thread is not threading.current_thread():
            thread.join(seconds)
        with self._changed:
            self._ending = False
            return self._thread is None

    def _started(self) -> bool:
        thread = threading.Thread(target=self._run, name="busway-journal", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no more threads, or the interpreter is shutting down
            return False
        self._thread = thread
        return True

    def _run(self) -> None:
        again: float | None = 0.0
        while self._next(again):
            again = self._work()

    def _next(self, again: float | None) -> bool:
        """Waits for work; False when the thread shall end."""
        with self._changed:
            if not (self._woken or self._ending):
                self._changed.wait(IDLE_SECONDS if again is None else again)
            if self._ending or (again is None and not self._woken):
                self._thread = None
                return False
            self._woken = False
            return True
