"""Keeps digests coming while a process lives: one daemon thread, started by the first event."""

from __future__ import annotations

import logging
import sqlite3
import threading

from busway.errors import BuswayError
from busway.events.digest import Digest

__all__ = ["DigestTicker"]

IDLE_SECONDS = 2.0
"""How often journals of other processes and the clock are looked at."""
LINGER_SECONDS = 0.25
LINGERS = 4
"""Errors come in bursts; what one cause brings forth belongs into one message."""

WAIT_SECONDS = 0.5
"""For another process that is at it. It may do our work, too, and what it has not seen is told at the next turn."""
JOIN_SECONDS = 1.0

_log = logging.getLogger("busway.events")


class DigestTicker:
    """Lets ``digest`` tell after events, and when its time has come. Nothing that happens here reaches the job."""

    def __init__(
        self, digest: Digest, *, idle_seconds: float = IDLE_SECONDS, linger_seconds: float = LINGER_SECONDS
    ) -> None:
        self._digest = digest
        self._idle_seconds = idle_seconds
        self._linger_seconds = linger_seconds
        self._forked = False
        self._failing = False
        self._thread: threading.Thread | None = None
        self._renew()

    def notify(self) -> None:
        """An event was journalled."""
        if not self._signal.is_set():
            self._signal.set()
            if not self._started:
                self._start()

    def renew_after_fork(self) -> None:
        """In a forked child there is no thread, and there shall be none: the parent or the next run tells."""
        self._renew()
        self._forked = self._started = True

    def settle(self) -> None:
        """Tells what is due now, so that a flush that follows takes it along."""
        if not self._forked:
            self._tell()

    def close(self) -> None:
        """Ends the thread, and tells a last time where there was one: who emitted nothing has nothing to tell."""
        self._stopping.set()
        self._signal.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(JOIN_SECONDS)
            self._tell()

    def _renew(self) -> None:
        self._starting = threading.Lock()
        self._signal = threading.Event()
        self._stopping = threading.Event()
        self._thread = None
        self._started = False

    def _start(self) -> None:
        with self._starting:
            if self._started or self._stopping.is_set():
                return
            self._started = True
            thread = threading.Thread(target=self._run, name="busway-digest", daemon=True)
            thread.start()
            self._thread = thread

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._signal.wait(self._idle_seconds)
            self._linger()
            if not self._stopping.is_set():
                self._tell()

    def _linger(self) -> None:
        """Returns when a burst is over, or has lasted for a second: reading meanwhile slows down the one who emits."""
        for _ in range(LINGERS):
            self._signal.clear()
            if self._stopping.wait(self._linger_seconds) or not self._signal.is_set():
                break
        self._signal.clear()

    def _tell(self) -> None:
        try:
            if not self._digest.idle():
                self._digest.tell(WAIT_SECONDS)
            self._failing = False
        except (BuswayError, OSError, sqlite3.Error) as exc:
            if not self._failing:
                _log.warning("errors were not summed up (%s); they are counted later", type(exc).__name__)
            self._failing = True
