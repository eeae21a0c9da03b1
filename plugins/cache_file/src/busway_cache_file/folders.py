"""Folders and files that belong to one owner."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

__all__ = ["TEMPORARY", "make_private", "sealed_files", "write_private"]

TEMPORARY = ".tmp"


def make_private(folder: Path) -> None:
    """Makes ``folder`` and what is missing above it, for the owner alone (0700). Raises ``OSError``."""
    if not folder.is_dir():
        make_private(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def write_private(path: Path, data: bytes) -> None:
    """Puts ``data`` in the place of ``path`` in one step, 0600. Raises ``OSError`` and leaves nothing half written.

    Nothing is flushed to the disk: a cache entry lost with the power is loaded again.
    """
    make_private(path.parent)
    aside = path.with_name(f"{secrets.token_hex(8)}{TEMPORARY}")
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
        aside.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        raise


def sealed_files(folder: Path) -> Iterator[Path]:
    """Every file of the cache, temporary ones too; none when the folder does not exist. Raises ``OSError``."""
    try:
        shards = sorted(folder.iterdir())
    except FileNotFoundError:
        return
    for shard in shards:
        # A folder emptied by hand, or a file of somebody else: both are no part of the cache.
        if len(shard.name) == 2 and shard.is_dir():
            yield from sorted(shard.iterdir())
