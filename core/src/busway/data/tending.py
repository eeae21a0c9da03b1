"""The thread that tends the levels between calls: probes, replay, fresh stamps."""

from __future__ import annotations

import logging
import threading
import weakref
from typing import Protocol

__all__ = ["Tended", "Tending"]

logger = logging.getLogger("busway.data")


class Tended(Protocol):
    """What is tended."""

    def tend(self) -> float | None:
        """Does what is due; seconds until there is more to do, ``None`` when nothing is."""
        ...


class Tending:
    """Calls ``tend`` when nudged, and again after as many seconds as it asks for.

    The thread exists only while there is something to do. It keeps nothing alive: where the owner is forgotten
    without being closed, the thread ends.
    """

    def __init__(self, owner: Tended) -> None:
        self._owner = weakref.ref(owner)
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._stopped = False

    def nudge(self) -> None:
        """There is something to do."""
        self._wake.set()
        with self._lock:
            if not self._stopped and (self._thread is None or not self._thread.is_alive()):
                self._thread = threading.Thread(target=self._run, name="busway-cache-levels", daemon=True)
                self._thread.start()

    def stop(self, seconds: float = 1.0) -> None:
        """No further call; one under way is waited for."""
        with self._lock:
            self._stopped, thread = True, self._thread
        self._wake.set()
        if thread is not None and thread is not threading.current_thread() and thread.is_alive():
            thread.join(seconds)

    def renew(self) -> None:
        """In a forked child, which has no thread."""
        self._lock, self._wake, self._thread = threading.Lock(), threading.Event(), None

    def _run(self) -> None:
        while not self._stopped:
            self._wake.clear()
            seconds = self._once()
            with self._lock:
                if self._stopped or (seconds is None and not self._wake.is_set()):
                    self._thread = None
                    return
            self._wake.wait(seconds)

    def _once(self) -> float | None:
        owner = self._owner()
        if owner is None:
            self._stopped = True
            return None
        try:
            return owner.tend()
        except Exception:
            logger.exception("tending the cache levels failed")
            return 1.0
