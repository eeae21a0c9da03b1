"""Folders and files that belong to one owner."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

__all__ = ["LARGEST", "TEMPORARY", "make_private", "read_start", "read_whole", "sealed_files", "write_private"]

TEMPORARY = ".tmp"
AT_ONCE = 65_536
"""Files shorter than this are read with one call."""
LARGEST = 1 << 30
"""Bytes of the largest file; AES-GCM of the library ends at two of these, and nothing longer was written by us."""

# A pipe or a link that lies in the place of a file must not be waited for, nor lead out of the folder.
_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def make_private(folder: Path) -> None:
    """Makes ``folder`` and what is missing above it, for the owner alone (0700). Raises ``OSError``."""
    if not folder.is_dir():
        make_private(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def read_whole(path: str) -> bytes:
    """The bytes of a file, of one above ``LARGEST`` the first; a link is not followed. Raises ``OSError``.

    Plain calls of the system: ``open`` builds three objects around them, which takes as long as the rest of a hit.
    """
    descriptor = os.open(path, _READ)
    try:
        data = os.read(descriptor, AT_ONCE)
        if len(data) < AT_ONCE:
            return data
        size = os.fstat(descriptor).st_size
        return os.pread(descriptor, size, 0) if size <= LARGEST else data
    finally:
        os.close(descriptor)


def read_start(path: str, size: int) -> bytes:
    """The first ``size`` bytes of a file. Raises ``OSError``."""
    descriptor = os.open(path, _READ)
    try:
        return os.read(descriptor, size)
    finally:
        os.close(descriptor)


def write_private(path: str, data: bytes) -> None:
    """Puts ``data`` in the place of ``path`` in one step, 0600. Raises ``OSError`` and leaves nothing half written.

    Nothing is flushed to the disk: a cache entry lost with the power is loaded again.
    """
    aside = f"{os.path.dirname(path)}/{secrets.token_hex(8)}{TEMPORARY}"  # noqa: PTH120 - on the way of every write
    try:
        _write_new(aside, data)
        os.replace(aside, path)  # noqa: PTH105
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(aside)  # noqa: PTH108
        raise


def _write_new(path: str, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileNotFoundError:
        make_private(Path(path).parent)
        descriptor = os.open(path, flags, 0o600)
    try:
        rest = memoryview(data)
        while rest:  # a disk that fills up takes a part first
            rest = rest[os.write(descriptor, rest) :]
    finally:
        os.close(descriptor)


def sealed_files(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Every file of the cache, temporary ones too; none when the folder does not exist. Raises ``OSError``."""
    for shard in _listed(folder):
        # A folder emptied by hand, or a file of somebody else: both are no part of the cache.
        if len(shard.name) == 2 and shard.is_dir(follow_symlinks=False):
            yield from _listed(shard)


def _listed(folder: os.PathLike[str]) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except FileNotFoundError:
        return []
