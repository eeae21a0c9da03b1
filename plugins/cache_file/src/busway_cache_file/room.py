"""Room: keeps the files of the cache below their limit."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

from busway.contracts.clock import Clock
from busway_cache_file.folders import TEMPORARY, sealed_files

__all__ = ["Room"]

FULL_AGAIN = 0.9
"""Share of the limit left in use by a clean-up, so that not every write after it is another one."""
ABANDONED_SECONDS = 3_600
"""A temporary file of this age belongs to a process that died while writing."""


class Room:
    """Counts what this process writes; when that may be too much, looks at the folder and removes the oldest.

    Several processes count separately: together they may exceed the limit until each has looked again.
    """

    def __init__(self, folder: Path, max_bytes: int, clock: Clock) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._used: int | None = None

    def fits(self, size: int) -> bool:
        """Whether an entry of ``size`` bytes may be stored at all."""
        return size <= self._max_bytes * FULL_AGAIN

    def took(self, size: int) -> int:
        """Counts a file of ``size`` bytes; the number of files removed to make room. Raises ``OSError``."""
        with self._lock:
            if self._used is not None and self._used + size <= self._max_bytes:
                self._used += size
                return 0
            return self._clean_up()

    def _clean_up(self) -> int:
        removed = 0
        files, used = self._oldest_first()
        limit = self._max_bytes * FULL_AGAIN if used > self._max_bytes else self._max_bytes
        for _, size, path in files:
            if used <= limit:
                break
            path.unlink(missing_ok=True)
            used -= size
            removed += 1
        self._used = used
        return removed

    def _oldest_first(self) -> tuple[list[tuple[int, int, Path]], int]:
        files = []
        abandoned_ns = self._clock.now_ns() - ABANDONED_SECONDS * 1_000_000_000
        for path in sealed_files(self._folder):
            with contextlib.suppress(FileNotFoundError):  # another process removed it meanwhile
                status = path.stat()
                if path.suffix != TEMPORARY:
                    files.append((status.st_mtime_ns, status.st_size, path))
                elif status.st_mtime_ns < abandoned_ns:
                    path.unlink()
        return sorted(files), sum(size for _, size, _ in files)
