"""One file of the journal, open for appending."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from busway.stores.file_lock import PRIVATE_FILE, lock_descriptor, unlock_descriptor

__all__ = ["SUFFIX", "JournalFile", "PartlyWrittenError", "Write"]

SUFFIX = ".jsonl"

Write = Callable[[int, bytes], int]


class PartlyWrittenError(OSError):
    """The disk took the first of several lines and refused the rest.

    :param kept: bytes of the lines that are in the file: others may have read them by now, so they stay.
    """

    def __init__(self, error: OSError, kept: int) -> None:
        super().__init__(error.errno, error.strerror)
        self.kept = kept


class JournalFile:
    """A new file, ``<start-ns>-<pid>.jsonl``, mode 0600; its lock is held until it is closed.

    The lock says that lines may still be added, or that its process has not read them all. Not safe to use from
    several threads, except :meth:`sync`.

    :param write: in place of ``os.write``, for tests.
    """

    def __init__(self, folder: Path, start_ns: int, write: Write = os.write) -> None:
        pid = os.getpid()
        draft = folder / f"{start_ns}-{pid}-{id(self)}.new"
        self._write = write
        self._torn = False
        self.size = 0
        """Bytes in it."""
        self.descriptor = os.open(
            draft, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE
        )
        try:
            # Locked before it gets its name: a file that can be found without a holder is one whose writer is gone.
            lock_descriptor(self.descriptor, wait=True)
            self.name = _named(draft, start_ns, pid)
        except BaseException:
            os.close(self.descriptor)
            raise
        finally:
            draft.unlink(missing_ok=True)

    def append(self, lines: bytes) -> None:
        """Adds whole lines with one write, or as many as it takes.

        Raises ``OSError`` when the disk takes none of them, and :class:`PartlyWrittenError` when it takes only some.
        """
        data = b"\n" + lines if self._torn else lines
        written = self._write(self.descriptor, data)
        self.size += written
        if written != len(data):
            self._complete(data, written, len(data) - len(lines))
        self._torn = False

    def sync(self) -> None:
        """Makes what is written so far safe from a power failure. Raises ``OSError``."""
        if self.descriptor >= 0:
            os.fsync(self.descriptor)

    def close(self) -> None:
        """Gives up lock and file."""
        unlock_descriptor(self.descriptor)
        self.abandon()

    def abandon(self) -> None:
        """Closes it in a forked child: the parent's copy stays open and keeps the lock."""
        descriptor, self.descriptor = self.descriptor, -1
        os.close(descriptor)

    def _complete(self, data: bytes, written: int, before: int) -> None:
        """The rest of a short write; the first ``before`` bytes only end an older line."""
        while written < len(data):
            try:
                more = self._write(self.descriptor, data[written:])
                if not more:
                    raise OSError(f"{len(data) - written} bytes were not taken")
            except OSError as error:
                whole = data.rfind(b"\n", before, written) + 1
                self._torn = self._torn and not whole
                self._take_back(written - whole)
                if whole:
                    raise PartlyWrittenError(error, whole - before) from None
                raise
            self.size += more
            written += more

    def _take_back(self, written: int) -> None:
        """Half a line would spoil the next one too."""
        try:
            os.ftruncate(self.descriptor, os.fstat(self.descriptor).st_size - written)
            self.size -= written
        except OSError:
            # It stays, and the next line begins on its own: this one is read as damaged, and counted.
            self._torn = True


def _named(draft: Path, start: int, pid: int) -> str:
    """Links the draft to the first free name; a link, unlike a rename, never replaces a file."""
    while True:
        name = f"{start}-{pid}{SUFFIX}"
        try:
            (draft.parent / name).hardlink_to(draft)
        except FileExistsError:
            start += 1
        else:
            return name
