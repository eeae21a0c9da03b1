"""Presence: a lock on a file that tells other processes of this host that its holder still lives."""

from __future__ import annotations

import os
import threading
import uuid
from contextlib import ExitStack, suppress
from pathlib import Path

from busway.stores.file_lock import file_lock, is_locked

__all__ = ["Presence"]


class Presence:
    """One file per process and user of the folder, locked for as long as they live.

    Process ids would be the alternative; two containers that share a folder do not see each other's, and a number
    comes back after a restart.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._lock_pid = os.getpid()
        self._pid = 0
        self._name = ""
        self._held = ExitStack()

    def name(self) -> str:
        """The name of our file, locked from now on; a forked child gets one of its own."""
        if self._pid != os.getpid():
            if self._lock_pid != os.getpid():  # the parent's may be held in the child for ever
                self._lock, self._lock_pid = threading.Lock(), os.getpid()
            with self._lock:
                if self._pid != os.getpid():
                    self._appear()
        return self._name

    def lives(self, name: str) -> bool:
        """Whether the holder of ``name`` lives."""
        return is_locked(self._folder / name)

    def close(self) -> None:
        """Gives the lock back and removes the file."""
        if self._pid == os.getpid():
            (self._folder / self._name).unlink(missing_ok=True)
            self._held.close()
        self._pid = 0

    def _appear(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._held = ExitStack()  # the parent's is not ours to close: its descriptor was closed by the fork handler
        self._name = f"{uuid.uuid4().hex}.alive"
        self._held.enter_context(file_lock(self._folder / self._name))
        self._pid = os.getpid()
        self._forget_dead()

    def _forget_dead(self) -> None:
        """Files of killed processes; whoever asks for a removed one hears that nobody lives there."""
        for path in self._folder.glob("*.alive"):
            with suppress(OSError):
                if path.name != self._name and not is_locked(path) and _older_than_a_minute(path):
                    path.unlink(missing_ok=True)


def _older_than_a_minute(path: Path) -> bool:
    """A younger one may just have been made and not been locked yet."""
    import time

    return time.time() - path.stat().st_mtime > 60
