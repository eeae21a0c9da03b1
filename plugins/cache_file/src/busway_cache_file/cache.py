"""The file level: one sealed file per entry."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from busway.contracts.clock import Clock
from busway.contracts.plugins import PluginContext
from busway.errors import UnreachableError
from busway.metrics.registry import Metrics
from busway_cache_file.folders import TEMPORARY, sealed_files, write_private
from busway_cache_file.key import FileKey
from busway_cache_file.patterns import shell_regex
from busway_cache_file.room import Room
from busway_cache_file.seal import Head, Sealer, UnsealableError
from busway_cache_file.settings import FileCacheSettings

__all__ = ["FileCache"]

NANOSECONDS = 1_000_000_000
HEAD_READ = 4_096
"""Bytes read to see the head of a file; keys of the core are far shorter."""


class FileCache:
    """A level of sealed files (``busway.contracts.caches.CacheBackend``), shared by processes that have its key.

    A file that does not open is a miss, counted by reason, and removed. A folder that cannot be used is
    ``UnreachableError`` BW2005; a key that is none is ``ConfigurationError`` BW2010.
    """

    stores_in_clear = False

    def __init__(
        self,
        folder: Path,
        key: FileKey,
        *,
        clock: Clock,
        max_bytes: int = 1_073_741_824,
        metrics: Metrics | None = None,
    ) -> None:
        self._folder = folder
        self._key = key
        self._clock = clock
        self._metrics = metrics or Metrics()
        self._room = Room(folder, max_bytes, self._clock)
        self._lock = threading.Lock()
        self._made: Sealer | None = None

    @classmethod
    def from_context(cls, context: PluginContext[FileCacheSettings]) -> FileCache:
        """The level its settings describe."""
        settings = context.settings
        folder = context.state_dir / "cache" if settings.dir is None else context.root / settings.dir
        key = FileKey(settings.key, context.state_dir)
        return cls(folder, key, max_bytes=settings.max_bytes, clock=context.clock, metrics=context.metrics)

    @property
    def folder(self) -> Path:
        """Where the files lie."""
        return self._folder

    def get(self, key: str) -> bytes | None:
        """The live entry under ``key``."""
        path = self._path(key)
        with self._folder_errors("read"):
            try:
                raw = path.read_bytes()
            except FileNotFoundError:
                return None
        try:
            head, entry = self._sealer().open(raw, key)
        except UnsealableError as error:
            self._reject(path, error)
            return None
        if self._expired(head):
            self._remove(path)
            return None
        return entry

    def set(self, key: str, entry: bytes, ttl_seconds: float) -> None:
        """Seals ``entry`` into its file. One too large for the limit is not stored, and counted."""
        path = self._path(key)
        sealed = self._sealer().seal(key, entry, self._clock.now_ns() + int(ttl_seconds * NANOSECONDS))
        if not self._room.fits(len(sealed)):
            self._count("busway_cache_file_too_large_total", "Entries larger than the whole cache may be.")
            self._remove(path)
            return
        with self._folder_errors("write"):
            try:
                write_private(path, sealed)
            except OSError:
                self._remove(path)  # the value before must not outlive the one that could not be written
                raise
            evicted = self._room.took(len(sealed))
        if evicted:
            self._count("busway_cache_file_evicted_total", "Entries removed to make room.", evicted)

    def delete(self, key: str) -> bool:
        """Removes the file of ``key``; True when it held a live entry."""
        path = self._path(key)
        with self._folder_errors("remove"):
            head = self._head(path)
            path.unlink(missing_ok=True)
        return head is not None and not self._expired(head)

    def scan(self, pattern: str) -> Iterator[str]:
        """Keys of live entries that match the shell pattern; opens the head of every file."""
        matches = shell_regex(pattern).match
        with self._folder_errors("read"):
            for path in sealed_files(self._folder):
                head = self._head(path) if path.suffix != TEMPORARY else None
                if head is None or self._path(head.key) != path:
                    continue
                if self._expired(head):
                    self._remove(path)
                elif matches(head.key):
                    yield head.key

    def close(self) -> None:
        """Forgets the key; files are open only while a method runs."""
        with self._lock:
            self._made = None

    def _path(self, key: str) -> Path:
        name = self._sealer().name(key)
        return self._folder / name[:2] / name[2:]

    def _sealer(self) -> Sealer:
        made = self._made
        if made is None:
            with self._lock, self._folder_errors("read the key of"):
                made = self._made = Sealer(self._key.get())
        return made

    def _head(self, path: Path) -> Head | None:
        """The head of a file, or ``None`` when it is gone or does not open. Raises ``OSError``."""
        try:
            with path.open("rb") as file:
                return self._sealer().open_head(file.read(HEAD_READ))
        except (FileNotFoundError, UnsealableError):
            return None

    def _expired(self, head: Head) -> bool:
        return self._clock.now_ns() >= head.expires_at_ns

    def _reject(self, path: Path, error: UnsealableError) -> None:
        self._metrics.counter(
            "busway_cache_file_rejected_total", "Files that did not open; each is a miss.", reason=error.reason
        ).add()
        self._remove(path)

    def _remove(self, path: Path) -> None:
        """Best effort: where a file cannot be removed it is still a miss."""
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)

    def _count(self, name: str, text: str, amount: int = 1) -> None:
        self._metrics.counter(name, text).add(amount)

    @contextlib.contextmanager
    def _folder_errors(self, doing: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UnreachableError(
                "BW2005",
                f"cannot {doing} the file cache",
                where=str(self._folder),
                why=error.strerror or type(error).__name__,
                fix="make room, or set FILE_CACHE_DIR to a folder this user can write",
            ) from error
