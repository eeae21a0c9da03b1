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


class Watchdog:
    """Watches one run at a time; kills nothing.

    :param seconds: without a sign of progress until the run counts as stuck.
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
        self._thread_id: int | None = None
        self._last = 0.0
        self._told: float | None = None

    def progress(self) -> None:
        """The run has moved. Cheap enough for every record."""
        self._last = self._monotonic()

    def expect_wait(self, seconds: float) -> None:
        """Somebody is about to wait on purpose, such as for a quota: that is no stall."""
        self._last = self._monotonic() + max(0.0, seconds)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watches the calling thread for the block; inside another such block it does nothing."""
        if self._thread_id is not None:
            yield
            return
        self._thread_id, self._told = threading.get_ident(), None
        self.progress()
        token = _current.set(self)
        patrol = Patrol(self.check, "busway-watchdog")
        patrol.start()
        try:
            yield
        finally:
            patrol.stop()
            _current.reset(token)
            self._thread_id = None

    def check(self) -> float:
        """Tells of a stall, once; returns the seconds until there can be another."""
        last, now = self._last, self._monotonic()
        left = last + self.seconds - now
        if left > 0:
            return left
        if self._told != last:
            self._told = last
            self._tell(now - last)
        return self.seconds

    def _tell(self, seconds: float) -> None:
        thread_id = self._thread_id
        if thread_id is None:  # the run ended in the last moment
            return
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


def ticker() -> Callable[[], None]:
    """What a loop over records calls for each of them: the progress of the watchdog at work, else nothing."""
    watchdog = _current.get()
    return watchdog.progress if watchdog is not None else _nothing


def _nothing() -> None:
    """Nobody watches."""
