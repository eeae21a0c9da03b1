"""Background loads: the threads in which a load goes on when its callers wait no longer."""

from __future__ import annotations

import contextvars
import threading
from collections import deque
from collections.abc import Callable

from busway.data.forks import after_fork

__all__ = ["BackgroundLoads"]

THREADS = 8
WAITING = 64
IDLE_SECONDS = 10.0

_here = threading.local()


class BackgroundLoads:
    """A few daemon threads, started when there is work and ended when there is none.

    Not ``ThreadPoolExecutor``: the process waits for its threads at exit, and a loader may hang for ever.

    :param threads: loads at the same time, at most.
    :param waiting: loads that wait for a thread, at most.
    """

    def __init__(self, threads: int = THREADS, waiting: int = WAITING) -> None:
        self._threads = threads
        self._waiting = waiting
        self._closed = False
        self._reset()
        after_fork(self._reset)

    @staticmethod
    def inside() -> bool:
        """Whether this is one of the threads: then a load has to be run right here, or they might all wait."""
        return bool(getattr(_here, "inside", False))

    @property
    def closed(self) -> bool:
        """No more work is taken."""
        return self._closed

    def submit(self, work: Callable[[], object]) -> bool:
        """Runs ``work``, which must not raise, as soon as a thread is free; False when too much waits already.

        It runs in a copy of the caller's context.
        """
        context = contextvars.copy_context()
        with self._changed:
            if self._closed or len(self._queue) >= self._waiting:
                return False
            self._queue.append(lambda: context.run(work))
            if self._idle >= len(self._queue):
                self._changed.notify()
            elif self._running < self._threads:
                self._running += 1
                threading.Thread(target=self._work, name="busway-load", daemon=True).start()
        return True

    def close(self) -> None:
        """Takes no more work. What waits is still done, since somebody may wait for it; waits for nothing."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _work(self) -> None:
        _here.inside = True
        while (work := self._next()) is not None:
            work()

    def _next(self) -> Callable[[], object] | None:
        """The next piece of work; ``None`` when this thread has waited long enough for one."""
        with self._changed:
            self._idle += 1
            self._changed.wait_for(lambda: self._queue or self._closed, IDLE_SECONDS)
            self._idle -= 1
            if self._queue:
                return self._queue.popleft()
            self._running -= 1
            return None

    def _reset(self) -> None:
        self._changed = threading.Condition()
        self._queue: deque[Callable[[], object]] = deque()
        self._running = self._idle = 0
