"""The backplane: what one process changes, the memory of the others forgets at once."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from busway.contracts.clock import Clock
from busway.data.backplane_message import BadMessage, Change, Message, messages, parse
from busway.data.level import Level
from busway.metrics.registry import Metrics

__all__ = ["Backplane", "Receiver"]

RETRY_SECONDS = 5.0
"""A server that refuses subscriptions is asked again after so long."""

UNHEARD = "BW2022"

logger = logging.getLogger("busway.data")


class Receiver(Protocol):
    """Who is told; called in a thread of the backend."""

    def changed(self, message: Message) -> None:
        """Another process wrote, removed or invalidated something."""
        ...

    def missed_messages(self) -> None:
        """Nobody knows what another process did meanwhile."""
        ...


class Backplane:
    """Sends and receives through one level that publishes.

    It listens from the level's first answer on, so that a process that never uses the level holds no connection.
    """

    def __init__(self, level: Level, app: str, receiver: Receiver, clock: Clock, metrics: Metrics) -> None:
        self.level = level
        self._app = app
        self._receiver = receiver
        self._clock = clock
        self._lock = threading.Lock()
        self._sender = secrets.token_hex(16)
        self._stop: Callable[[], None] | None = None
        self._wanted = False
        self._closed = False
        self._complained = False
        self._retry_at = 0.0
        self._received = metrics.counter(
            "busway_cache_messages_total", "Messages of other processes about cached data.", outcome="received"
        )
        self._ignored = metrics.counter("busway_cache_messages_total", outcome="ignored")
        self._lost = metrics.counter("busway_cache_messages_total", outcome="missed")
        level.on_first_answer = self.start

    @property
    def live(self) -> bool:
        """What others change is heard of."""
        return self._stop is not None and not self.level.away

    def start(self) -> None:
        """Listens from now on; what happened until now was missed."""
        with self._lock:
            if self._closed or self._stop is not None:
                return
            self._wanted = True
            self._retry_at = self._clock.monotonic() + RETRY_SECONDS
            try:
                self._stop = self.level.backend.subscribe(self._receive)
            except Exception as error:
                # Not the level's fault alone: a server may let us read and write, and not subscribe.
                self._complain(error)
                return
            self._complained = False
        self._receiver.missed_messages()

    def tend(self) -> float | None:
        """Tries again to listen where it failed; seconds until it should be tried again."""
        if not self._wanted or self._closed or self._stop is not None:
            return None
        if self._clock.monotonic() >= self._retry_at and not self.level.away:
            self.start()
        return None if self._stop is not None else max(self._retry_at - self._clock.monotonic(), RETRY_SECONDS / 10)

    def publish(self, **changes: Sequence[Change]) -> None:
        """Tells the others (``written``, ``removed``, ``raised``, ``replayed``: the fields of a message).

        What cannot be sent they learn by replay, or they have lost the connection themselves.
        """
        if self.level.away:
            return
        for message in messages(self._app, Message(self._sender, **changes)):
            self.level.publish(message)

    def stop(self) -> None:
        """Listens no longer."""
        with self._lock:
            self._closed = True
            stop, self._stop = self._stop, None
        if stop is not None:
            try:
                stop()
            except Exception as error:
                logger.warning("cache level %s did not stop listening: %s", self.level.title, type(error).__name__)

    def renew(self) -> None:
        """In a forked child: the subscription and its thread are the parent's, and the child is somebody else."""
        self._lock = threading.Lock()
        self._sender = secrets.token_hex(16)
        self._stop, self._wanted = None, False
        self.level.on_first_answer = self.start

    def _complain(self, error: Exception) -> None:
        """Once, however often it is tried."""
        if not self._complained:
            self._complained = True
            logger.warning(
                "cache level %s sends no changes of other processes (%s): they are seen later; see busway explain %s",
                self.level.title,
                type(error).__name__,
                UNHEARD,
            )

    def _receive(self, raw: bytes) -> None:
        if self._closed:
            return
        if raw == b"":
            self._lost.add()
            self._receiver.missed_messages()
            return
        try:
            message = parse(raw, self._app)
        except BadMessage:
            self._ignored.add()
            return
        if message.sender != self._sender:
            self._received.add()
            self._receiver.changed(message)
