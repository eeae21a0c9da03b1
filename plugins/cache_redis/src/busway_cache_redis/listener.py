"""The listener: one connection and one thread that hear messages for everybody in the process."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from busway.errors import UnreachableError
from busway_cache_redis.conversation import Conversation
from busway_cache_redis.forks import renew_in_children
from busway_cache_redis.waker import Waker

if TYPE_CHECKING:
    from busway_cache_redis.client import Client

__all__ = ["Listener"]

Receive = Callable[[bytes], None]

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 1.0

logger = logging.getLogger("busway.cache.redis")


class _Channel:
    """Who listens to one channel, and how far the server is with it."""

    def __init__(self) -> None:
        self.receivers: list[_Receiver] = []
        self.heard = False
        """The server has confirmed it on the connection we have now."""
        self.gap = False
        """It was heard on a connection that is lost."""


class _Receiver:
    def __init__(self, receive: Receive, lost: Callable[[], None] | None) -> None:
        self.receive = receive
        self.lost = lost


class Listener:
    """Listens while anybody wants to; the thread is started by the first, and survives the loss of its connection.

    All reading and writing is done by that one thread, which others wake: two threads on one TLS connection would
    be one too many.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._closed = False
        self._thread: threading.Thread | None = None
        self._waker: Waker | None = None
        self._failures = 0
        self._error: Exception | None = None
        self.renew()
        renew_in_children(self)

    def listen(self, channel: bytes, receive: Receive, lost: Callable[[], None] | None = None) -> Callable[[], None]:
        """Calls ``receive`` with each message from now on; returns the function that stops it.

        Once this returns, nothing that is sent is missed, but for what is sent while the connection is lost: then
        ``receive`` is called with an empty message when it is back.

        :param receive: called in the listener's thread; what it raises is logged.
        :param lost: called in the same thread as soon as the connection is lost.

        Raises ``UnreachableError`` when the server does not confirm it in time.
        """
        receiver = _Receiver(receive, lost)
        with self._changed:
            if self._closed:
                raise UnreachableError("BW2006", "the connection to Redis was closed", fix="busway explain BW2006")
            entry = self._channels.setdefault(channel, _Channel())
            entry.receivers.append(receiver)
            self._start()
            failures = self._failures
            self._wake()
            try:
                self._until_heard(entry, failures)
            except BaseException:
                self._drop(channel, receiver)
                raise
        return lambda: self._stop(channel, receiver)

    def close(self) -> None:
        """Ends the thread and closes the connection."""
        with self._changed:
            self._closed = True
            thread = self._thread
            self._wake()
            self._changed.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join(2 * self._client.seconds + 1)

    def _until_heard(self, entry: _Channel, failures: int) -> None:
        if threading.current_thread() is self._thread:
            return  # a receiver that listens to more: the confirmation is read when it returns
        answered = self._changed.wait_for(
            lambda: entry.heard or self._failures != failures or self._closed, 2 * self._client.seconds
        )
        if entry.heard:
            return
        raise self._client.translate(self._error if answered and self._error else TimeoutError("no confirmation"))

    def _start(self) -> None:
        if self._thread is None:
            self._waker = Waker()
            self._thread = threading.Thread(
                target=self._run, args=(self._waker,), name="busway-redis-listener", daemon=True
            )
            self._thread.start()

    def _wake(self) -> None:
        if self._waker is not None:
            self._waker.wake()

    def _stop(self, channel: bytes, receiver: _Receiver) -> None:
        with self._changed:
            if self._drop(channel, receiver):
                self._wake()

    def _drop(self, channel: bytes, receiver: _Receiver) -> bool:
        """Forgets a receiver; True when it was the last of its channel."""
        entry = self._channels.get(channel)
        if entry is None or receiver not in entry.receivers:
            return False
        entry.receivers.remove(receiver)
        if not entry.receivers:
            del self._channels[channel]
        return not entry.receivers

    def _run(self, waker: Waker) -> None:
        pause = FIRST_PAUSE_SECONDS
        try:
            while self._wanted(waker, ending=True) is not None:
                conversation = Conversation(self._client.new_line(), waker, self._client.seconds, _Part(self, waker))
                try:
                    conversation.hold()
                    return
                except Exception as error:
                    self._lost(error)
                finally:
                    conversation.close()
                waker.wait(pause)
                pause = FIRST_PAUSE_SECONDS if conversation.worked else min(2 * pause, LONGEST_PAUSE_SECONDS)
        finally:
            waker.close()

    def _wanted(self, waker: Waker, ending: bool) -> Collection[bytes] | None:
        """The channels somebody listens to; ``None`` when the thread has to end, or there are none and it may.

        Once it has said so the thread is no longer ours: whoever listens next starts another.
        """
        with self._changed:
            if self._waker is not waker:
                return None
            if self._closed or (ending and not self._channels):
                self._thread, self._waker = None, None
                return None
            return [*self._channels]

    def _lost(self, error: Exception) -> None:
        logger.debug("the connection that listens to Redis was lost: %s", type(error).__name__)
        with self._changed:
            self._error = error
            self._failures += 1
            receivers = []
            for entry in self._channels.values():
                entry.gap = entry.gap or entry.heard
                entry.heard = False
                receivers += entry.receivers
            self._changed.notify_all()
        for receiver in receivers:
            if receiver.lost is not None:
                receiver.lost()

    def confirmed(self, channel: bytes) -> None:
        """The server sends what is published there (for the conversation)."""
        with self._changed:
            entry = self._channels.get(channel)
            if entry is None or entry.heard:
                return
            entry.heard, gap, entry.gap = True, entry.gap, False
            self._changed.notify_all()
        if gap:
            self.deliver(channel, b"")

    def deliver(self, channel: bytes, message: bytes) -> None:
        """Calls whoever listens to ``channel`` (for the conversation)."""
        with self._changed:
            entry = self._channels.get(channel)
            receivers = [*entry.receivers] if entry is not None else []
        for receiver in receivers:
            try:
                receiver.receive(message)
            except Exception:
                logger.exception("a receiver of messages failed")

    def renew(self) -> None:
        """Nobody listens; in a forked child whoever did has stayed behind in the parent."""
        if self._waker is not None:
            self._waker.close()
        self._changed = threading.Condition()
        self._channels: dict[bytes, _Channel] = {}
        self._thread, self._waker = None, None


class _Part:
    """The listener, as one thread of it speaks with the server."""

    def __init__(self, listener: Listener, waker: Waker) -> None:
        self._waker = waker
        self._listener = listener
        self.confirmed = listener.confirmed
        self.deliver = listener.deliver

    def wanted(self, idle: bool) -> Collection[bytes] | None:
        """The channels somebody listens to."""
        return self._listener._wanted(self._waker, idle)
