"""An advisory lock on a file, released by the operating system when its holder dies.

``flock`` rather than ``lockf``: it belongs to the open file, so two threads of one process exclude each other too,
and closing some other handle of the same file does not give the lock away.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["file_lock", "is_locked", "lock_descriptor", "unlock_descriptor"]

PRIVATE_FILE = 0o600

_open: set[int] = set()
"""Descriptors of locks held here. A forked child inherits them and would keep the locks alive."""


def lock_descriptor(descriptor: int, *, wait: bool) -> bool:
    """Takes the exclusive lock of an open file; False when somebody else has it and ``wait`` is off."""
    import fcntl  # not on Windows, where importing Busway still has to work

    return _flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)


def unlock_descriptor(descriptor: int) -> None:
    """Gives the lock up at once. Closing alone would leave it with a child that was just forked and still starts."""
    import fcntl

    fcntl.flock(descriptor, fcntl.LOCK_UN)


@contextmanager
def file_lock(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Holds the lock of ``path`` (created when missing, mode 0600) for the block; yields whether it was taken."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
    _open.add(descriptor)
    try:
        yield lock_descriptor(descriptor, wait=wait)
    finally:
        if descriptor in _open:  # not in a child that was forked inside the block: it never had the lock
            _open.discard(descriptor)
            unlock_descriptor(descriptor)
            os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Whether somebody holds the exclusive lock of ``path``; False when there is no such file."""
    import fcntl

    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        # Shared, so that two who ask at once do not take each other for a holder.
        return not _flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    finally:
        os.close(descriptor)


def _flock(descriptor: int, operation: int) -> bool:
    import fcntl

    try:
        fcntl.flock(descriptor, operation)
    except BlockingIOError:
        return False
    return True


def _close_in_child() -> None:
    while _open:
        os.close(_open.pop())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)
