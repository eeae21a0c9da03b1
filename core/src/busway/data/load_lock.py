"""The load lock: of many processes that miss the same value, one loads it and the others are given its result.

It saves work, it excludes nobody: whoever cannot have the lock, because the level that keeps it went away or the folder
is read-only, loads. Losing the lease in the middle of a load changes nothing about the value.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from busway.contracts.caches import SupportsLocks
from busway.contracts.clock import Clock
from busway.data.leases import HeldLease, Leases
from busway.data.lock_files import LockFiles
from busway.metrics.registry import Metrics

__all__ = ["LoadLock", "lock_name"]

T = TypeVar("T")
Look = Callable[[], T | None]
Load = Callable[[], T]

MOST_WAKINGS = 32
"""So often may a waiter be woken in vain (each time another one loads and fails) before it loads without the lock."""

logger = logging.getLogger("busway.data")


def lock_name(key: str, *, sensitive: bool) -> str:
    """The name of the lock for an entry's full key; of a sensitive one the id, which may be personal, is hashed."""
    if not sensitive:
        return key
    place, _, last = key.rpartition(":")
    return f"{place}:~{hashlib.sha256(last.encode()).hexdigest()}"


class LoadLock:
    """Runs loads one at a time for all processes that share a level.

    :param level: gives the level whose locks are to be used now, if there is one.
    :param folder: for locks between the processes of this host, where there is none.
    """

    def __init__(
        self, level: Callable[[], SupportsLocks | None], folder: Path | None, clock: Clock, metrics: Metrics
    ) -> None:
        self._level = level
        self._files = LockFiles(folder) if folder is not None else None
        self._here = _HeldHere()
        self._waits = metrics.counter("busway_cache_lock_waits_total", "Loads that waited for another process.")
        self._failures = metrics.counter(
            "busway_cache_lock_errors_total", "Loads without a lock, as none was to be had."
        )
        lost = metrics.counter("busway_cache_leases_lost_total", "Leases that ran out during a load.")
        self.leases = Leases(clock, lost.add)

    def load_once(self, name: str, lease_seconds: float, look: Look[T], load: Load[T]) -> T:
        """What ``look`` finds once another process has loaded, or the result of ``load``, which stores it, too.

        Raises what ``load`` raises, and nothing of its own.
        """
        level = self._level()
        if level is not None:
            return self._under_lease(HeldLease(level, name, secrets.token_hex(16), lease_seconds), look, load)
        if self._files is not None:
            return self._under_file(self._files, name, look, load)
        return load()

    def _under_file(self, files: LockFiles, name: str, look: Look[T], load: Load[T]) -> T:
        # A loader that loads something else never waits for a file: two names may share one, even in this thread.
        with files.hold(name, wait=not self._here.any) as taken:
            if not taken:
                return load()
            with self._here.one_more():
                found = look()
                return load() if found is None else found

    def _under_lease(self, lease: HeldLease, look: Look[T], load: Load[T]) -> T:
        taken = self._acquire(lease)
        wakings = 0
        while taken is False:
            if not wakings:
                self._waits.add()
            woken = self._wait(lease)
            found = look()
            if found is not None:
                return found
            wakings += 1
            # Inside another load nobody waits longer than a lease, so that two processes cannot wait for each other.
            if woken is None or self._here.any or (wakings >= MOST_WAKINGS and woken):
                return load()
            taken = self._acquire(lease)
        return load() if taken is None else self._holding(lease, look, load)

    def _holding(self, lease: HeldLease, look: Look[T], load: Load[T]) -> T:
        self.leases.keep(lease)
        try:
            with self._here.one_more():
                # Somebody may have stored it between the caller's look and the lock.
                found = look()
                return load() if found is None else found
        finally:
            self.leases.drop(lease)
            self._release(lease)

    def _acquire(self, lease: HeldLease) -> bool | None:
        """Whether the lock was taken; ``None`` when the level failed."""
        try:
            return bool(lease.level.acquire_lock(lease.name, lease.token, lease.seconds))
        except Exception as error:
            self._failed("acquired", error)
            return None

    def _wait(self, lease: HeldLease) -> bool | None:
        """Whether the lock became free within a lease; ``None`` when the level failed."""
        try:
            return bool(lease.level.wait_lock(lease.name, lease.seconds))
        except Exception as error:
            self._failed("waited for", error)
            return None

    def _release(self, lease: HeldLease) -> None:
        if lease.lost:
            return
        try:
            lease.level.release_lock(lease.name, lease.token)
        except Exception as error:
            self._failed("released", error)

    def _failed(self, doing: str, error: Exception) -> None:
        self._failures.add()
        logger.debug("the lock of a load could not be %s: %s", doing, type(error).__name__)


class _HeldHere(threading.local):
    """How many locks this thread holds: more than none while its loader asks for something else."""

    count = 0

    @property
    def any(self) -> bool:
        return self.count > 0

    @contextmanager
    def one_more(self) -> Iterator[None]:
        self.count += 1
        try:
            yield
        finally:
            self.count -= 1
