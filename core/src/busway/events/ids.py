"""Ids of events and sessions: UUIDv7, so that they sort by the time they were made."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from uuid_utils import uuid7

__all__ = ["Ids", "new_event_id", "new_session_id"]

DIGITS = 32


class Ids:
    """Makes ids that only ever grow within this process, also when the clock jumps back. Safe to use from threads.

    :param make: a fresh UUIDv7; its text is the id.
    """

    def __init__(self, make: Callable[[], object] = uuid7) -> None:
        self._make = make
        self._last = ""
        self._lock = threading.Lock()

    def __call__(self) -> str:
        """A fresh id, 36 characters."""
        made = str(self._make())
        if made > self._last:
            # Without the lock: two threads that pass here at once have different ids already.
            self._last = made
            return made
        return self._after_last()

    def renew(self) -> None:
        """Forgets the last id. In a forked child, which must not go on counting where its parent goes on, too."""
        self._last = ""
        self._lock = threading.Lock()

    def _after_last(self) -> str:
        with self._lock:
            number = int(self._last.replace("-", ""), 16) + 1
            text = f"{number:0{DIGITS}x}"
            self._last = "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
            return self._last


new_event_id = Ids()
new_session_id = new_event_id

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=new_event_id.renew)
