"""The state folder: where everything that must outlive a process is kept."""

from __future__ import annotations

import os
from pathlib import Path

from busway.errors import ConfigurationError
from busway.stores.network_folder import refuse_network_folder

__all__ = ["JOURNAL", "KEYS", "LOCKS", "STATE_DB", "make_private_folders", "prepare_state_dir"]

JOURNAL = "journal"
KEYS = "keys"
LOCKS = "locks"
STATE_DB = "state.db"
PRIVATE_FOLDER = 0o700


def prepare_state_dir(path: Path) -> Path:
    """Creates the folder with its subfolders, all mode 0700, and returns it as an absolute path.

    :raises ConfigurationError: BW3103 when it cannot be created or written.
    """
    refuse_network_folder(path)
    folder = path.absolute()
    try:
        for part in (folder, folder / JOURNAL, folder / KEYS, folder / LOCKS):
            _make_private(part)
    except OSError as exc:
        raise _unwritable(folder, exc.strerror or type(exc).__name__) from exc
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _unwritable(folder, "permission denied")
    return folder


def make_private_folders(folder: Path) -> None:
    """Creates ``folder`` and those above it that are missing, all 0700: ``mkdir(parents=True)`` leaves the upper ones
    open. Raises ``OSError``."""
    for part in (*reversed(folder.parents), folder):
        if not part.exists():
            part.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)


def _make_private(folder: Path) -> None:
    folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    status = folder.stat()
    # A mounted volume may belong to somebody else and still be ours to write: only the owner can close it.
    if status.st_mode & 0o077 and status.st_uid == os.geteuid():
        folder.chmod(PRIVATE_FOLDER)


def _unwritable(folder: Path, why: str) -> ConfigurationError:
    return ConfigurationError(
        "BW3103",
        "the state folder cannot be created or written",
        where=str(folder),
        why=why,
        fix="make it writable for this user, or set BUSWAY_STATE_DIR to a folder that is",
    )
