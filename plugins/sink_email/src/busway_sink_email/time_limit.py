"""A limit on everything said over one connection."""

from __future__ import annotations

import smtplib
import socket
import threading
import time
from types import TracebackType

__all__ = ["TimeLimit"]


class TimeLimit:
    """Cuts the connection that is watched when a ``with`` block takes longer than ``seconds``.

    The time-out of a socket is for one read: a server that sends a byte now and then never runs into it, and a
    delivery that takes half a minute costs the process its sink.

    One thread watches over many blocks: to start one for each would cost a fifth of sending a mail.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._until: float | None = None
        """When the block in hand has to be over; ``None`` outside of one."""
        self._smtp: smtplib.SMTP | None = None
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self.passed = False
        """Whether the time of the block was over."""

    def watch(self, smtp: smtplib.SMTP) -> None:
        """This is the connection in use."""
        with self._lock:
            self._smtp = smtp
            if self.passed:
                _cut(smtp)

    def end(self) -> None:
        """Lets the thread go."""
        self._ended.set()

    def __enter__(self) -> TimeLimit:
        with self._lock:
            self._until, self.passed = time.monotonic() + self._seconds, False
            if self._thread is None or self._ended.is_set() or not self._thread.is_alive():
                self._ended = threading.Event()
                self._thread = threading.Thread(target=self._run, name="busway-sink-email-limit", daemon=True)
                self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._until = None

    def _run(self) -> None:
        """Sleeps to the end of the block in hand, and ends when there is none any more."""
        ended, left = self._ended, self._seconds
        while left > 0 and not ended.wait(left):
            with self._lock:
                left = 0.0 if self._until is None else self._until - time.monotonic()
                if self._until is not None and left <= 0:
                    self.passed = True
                    if self._smtp is not None:
                        _cut(self._smtp)
                if left <= 0:
                    self._thread = None


def _cut(smtp: smtplib.SMTP) -> None:
    sock = smtp.sock
    if sock is None:
        return
    try:
        sock.shutdown(socket.SHUT_RDWR)  # wakes up a read that is under way; closing would not
    except OSError:
        return  # it has just been closed
