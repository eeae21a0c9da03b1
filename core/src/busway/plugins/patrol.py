"""A daemon thread that looks at something from time to time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

__all__ = ["Patrol"]

PAUSED_SECONDS = 1.0
"""Sleeping that much too long means that the process was stopped: what looks overdue then had no time to work."""

_log = logging.getLogger("busway.plugins")


class Patrol:
    """Calls `look`, and again whenever as many seconds have passed as it returned, until stopped.

    Whoever waits for deadlines needs no short interval: what begins after a look cannot be due before its whole time
    has passed, so the next look is due then, or at the earliest deadline already known.
    """

    def __init__(self, look: Callable[[], float], name: str) -> None:
        self._look = look
        self._ended = threading.Event()
        self._overslept = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Starts the thread; once."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread. Does not wait for it: it may be busy with something that hangs."""
        self._ended.set()

    def _run(self) -> None:
        excused = False
        wait = self._looked()
        while not self._slept(wait):
            if self._overslept and not excused:
                excused = True
                continue
            excused = False
            wait = self._looked()

    def _slept(self, seconds: float) -> bool:
        """True when it is time to end."""
        began = time.monotonic()
        ended = self._ended.wait(seconds)
        self._overslept = time.monotonic() - began > seconds + PAUSED_SECONDS
        return ended

    def _looked(self) -> float:
        try:
            return self._look()
        except Exception as error:  # the one who watches over failures must survive them
            _log.error("%s failed (%s)", self._thread.name, type(error).__name__)
            return PAUSED_SECONDS
