"""A deadline for a whole answer: redis-py's own time-outs begin anew with every byte that arrives."""

from __future__ import annotations

import errno
import socket
import ssl
from time import monotonic

__all__ = ["Deadline", "DeadlineSocket"]

SECONDS_PER_BYTE = 1 / 2**20
"""An answer that arrives with less than 1 MiB/s counts as late; a large one over a slow line does not."""
MOST_BYTES = 2**29 + 2**20
"""Nobody has more to say: Redis itself takes no value above 512 MiB."""


_NOTHING = (BlockingIOError, ssl.SSLWantReadError)


class Deadline:
    """When the question under way must be answered; every byte that moves puts it off a little."""

    __slots__ = ("at", "moved")

    def __init__(self) -> None:
        self.at = 0.0
        self.moved = 0

    def start(self, seconds: float) -> None:
        """A new question, to be answered in ``seconds``."""
        self.at = monotonic() + seconds
        self.moved = 0

    def left(self) -> float:
        """Seconds that are left (> 0). Raises ``TimeoutError``."""
        left = self.at - monotonic()
        if left <= 0:
            raise TimeoutError("the answer is late")
        return left

    def grant(self, size: int) -> None:
        """So many bytes moved. Raises ``OSError`` when they are more than anybody has to say."""
        self.moved += size
        self.at += size * SECONDS_PER_BYTE
        if self.moved > MOST_BYTES:
            raise OSError(errno.EMSGSIZE, "the answer has no end")


class DeadlineSocket:
    """A connected socket that keeps to a deadline; what redis-py needs of a socket, and no more."""

    def __init__(self, connected: socket.socket, deadline: Deadline) -> None:
        self._socket = connected
        self._deadline = deadline
        self._waits = True

    def recv(self, size: int) -> bytes:
        """Bytes that arrived; ``TimeoutError`` past the deadline."""
        self._prepare()
        try:
            data = self._socket.recv(size)
        except _NOTHING as error:
            raise self._nothing(error) from None
        self._deadline.grant(len(data))
        return data

    def recv_into(self, buffer: bytearray | memoryview) -> int:
        """The same, into a buffer (the parser of hiredis reads so)."""
        self._prepare()
        try:
            size = self._socket.recv_into(buffer)
        except _NOTHING as error:
            raise self._nothing(error) from None
        self._deadline.grant(size)
        return size

    def sendall(self, data: bytes) -> None:
        """Sends everything; ``TimeoutError`` when that takes too long."""
        left = memoryview(data)
        while left:  # piece by piece: the sendall of TLS waits anew for each of them
            self._socket.settimeout(self._deadline.left())
            sent = self._socket.send(left)
            self._deadline.grant(sent)
            left = left[sent:]

    def settimeout(self, seconds: float | None) -> None:
        """0 stops waiting for bytes; anything else is left to the deadline."""
        self._waits = seconds != 0
        if not self._waits:
            self._socket.settimeout(0)

    def _prepare(self) -> None:
        if self._waits:
            # Past the deadline what is there already still counts: it was we who were late, with other threads at work.
            self._socket.settimeout(max(0.0, self._deadline.at - monotonic()))

    def _nothing(self, error: OSError) -> OSError:
        """Nothing is there: an answer for who did not want to wait, the end for who has waited long enough."""
        return TimeoutError("the answer is late") if self._waits else error

    def fileno(self) -> int:
        """For a selector."""
        return self._socket.fileno()

    def shutdown(self, how: int) -> None:
        """Ends the connection."""
        self._socket.shutdown(how)

    def close(self) -> None:
        """Gives the descriptor back."""
        self._socket.close()
