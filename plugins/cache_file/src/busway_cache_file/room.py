"""Room: keeps the files of the cache below their limits of size and age."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

from busway.contracts.clock import Clock
from busway_cache_file.folders import TEMPORARY, sealed_files

__all__ = ["Room"]

FULL_AGAIN = 0.9
"""Share of the limit left in use by a clean-up, so that not every write after it is another one."""
UNSEEN = 1 / 8
"""Share of the free room this process fills before it looks again: others fill it, too."""
LEAST_UNSEEN = 1 / 64
"""The same as a share of the limit, for a cache that is nearly full."""
LOOK_AGAIN_SECONDS = 3_600.0
ABANDONED_SECONDS = 3_600
"""A temporary file of this age belongs to a process that died while writing."""

NANOSECONDS = 1_000_000_000


class Room:
    """Counts what this process writes; when that may be too much, looks at the folder and removes the oldest.

    Several processes count separately. Each looks again after an eighth of the room it saw, so that eight of them
    which fill the cache at once overrun the limit by little; the last word has who looks next.
    """

    def __init__(self, folder: Path, max_bytes: int, max_age_seconds: float, clock: Clock) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._max_age_ns = int(max_age_seconds * NANOSECONDS)
        self._clock = clock
        self._lock = threading.Lock()
        self._unseen = 0.0
        """Bytes that may be written before the next look."""
        self._look_at = clock.monotonic()

    def fits(self, size: int) -> bool:
        """Whether an entry of ``size`` bytes may be stored at all."""
        return size <= self._max_bytes * FULL_AGAIN

    def took(self, size: int) -> int:
        """Counts a file of ``size`` bytes; the number of files removed to make room. Raises ``OSError``."""
        with self._lock:
            self._unseen -= size
            if self._unseen >= 0 and self._clock.monotonic() < self._look_at:
                return 0
            return self._clean_up()

    def _clean_up(self) -> int:
        removed = self._sweep()
        files, used = self._oldest_first()
        limit = self._max_bytes * FULL_AGAIN if used > self._max_bytes else self._max_bytes
        for _, size, path in files:
            if used <= limit:
                break
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)  # noqa: PTH108
                removed += 1
            used -= size
        self._unseen = max((self._max_bytes - used) * UNSEEN, self._max_bytes * LEAST_UNSEEN)
        self._look_at = self._clock.monotonic() + LOOK_AGAIN_SECONDS
        return removed

    def _sweep(self) -> int:
        """Removes what is too old, and what a killed writer left."""
        removed = 0
        now_ns = self._clock.now_ns()
        for entry in sealed_files(self._folder):
            abandoned = entry.name.endswith(TEMPORARY)
            oldest_ns = now_ns - (ABANDONED_SECONDS * NANOSECONDS if abandoned else self._max_age_ns)
            with contextlib.suppress(FileNotFoundError):  # another process removed it meanwhile
                if entry.stat(follow_symlinks=False).st_mtime_ns < oldest_ns:
                    os.unlink(entry.path)  # noqa: PTH108
                    removed += not abandoned
        return removed

    def _oldest_first(self) -> tuple[list[tuple[int, int, str]], int]:
        files = []
        for entry in sealed_files(self._folder):
            with contextlib.suppress(FileNotFoundError):
                status = entry.stat(follow_symlinks=False)
                if not entry.name.endswith(TEMPORARY):
                    files.append((status.st_mtime_ns, status.st_size, entry.path))
        return sorted(files), sum(size for _, size, _ in files)
