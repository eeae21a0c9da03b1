"""Calls that a thread makes itself while another one watches the clock.

Handing each call to a worker and waiting for it costs two switches of threads. Where a thread of ours does nothing but
call one foreign object, it may as well be the worker: what it costs then is to note when a call begins and ends.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType

from busway.plugins.patrol import Patrol
from busway.plugins.worker import abandon

__all__ = ["AbandonedCall", "CallMonitor", "WatchedCall"]


class AbandonedCall(BaseException):
    """The call that came back had been given up: its thread has to end, and nothing may be done with its result.

    Not an `Exception`, because whoever handles failures must not take it for one.
    """


class WatchedCall:
    """The calls to one foreign object: a context manager around each of them.

    :param label: how an abandoned one is listed, such as ``deliver() of sinks.pager (acme-busway-pager 2.1)``.

    Leaving it raises `AbandonedCall` when the call was given up meanwhile; entering it does so ever after.
    """

    __slots__ = ("_label", "_lock", "_thread", "abandoned", "since")

    def __init__(self, label: str) -> None:
        self._label = label
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.since: float | None = None
        """When the call in hand began, seconds of the monotonic clock; `None` between calls."""
        self.abandoned = False

    def __enter__(self) -> None:
        if self.abandoned:
            raise AbandonedCall
        self._thread = threading.current_thread()
        self.since = time.monotonic()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self.since = None
            if self.abandoned:
                raise AbandonedCall

    def give_up(self) -> bool:
        """Abandons the call in hand; False when there is none, because it ended in the last moment."""
        with self._lock:
            if self.since is None or self.abandoned or self._thread is None:
                return False
            self.abandoned, self.since = True, None
        abandon(self._thread, self._label)
        return True


class CallMonitor:
    """Watches many objects' calls and tells of each one that takes too long.

    :param seconds: how long a call may take.
    :param on_overdue: called in the thread of the monitor, with the position of the call among `calls`.
    """

    def __init__(
        self,
        calls: Iterable[WatchedCall],
        seconds: float,
        on_overdue: Callable[[int], None],
        *,
        name: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.seconds = seconds
        self._calls = tuple(calls)
        self._on_overdue = on_overdue
        self._monotonic = monotonic
        self._patrol = Patrol(self.check, name)
        self._retired = False

    def start(self) -> None:
        """Starts the thread; once."""
        self._patrol.start()

    def retire(self) -> None:
        """Ends the thread as soon as no call is in hand: one that hangs has still to be given up."""
        self._retired = True
        if all(call.since is None for call in self._calls):
            self._patrol.stop()

    def check(self) -> float:
        """Tells of every overdue call; returns the seconds until there can be another."""
        wait = self.seconds
        for position, call in enumerate(self._calls):
            since = call.since
            if since is None:
                continue
            left = since + self.seconds - self._monotonic()
            if left > 0:
                wait = min(wait, left)
            else:
                self._on_overdue(position)
        if self._retired:
            self.retire()
        return wait
