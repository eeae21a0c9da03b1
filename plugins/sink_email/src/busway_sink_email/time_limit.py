"""A limit on everything said over one connection."""

from __future__ import annotations

import smtplib
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TypeVar

__all__ = ["TimeLimit"]

T = TypeVar("T")


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

    def within(self, connect: Callable[[], T], close: Callable[[], object]) -> T:
        """What ``connect`` returns or raises; ``TimeoutError`` when the time of the block is over before.

        There is nothing to cut yet while a name is resolved and one address after the other is tried. So it is done
        in a thread, which is left alone when it takes too long, and calls ``close`` when it is through.
        """
        results: list[T | Exception] = []
        left_alone = threading.Event()
        lock = threading.Lock()

        def run() -> None:
            result: T | Exception
            try:
                result = connect()
            except Exception as error:
                result = error
            with lock:
                results.append(result)
                if left_alone.is_set():
                    close()

        worker = threading.Thread(target=run, name="busway-sink-email-connect", daemon=True)
        worker.start()
        worker.join(self._left())
        with lock:
            if not results:
                left_alone.set()
                self.passed = True
                raise TimeoutError("no connection in time")
        if isinstance(results[0], Exception):
            raise results[0]
        return results[0]

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

    def _left(self) -> float | None:
        """Seconds of the block in hand; ``None`` outside of one."""
        with self._lock:
            return None if self._until is None else max(0.0, self._until - time.monotonic())

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
