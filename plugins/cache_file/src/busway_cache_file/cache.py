"""The file level: one sealed file per entry."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from busway.contracts.clock import Clock
from busway.contracts.patterns import glob_regex
from busway.contracts.plugins import PluginContext
from busway.errors import UnreachableError
from busway.metrics.registry import Metrics
from busway_cache_file.folders import LARGEST, TEMPORARY, read_start, read_whole, sealed_files, write_private
from busway_cache_file.key import FileKey
from busway_cache_file.ring import Place, Ring
from busway_cache_file.room import Room
from busway_cache_file.seal import Head, UnsealableError, head_size
from busway_cache_file.settings import DAY_SECONDS, FileCacheSettings
from busway_cache_file.stamps import Stamps

__all__ = ["FileCache"]

NANOSECONDS = 1_000_000_000
HEAD_READ = 4_096
"""Bytes read to see the head of a file; keys of the core are far shorter, and longer ones are read again."""


class FileCache:
    """A level of sealed files (``busway.contracts.caches.CacheBackend``), shared by processes that have its key.

    It also keeps generation stamps. It has no locks: those of the operating system cannot be leased, so a holder that
    is frozen could not be replaced; without a level that has locks, the core uses lock files of its own.

    A file that does not open is a miss, counted by reason, and removed. A folder that cannot be used is
    ``UnreachableError`` BW2005; a key that is none is ``ConfigurationError`` BW2010, one that would lie among the
    files it seals BW2035.
    """

    stores_in_clear = False

    def __init__(
        self,
        folder: Path,
        key: FileKey,
        *,
        clock: Clock,
        max_bytes: int = 1_073_741_824,
        max_age_seconds: float = 366 * DAY_SECONDS,
        metrics: Metrics | None = None,
    ) -> None:
        self._folder = folder
        self._key = key
        self._now_ns = clock.now_ns
        self._max_age_seconds = max_age_seconds
        self._metrics = metrics or Metrics()
        self._room = Room(folder, max_bytes, max_age_seconds, clock)
        self._stamps = Stamps(folder, clock, self._rejected)
        self._lock = threading.Lock()
        self._made: Ring | None = None

    @classmethod
    def from_context(cls, context: PluginContext[FileCacheSettings]) -> FileCache:
        """The level its settings describe."""
        settings = context.settings
        folder = context.state_dir / "cache" if settings.dir is None else context.root / settings.dir
        return cls(
            folder,
            FileKey(settings.key, context.state_dir, folder),
            clock=context.clock,
            max_bytes=settings.max_bytes,
            max_age_seconds=settings.max_age_days * DAY_SECONDS,
            metrics=context.metrics,
        )

    @property
    def folder(self) -> Path:
        """Where the files lie."""
        return self._folder

    def get(self, key: str) -> bytes | None:
        """The live entry under ``key``."""
        ring = self._made or self._ring()
        for place in ring.places(key):
            try:
                raw = read_whole(place.path)
            except FileNotFoundError:
                continue
            except OSError as error:
                if error.errno != errno.ELOOP:
                    raise self._unreachable("read", error) from error
                raw = b""  # a link, which is no file of ours
            try:
                expires_at_ns, entry = place.sealer.open(raw, place.key)
            except UnsealableError as error:
                self._rejected(error)
                _remove(place.path)
                continue
            if self._now_ns() < expires_at_ns:
                return entry
            _remove(place.path)
        return None

    def set(self, key: str, entry: bytes, ttl_seconds: float) -> None:
        """Seals ``entry`` into its file.

        One too large for the limit is not stored, and counted; nothing is stored for no time. Either way, and when
        the write fails, the value before is removed: it must not outlive the one that took its place.
        """
        ring = self._made or self._ring()
        place, *others = ring.places(key)
        if not ttl_seconds > 0:
            _remove_all(ring.places(key))
            return
        if len(entry) > LARGEST // 2:
            self._too_large(ring, key)
            return
        seconds = min(ttl_seconds, self._max_age_seconds)
        sealed = place.sealer.seal(key, entry, self._now_ns() + int(seconds * NANOSECONDS))
        if not self._room.fits(len(sealed)):
            self._too_large(ring, key)
            return
        try:
            # Processes with the keys in another order would find the value before; after the write again, for one of
            # them may be writing, too.
            _remove_all(others)
            write_private(place.path, sealed)
            _remove_all(others)
            evicted = self._room.took(len(sealed))
        except OSError as error:
            _remove_all(ring.places(key))
            raise self._unreachable("write", error) from error
        if evicted:
            self._count("busway_cache_file_evicted_total", "Entries removed to make room.", evicted)

    def delete(self, key: str) -> bool:
        """Removes the file of ``key``; True when it held a live entry, for one of those who delete it at once."""
        removed = False
        ring = self._made or self._ring()
        try:
            for place in ring.places(key):
                head = self._head(ring, place.path)
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(place.path)  # noqa: PTH108
                    removed = removed or (head is not None and self._now_ns() < head.expires_at_ns)
        except OSError as error:
            raise self._unreachable("remove", error) from error
        return removed

    def scan(self, pattern: str) -> Iterator[str]:
        """Keys of live entries that match the shell pattern; opens the head of every file."""
        matches = glob_regex(pattern).match
        ring = self._made or self._ring()
        seen: set[str] = set()
        try:
            for file in sealed_files(self._folder):
                head = None if file.name.endswith(TEMPORARY) else self._head(ring, file.path)
                if head is None:
                    continue
                if self._now_ns() >= head.expires_at_ns:
                    _remove(file.path)
                elif matches(head.key) and head.key not in seen:
                    if ring.rotating:  # else there is one file for a key
                        seen.add(head.key)
                    yield head.key
        except OSError as error:
            raise self._unreachable("read", error) from error

    def read_generations(self, names: Sequence[str]) -> Sequence[int]:
        """The current stamp of each name; 0 where none was ever set."""
        ring = self._made or self._ring()
        try:
            return [self._stamps.read(ring, name) for name in names]
        except OSError as error:
            raise self._unreachable("read the stamps of", error) from error

    def raise_generation(self, name: str, stamp: int) -> int:
        """Moves the stamp of ``name`` up to ``stamp``, never down, and returns the one that holds now."""
        ring = self._made or self._ring()
        try:
            return self._stamps.raise_to(ring, name, stamp)
        except OSError as error:
            raise self._unreachable("write a stamp of", error) from error

    def close(self) -> None:
        """Forgets the keys; files are open only while a method runs."""
        with self._lock:
            self._made = None

    def _ring(self) -> Ring:
        with self._lock:
            if self._made is None:
                try:
                    self._made = Ring(self._key.get(), self._folder)
                except OSError as error:
                    raise self._unreachable("read the key of", error) from error
            return self._made

    def _head(self, ring: Ring, path: str) -> Head | None:
        """The head of a file, or ``None`` when it is gone, in a wrong place, or does not open. Raises ``OSError``."""
        try:
            raw = read_start(path, HEAD_READ)
            if head_size(raw) > len(raw) == HEAD_READ:
                raw = read_whole(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno == errno.ELOOP:
                return None
            raise
        return ring.open_head(raw, path)

    def _too_large(self, ring: Ring, key: str) -> None:
        self._count("busway_cache_file_too_large_total", "Entries larger than the whole cache may be.")
        _remove_all(ring.places(key))

    def _rejected(self, error: UnsealableError) -> None:
        self._metrics.counter(
            "busway_cache_file_rejected_total", "Files that did not open; each is a miss.", reason=error.reason
        ).add()

    def _count(self, name: str, text: str, amount: int = 1) -> None:
        self._metrics.counter(name, text).add(amount)

    def _unreachable(self, doing: str, error: OSError) -> UnreachableError:
        return UnreachableError(
            "BW2005",
            f"cannot {doing} the file cache",
            where=str(self._folder),
            why=error.strerror or type(error).__name__,
            fix="make room, or set FILE_CACHE_DIR to a folder this user can write",
        )


def _remove(path: str) -> None:
    """Best effort: where a file cannot be removed it is still a miss."""
    with contextlib.suppress(OSError):
        os.unlink(path)  # noqa: PTH108


def _remove_all(places: Sequence[Place]) -> None:
    for place in places:
        _remove(place.path)
