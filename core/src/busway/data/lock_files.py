"""Lock files: one load at a time on this host, where no level has locks.

The operating system gives a lock back when its holder dies, so there is no lease to renew; a holder that is frozen is
waited for. Keys are spread over a fixed number of files, so that the folder stays small.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from busway.stores.file_lock import file_lock
from busway.stores.state_dir import make_private_folders

__all__ = ["LockFiles"]

STRIPES = 1_024

logger = logging.getLogger("busway.data")


class LockFiles:
    """Locks in ``folder``, which is made when it is first needed (0700)."""

    def __init__(self, folder: Path, stripes: int = STRIPES) -> None:
        self._folder = folder
        self._stripes = stripes

    def path(self, name: str) -> Path:
        """The file that stands for ``name``, and for others."""
        number = int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:8])
        return self._folder / f"{number % self._stripes:04x}.lock"

    @contextmanager
    def hold(self, name: str, *, wait: bool) -> Iterator[bool]:
        """Holds the lock of ``name`` for the block; yields whether it was taken.

        It is not where ``wait`` is off and somebody has it, and where the folder cannot be used.
        """
        lock = file_lock(self.path(name), wait=wait)
        try:
            make_private_folders(self._folder)
            taken = lock.__enter__()
        except (OSError, ImportError) as error:  # a folder that is read-only or full; a system without flock
            logger.debug("a load is not locked: %s", type(error).__name__)
            yield False
            return
        try:
            yield taken
        finally:
            lock.__exit__(None, None, None)
