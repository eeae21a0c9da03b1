"""A conversation: what is said on the connection that listens, from its opening to its loss."""

from __future__ import annotations

from collections.abc import Collection
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

from busway_cache_redis.waker import Waker

if TYPE_CHECKING:
    from busway_cache_redis.line import Line

__all__ = ["Audience", "Conversation"]

HEARTBEAT_SECONDS = 10.0
"""After so long without a word the server is asked whether it is still there."""


class Audience(Protocol):
    """For whom it is held."""

    def wanted(self, idle: bool) -> Collection[bytes] | None:
        """The channels somebody listens to; ``None`` ends it. ``idle``: nothing was said for a while."""
        ...

    def confirmed(self, channel: bytes) -> None:
        """The server sends what is published there."""
        ...

    def deliver(self, channel: bytes, message: bytes) -> None:
        """It sent something."""
        ...


class Conversation:
    """Subscribes to what is wanted and passes on what comes, until nobody wants anything or the connection fails.

    :param line: not opened yet; nobody else uses it.
    :param waker: ends the wait when something else is wanted.
    :param seconds: how long the server may take to answer.
    """

    def __init__(self, line: Line, waker: Waker, seconds: float, audience: Audience) -> None:
        self._line = line
        self._waker = waker
        self._seconds = seconds
        self._audience = audience
        self._pending: dict[bytes, int] = {}
        """Channels we subscribed to, and how many confirmations of each are on their way."""
        self._owed = 0
        self._said_at = self._heard_at = 0.0
        self.worked = False
        """The server answered something."""

    def hold(self) -> None:
        """Returns when nobody wants anything any more; raises what the connection raises when it is lost."""
        self._line.deadline.start(self._seconds)
        self._line.open()
        self._heard_at = monotonic()
        while True:
            wanted = self._audience.wanted(self._silent() >= HEARTBEAT_SECONDS)
            if wanted is None:
                return
            self._adjust(wanted)
            if not self._owed and self._silent() >= HEARTBEAT_SECONDS:
                self._say(b"PING", owed=1)
            while self._line.can_read():
                self._hear()
            self._waker.wait(self._patience(), self._line.fileno())

    def close(self) -> None:
        """Closes the connection."""
        self._line.disconnect()

    def _adjust(self, wanted: Collection[bytes]) -> None:
        gone = [channel for channel in self._pending if channel not in wanted]
        if gone:
            self._say(b"UNSUBSCRIBE", *gone, owed=len(gone))
            for channel in gone:
                del self._pending[channel]
        new = [channel for channel in wanted if channel not in self._pending]
        if new:
            self._say(b"SUBSCRIBE", *new, owed=len(new))
            self._pending |= dict.fromkeys(new, 1)
        for channel, pending in self._pending.items():
            if not pending:
                self._audience.confirmed(channel)  # it was given up and wanted again before we noticed

    def _say(self, *command: bytes, owed: int) -> None:
        self._line.deadline.start(self._seconds)
        self._line.tell(*command)
        self._owed += owed
        self._said_at = monotonic()

    def _hear(self) -> None:
        self._line.deadline.start(self._seconds)
        answer = self._line.read_response()
        self._heard_at = monotonic()
        self.worked = True
        # In a connection that is subscribed to nothing the answer to PING is a word, else it is a list.
        kind, channel, said = answer if isinstance(answer, list) and len(answer) == 3 else (answer, b"", b"")
        if kind == b"message" and isinstance(said, bytes):
            self._audience.deliver(channel, said)
            return
        if kind not in (b"subscribe", b"unsubscribe") and not _is_pong(answer):
            raise ValueError("a message of no known kind")
        self._owed -= 1
        if kind == b"subscribe" and channel in self._pending:
            self._pending[channel] -= 1
            if not self._pending[channel]:
                self._audience.confirmed(channel)

    def _silent(self) -> float:
        return monotonic() - self._heard_at

    def _patience(self) -> float:
        """Seconds until the server, or we, should say something. Raises ``TimeoutError`` when it is the server's
        turn for too long: it is frozen, or the connection is open on our side only."""
        if not self._owed:
            return HEARTBEAT_SECONDS - self._silent()
        left = self._seconds - (monotonic() - max(self._said_at, self._heard_at))
        if left <= 0:
            raise TimeoutError("no answer")
        return left


def _is_pong(answer: Any) -> bool:
    return answer == b"PONG" or (isinstance(answer, list) and answer[:1] == [b"pong"])
