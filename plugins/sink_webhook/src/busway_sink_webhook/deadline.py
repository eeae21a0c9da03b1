"""One deadline for everything a request does: resolving, connecting, securing, sending, reading."""

from __future__ import annotations

import math
import ssl
import threading
from collections.abc import Callable, Sequence
from typing import Any

import httpcore

__all__ = ["Deadline", "TimedStream", "resolve_within"]


MAX_UNSENT_BYTES = 65_536


class Deadline:
    """When the request in hand has to be over. Used by one thread."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._until = math.inf

    def start(self, seconds: float) -> None:
        """From now on there are ``seconds``."""
        self._until = self._monotonic() + seconds

    def left(self) -> float:
        """Seconds, 0 when it has passed."""
        return max(0.0, self._until - self._monotonic())

    def cap(self, timeout: float | None, late: type[Exception]) -> float | None:
        """``timeout``, or what is left where that is less. Raises ``late`` when nothing is."""
        left = self.left()
        if left <= 0:
            raise late("the time is over")
        if math.isinf(left):
            return timeout
        return left if timeout is None else min(timeout, left)


class TimedStream(httpcore.NetworkStream):
    """A connection that keeps the deadline, and sends a request in one piece.

    The time-outs of HTTP libraries are for one read or write: a receiver that sends a byte now and then never
    runs into them. And they write headers and body apart, which costs a packet and wakes the receiver twice.
    """

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline
        self._unsent = bytearray()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Sends what was written, and returns what has come in."""
        if self._unsent:
            self._send(timeout)
        return self._stream.read(max_bytes, self._deadline.cap(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Keeps ``buffer`` until something is to be read, or it is much."""
        self._unsent += buffer
        if len(self._unsent) > MAX_UNSENT_BYTES:
            self._send(timeout)

    def close(self) -> None:
        """Closes the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """The same connection, secured."""
        left = self._deadline.cap(timeout, httpcore.ConnectTimeout)
        return TimedStream(self._stream.start_tls(ssl_context, server_hostname, left), self._deadline)

    def _send(self, timeout: float | None) -> None:
        unsent, self._unsent = bytes(self._unsent), bytearray()
        try:
            self._stream.write(unsent, self._deadline.cap(timeout, httpcore.WriteTimeout))
        except httpcore.WriteError:
            # A receiver may answer and hang up before it has read everything; then the answer is there to be read.
            return

    def get_extra_info(self, info: str) -> Any:
        """What the connection says about itself."""
        return self._stream.get_extra_info(info)


def resolve_within(resolve: Callable[[str, int], Sequence[str]], host: str, port: int, seconds: float) -> Sequence[str]:
    """What ``resolve`` answers. Raises ``httpcore.ConnectTimeout`` when it takes longer.

    The system's resolver has no time-out that one could set; a thread that hangs in it is left alone.
    """
    answers: list[Sequence[str] | BaseException] = []

    def ask() -> None:
        try:
            answers.append(resolve(host, port))
        except Exception as error:
            answers.append(error)

    worker = threading.Thread(target=ask, name="busway-sink-webhook-resolver", daemon=True)
    worker.start()
    worker.join(seconds)
    if not answers:
        raise httpcore.ConnectTimeout("the host name is not resolved in time")
    if isinstance(answers[0], BaseException):
        raise answers[0]
    return answers[0]
