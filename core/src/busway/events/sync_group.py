"""Lines that are made safe from a power failure together: one fsync for many events."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from time import monotonic

from busway.events.journal_file import JournalFile

__all__ = ["SyncGroup"]

GROUP_SECONDS = 0.05
GROUP_EVENTS = 100
NEVER = 2**63


class SyncGroup:
    """Lines that are written and not safe yet. They are due after 50 ms, or when there are 100 of them.

    :param lock: who has it writes; held by callers of :meth:`gather`.
    """

    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock
        self.events = 0
        """Lines in the group; counted up by who writes them."""
        self.tell_at = 1
        """With so many of them :meth:`gather` has something to do."""
        self.file: JournalFile | None = None
        """The one that was written last, as far as is known here."""
        self.failures = 0
        """Times the disk would not confirm; the events are written, but a power failure may take them."""
        self.done_at = float("-inf")
        """When the last one ended, monotonic seconds."""
        self._since = 0.0
        self._files: dict[str, JournalFile] = {}
        self._syncing = threading.Lock()
        self._settled = threading.Condition()
        self._asked = self._done = 0

    def gather(self, file: JournalFile) -> None:
        """``file`` has unsafe lines; called with the first of a group and when :attr:`tell_at` is reached."""
        if not self._files:
            self._since = monotonic()
        self._files[file.name] = self.file = file
        self.tell_at = GROUP_EVENTS if self.events < GROUP_EVENTS else NEVER

    def due_seconds(self) -> float | None:
        """Until it is due; ``None`` when there is nothing to sync."""
        if self._asked > self._done or self.events >= GROUP_EVENTS:
            return 0.0
        return max(self._since + GROUP_SECONDS - monotonic(), 0.0) if self.events else None

    def ask(self) -> int:
        """Somebody waits for the group; the answer is what to :meth:`wait` for."""
        with self._settled:
            self._asked += 1
            return self._asked

    def wait(self, ticket: int, seconds: float) -> bool:
        """Waits for a sync that began after :meth:`ask`; False when it takes longer."""
        with self._settled:
            return self._settled.wait_for(lambda: self._done >= ticket, seconds)

    def sync(self) -> None:
        """Makes the group safe; may take as long as the disk likes."""
        asked = self._asked
        with self._lock:
            files = self.taken()
        self.sync_files(files)
        with self._settled:
            self._done = max(asked, self._done)
            self._settled.notify_all()

    def taken(self) -> list[JournalFile]:
        """The files of the group, which is empty then; with the lock held."""
        files, self._files, self.events, self.tell_at = list(self._files.values()), {}, 0, 1
        return files

    def sync_files(self, files: Iterable[JournalFile]) -> None:
        """Syncs them, also with the lock held."""
        with self._syncing:
            for file in files:
                try:
                    file.sync()
                except OSError:
                    self.failures += 1
        self.done_at = monotonic()

    def close(self, files: Iterable[JournalFile], seconds: float) -> bool:
        """Closes files when no sync uses them; False, and they stay open, when one hangs for longer."""
        if not self._syncing.acquire(timeout=seconds):
            return False
        try:
            for file in files:
                file.close()
        finally:
            self._syncing.release()
        return True
