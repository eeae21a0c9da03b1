"""A waker: lets other threads interrupt one that waits for a socket."""

from __future__ import annotations

import selectors
import socket
from contextlib import suppress

__all__ = ["Waker"]


class Waker:
    """Two ends of a pipe: what is written into one ends the wait for the other."""

    def __init__(self) -> None:
        self._mine, self._theirs = socket.socketpair()
        for end in (self._mine, self._theirs):
            end.setblocking(False)

    def wake(self) -> None:
        """Ends the wait under way, or the next one."""
        with suppress(OSError):  # full: it wakes already; closed: nobody waits any more
            self._theirs.send(b"\0")

    def wait(self, seconds: float, other: int | None = None) -> None:
        """Until somebody wakes us, ``other`` (a descriptor) has something to read, or the time is over."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._mine, selectors.EVENT_READ)
            if other is not None:
                selector.register(other, selectors.EVENT_READ)
            selector.select(max(0.0, seconds))
        with suppress(BlockingIOError):
            while self._mine.recv(1024):
                pass

    def close(self) -> None:
        """Gives both ends back."""
        self._mine.close()
        self._theirs.close()
