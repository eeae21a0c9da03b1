"""The journal of a write: all of it, old and new, before the first file is touched.

A process that is killed in the middle leaves it behind, and the next ``busway migrate --write`` finishes what it says.
It is locked while its process lives, so that two of them never write the same tree.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from busway.errors import HeldError, UsageError
from busway_migrate.files import git_folder

__all__ = ["Entry", "Journal", "journal_of"]

NAME = "busway-migrate.journal"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file: what it holds before and after. ``None`` stands for no file."""

    path: Path
    old: bytes | None
    new: bytes | None


@dataclass(frozen=True, slots=True)
class Journal:
    """The place of the journal of one tree."""

    path: Path

    def exists(self) -> bool:
        """Whether a write was begun and has not come to its end."""
        return self.path.exists()

    def read(self) -> Sequence[Entry]:
        """What was to be written. Raises ``UsageError`` BW7503 when it cannot be read."""
        try:
            rows: list[dict[str, Any]] = json.loads(self.path.read_text("utf-8"))
            return [Entry(Path(row["path"]), _decoded(row["old"]), _decoded(row["new"])) for row in rows]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(
                "BW7503",
                "the journal of a write that was cut short cannot be read",
                where=str(self.path),
                why=f"{type(error).__name__}: {error}",
                fix="git status shows which files were written; remove the journal when the tree is as it shall be",
            ) from error

    def write(self, entries: Sequence[Entry]) -> None:
        """Puts the journal in place, whole and safe on the disk."""
        rows = [{"path": str(one.path), "old": _encoded(one.old), "new": _encoded(one.new)} for one in entries]
        temporary = self.path.with_name(f"{self.path.name}.new")
        with temporary.open("w", encoding="utf-8") as stream:
            json.dump(rows, stream)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(self.path)

    def remove(self) -> None:
        """The write has come to its end."""
        self.path.unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps every other run from writing. Raises ``HeldError`` BW7504 when one is at it."""
        # The folder itself is what is locked: a lock file would have to be left behind, or be taken away under others.
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as error:
            raise HeldError(
                "BW7504",
                "another run is writing this tree",
                where=str(self.path.parent),
                fix="wait until it has ended, then run this again",
            ) from error
        finally:
            os.close(folder)


def journal_of(top: Path) -> Journal:
    """The journal of the tree ``top``: in git's own folder, where nobody commits it, else in the tree."""
    folder = git_folder(top)
    return Journal(folder / NAME if folder is not None else top / f".{NAME}")


def _encoded(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode("ascii")


def _decoded(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text, validate=True)
