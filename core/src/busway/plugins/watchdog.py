"""Tells whose code a run is stuck in, when nothing has moved for a while.

Jobs, validators and cache levels are called by the thread that runs the job, without time-outs: most of what they do
may take as long as it takes. What can be had instead is the name of the one that takes so long.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from busway.contracts.clock import Clock, SystemClock
from busway.plugins.origins import Origin
from busway.plugins.patrol import Patrol
from busway.plugins.stack import Spot, stack_of

__all__ = ["STALL_SECONDS", "PatientClock", "Stall", "Watchdog", "ticker"]

STALL_SECONDS = 60.0
SHOWN_FRAMES = 8

_log = logging.getLogger("busway.plugins")


@dataclass(frozen=True, slots=True)
class Stall:
    """A run that has not moved for a while. Files, lines and functions only: values may be secrets or personal."""

    seconds: float
    """Without progress so far."""
    origin: Origin | None
    """Whose code the run is in; `None` when no plugin's code is on the stack."""
    function: str
    """The innermost function of that plugin, else of the stack: `people.py:12 People.source`."""
    stack: tuple[str, ...]
    """Innermost first."""

    def __str__(self) -> str:
        whose = self.origin.label if self.origin else "no plugin's code"
        return f"no progress for {self.seconds:.0f} s in {whose}: {self.function}"

    def attributes(self) -> dict[str, Any]:
        """For an event."""
        told: dict[str, Any] = {"what": "no progress", "seconds": round(self.seconds, 1)}
        if self.origin is not None:
            told |= {
                "plugin": f"{self.origin.kind}.{self.origin.name}",
                "distribution": self.origin.distribution,
                "version": self.origin.version,
            }
        return told | {"function": self.function, "stack": list(self.stack)}


class _Watch:
    """One thread that is watched."""

    __slots__ = ("last", "thread_id", "told")

    def __init__(self, now: float) -> None:
        self.thread_id = threading.get_ident()
        self.last = now
        """Its latest sign of progress, monotonic seconds."""
        self.told: float | None = None
        """The sign of progress after which a stall was told."""


class Watchdog:
    """Watches the threads of one run; kills nothing.

    A sign of progress counts for the thread it comes from, and for the one that thread works for; one from anywhere
    else counts for all.

    :param seconds: without a sign of progress until a thread counts as stuck.
    :param on_stall: called once for each stall, in the watchdog's thread.
    :param packages: module or package to the plugin it belongs to.
    """

    def __init__(
        self,
        seconds: float = STALL_SECONDS,
        clock: Clock | None = None,
        on_stall: Callable[[Stall], None] | None = None,
        *,
        packages: Mapping[str, Origin] | None = None,
    ) -> None:
        self.seconds = seconds
        self._monotonic = (clock or SystemClock()).monotonic
        self.on_stall = on_stall
        self.packages: Mapping[str, Origin] = packages or {}
        self._lock = threading.Lock()
        self._watches: tuple[_Watch, ...] = ()
        self._patrol: Patrol | None = None

    def progress(self) -> None:
        """The run has moved. Cheap enough for every record."""
        self._note(self._monotonic())

    def expect_wait(self, seconds: float) -> None:
        """Somebody is about to wait on purpose, such as for a quota: that is no stall."""
        self._note(self._monotonic() + max(0.0, seconds))

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watches the calling thread for the block; inside another such block of the thread it does nothing."""
        current = _watch.get()
        if current in self._watches and current is not None and current.thread_id == threading.get_ident():
            yield
            return
        watch = _Watch(self._monotonic())
        tokens = _current.set(self), _watch.set(watch)
        self._begin(watch)
        try:
            yield
        finally:
            self._end(watch)
            _current.reset(tokens[0])
            _watch.reset(tokens[1])

    def check(self) -> float:
        """Tells of stalls, each once; returns the seconds until there can be another."""
        now = self._monotonic()
        return min((self._checked(watch, now) for watch in self._watches), default=self.seconds)

    def _checked(self, watch: _Watch, now: float) -> float:
        last = watch.last
        left = last + self.seconds - now
        if left > 0:
            return left
        if watch.told != last:
            watch.told = last
            self._tell(watch.thread_id, now - last)
        return self.seconds

    def _note(self, at: float) -> None:
        watch, watches = _watch.get(), self._watches
        if watch is not None and watch in watches:
            watch.last = at
            return
        for one in watches:
            one.last = at

    def _begin(self, watch: _Watch) -> None:
        with self._lock:
            self._watches = (*self._watches, watch)
            if self._patrol is None:
                self._patrol = Patrol(self.check, "busway-watchdog")
                self._patrol.start()

    def _end(self, watch: _Watch) -> None:
        with self._lock:
            self._watches = tuple(one for one in self._watches if one is not watch)
            if not self._watches and self._patrol is not None:
                self._patrol.stop()
                self._patrol = None

    def _tell(self, thread_id: int, seconds: float) -> None:
        stall = self._stall(seconds, stack_of(thread_id))
        _log.warning("%s; stack, innermost first: %s", stall, " < ".join(stall.stack))
        if self.on_stall is not None:
            self.on_stall(stall)

    def _stall(self, seconds: float, stack: Sequence[Spot]) -> Stall:
        shown = tuple(str(spot) for spot in stack[:SHOWN_FRAMES])
        for spot in stack:
            origin = self._owner(spot.module)
            if origin is not None:
                return Stall(seconds, origin, str(spot), shown)
        return Stall(seconds, None, shown[0] if shown else "the thread has ended", shown)

    def _owner(self, module: str) -> Origin | None:
        while module:
            if module in self.packages:
                return self.packages[module]
            module = module.rpartition(".")[0]
        return None


class PatientClock:
    """A clock whose sleeps are known to the watchdog: what plugins wait for on purpose is no stall."""

    def __init__(self, clock: Clock, watchdog: Watchdog) -> None:
        self._clock = clock
        self._watchdog = watchdog
        self.now_ns = clock.now_ns
        self.monotonic = clock.monotonic

    def sleep(self, seconds: float) -> None:
        """Waits."""
        self._watchdog.expect_wait(seconds)
        self._clock.sleep(seconds)
        self._watchdog.progress()


_current: ContextVar[Watchdog | None] = ContextVar("busway_watchdog", default=None)
_watch: ContextVar[_Watch | None] = ContextVar("busway_watch", default=None)


def ticker() -> Callable[[], None]:
    """What a loop over records calls for each of them: the progress of the watchdog at work, else nothing."""
    watchdog = _current.get()
    return watchdog.progress if watchdog is not None else _nothing


def _nothing() -> None:
    """Nobody watches."""
