"""Writes many files as if they were one: all of them, or none."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from busway.errors import UsageError
from busway_migrate.journal import Entry, Journal
from busway_migrate.signals import signals_wait

__all__ = ["finish", "write_all"]

TEMPORARY = ".busway-migrate"


def write_all(journal: Journal, entries: Sequence[Entry]) -> None:
    """Puts every entry in place. When it ends, whatever way, the tree is as it was or as the entries say.

    Ctrl-C and SIGTERM take effect when it is done. A kill leaves the journal, from which :func:`finish` goes on.
    Raises ``UsageError``: BW7505 when a file is no longer as it was read, BW7506 when one cannot be written.
    """
    with journal.locked(), signals_wait():
        changed = [entry.path for entry in entries if _content(entry.path) != entry.old]
        if changed:
            raise UsageError(
                "BW7505",
                f"{changed[0]} has been changed since it was read",
                where=str(changed[0]),
                why="somebody else is at work in this tree; nothing was written",
                fix="run busway migrate again",
            )
        journal.write(entries)
        done: list[Entry] = []
        try:
            for entry in entries:
                done.append(entry)
                put(entry.path, entry.new)
        except OSError as error:
            _take_back(done)
            journal.remove()
            raise _unwritable(done[-1].path, error) from error
        journal.remove()


def finish(journal: Journal) -> tuple[list[Path], list[Path]]:
    """Goes on with a write that was cut short. Returns what it wrote, and what it left because somebody changed it.

    Raises ``UsageError``: BW7503 for a journal that cannot be read, BW7506 for a file that cannot be written.
    """
    with journal.locked(), signals_wait():
        written: list[Path] = []
        left: list[Path] = []
        for entry in journal.read():
            _temporary(entry.path).unlink(missing_ok=True)
            content = _content(entry.path)
            if content == entry.new:
                continue
            if content != entry.old:
                left.append(entry.path)
                continue
            try:
                put(entry.path, entry.new)
            except OSError as error:
                raise _unwritable(entry.path, error) from error
            written.append(entry.path)
        journal.remove()
    return written, left


def put(path: Path, data: bytes | None) -> None:
    """Makes ``path`` hold ``data`` in one step, with the mode and owner it had; ``None`` removes it."""
    if data is None:
        path.unlink(missing_ok=True)
        return
    temporary = _temporary(path)
    try:
        with temporary.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if path.exists():
            known = path.stat()
            temporary.chmod(known.st_mode & 0o7777)
            with suppress(PermissionError):
                os.chown(temporary, known.st_uid, known.st_gid)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}{TEMPORARY}")


def _take_back(done: Sequence[Entry]) -> None:
    for entry in reversed(done):
        with suppress(OSError):  # what cannot be written now was not written before either
            if _content(entry.path) != entry.old:
                put(entry.path, entry.old)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _unwritable(path: Path, error: OSError) -> UsageError:
    return UsageError(
        "BW7506",
        f"{path} cannot be written",
        where=str(path),
        why=f"{error.strerror or type(error).__name__}; every file is as it was before",
        fix="make the file and its folder writable, then run busway migrate again",
    )
