"""Many actors in one virtual time: whoever sleeps lets the next one run, and time goes on when all of them sleep."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable
from itertools import count

from builders.manual_clock import START_NS

__all__ = ["VirtualTime"]


class VirtualTime:
    """A clock for several threads, of which exactly one runs at a time, so that every run of a test is the same.

    Hours pass in milliseconds. What actors wait for must be :meth:`sleep`; a lock that two of them want is the end.
    """

    def __init__(self) -> None:
        self._passed_ns = 0
        self._back_ns = 0
        self._due: list[tuple[int, int, threading.Event]] = []
        self._order = count()
        self._yielded = threading.Event()
        self._errors: list[BaseException] = []
        self._threads: list[threading.Thread] = []

    def now_ns(self) -> int:
        return START_NS + self._passed_ns - self._back_ns

    def monotonic(self) -> float:
        return self._passed_ns / 1e9

    def sleep(self, seconds: float) -> None:
        """Lets the others run for so long; outside of an actor, time just goes on."""
        if threading.current_thread() not in self._threads:
            self._passed_ns += round(seconds * 1e9)
            return
        # At least a nanosecond: a sleep of less than that must not stop time.
        woken = self._wake_after(max(seconds, 1e-9))
        self._yielded.set()
        woken.wait()

    def set_back(self, seconds: float) -> None:
        """The wall clock; the monotonic one goes on."""
        self._back_ns += round(seconds * 1e9)

    def actor(self, work: Callable[[], object], after: float = 0.0) -> None:
        """``work`` is done by a thread of its own, beginning ``after`` seconds."""
        woken = self._wake_after(after)
        thread = threading.Thread(target=self._act, args=(work, woken), daemon=True)
        self._threads.append(thread)
        thread.start()

    def run(self) -> None:
        """Until every actor is done; raises what one of them raised."""
        while self._due and not self._errors:
            self._passed_ns, _, woken = heapq.heappop(self._due)
            self._yielded.clear()
            woken.set()
            assert self._yielded.wait(30), "an actor waits for something else than time"
        if self._errors:
            raise self._errors[0]
        for thread in self._threads:
            thread.join(10)

    def _wake_after(self, seconds: float) -> threading.Event:
        woken = threading.Event()
        heapq.heappush(self._due, (self._passed_ns + round(seconds * 1e9), next(self._order), woken))
        return woken

    def _act(self, work: Callable[[], object], woken: threading.Event) -> None:
        woken.wait()
        try:
            work()
        except BaseException as error:
            self._errors.append(error)
        finally:
            self._yielded.set()
