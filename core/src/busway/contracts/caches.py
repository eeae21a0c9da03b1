"""Cache backends: the levels of the cached data.

A backend stores bytes it does not understand, under keys it does not parse. What an entry means (freshness,
generation, schema version) is decided by the core from the entry's header, the same way on every level. The
in-process level is the exception: it keeps :class:`Entry` objects, so that a hit decodes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from busway.contracts.coordination import Coordinator

__all__ = [
    "CacheBackend",
    "Entry",
    "InProcessCache",
    "SupportsCoordination",
    "SupportsGenerations",
    "SupportsLocks",
    "SupportsPublish",
]


@dataclass(frozen=True, slots=True)
class Entry:
    """One cached value with its metadata. Times are nanoseconds since the Unix epoch."""

    value: Any
    schema_version: int
    created_at_ns: int
    fresh_until_ns: int
    """Until then a hit; afterwards stale."""
    kept_until_ns: int
    """Until then it may be served when the loader fails; afterwards it is gone."""
    source: str = ""
    """Where the value came from, in the loader's words."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """The caller's own."""
    generation: int = 0
    """Stamp of the domain and entity when it was stored; older than the current one means invalidated."""


@runtime_checkable
class CacheBackend(Protocol):
    """A level that stores bytes. All methods run in the caller's thread, from many threads at once.

    ``UnreachableError`` says that the level is away (the core opens its breaker and goes on with the next level).
    A missing or expired key is ``None``, never an error.
    """

    stores_in_clear: bool
    """False where data about people is safe: sealed at rest, or in the memory of a server that is reached over TLS or
    on this host. Sensitive domains avoid levels where it is True."""

    def get(self, key: str) -> bytes | None:
        """The bytes stored under ``key``, or ``None``."""
        ...

    def set(self, key: str, entry: bytes, ttl_seconds: float) -> None:
        """Stores ``entry`` and forgets it after ``ttl_seconds`` at the latest.

        With 0 or less it is refused, or gone at once. The buffer stays the caller's: keep a copy.
        """
        ...

    def delete(self, key: str) -> bool:
        """Removes ``key``; True when there was one."""
        ...

    def scan(self, pattern: str) -> Iterator[str]:
        """Keys that match a shell pattern (``*``, ``?``, ``[…]``; a backslash escapes)."""
        ...

    def close(self) -> None:
        """Gives connections and files back; called once."""
        ...


@runtime_checkable
class InProcessCache(Protocol):
    """The level inside the process: the same, with entries instead of bytes."""

    holds_entries: bool
    """Always True; it is what tells this protocol from the other."""

    def get(self, key: str) -> Entry | None:
        """The entry stored under ``key``, or ``None``."""
        ...

    def set(self, key: str, entry: Entry, ttl_seconds: float) -> None:
        """Keeps ``entry`` for ``ttl_seconds`` at most (> 0)."""
        ...

    def delete(self, key: str) -> bool:
        """Removes ``key``; True when there was one."""
        ...

    def scan(self, pattern: str) -> Iterator[str]:
        """Keys that match a shell pattern."""
        ...

    def close(self) -> None:
        """Forgets everything."""
        ...


@runtime_checkable
class SupportsLocks(Protocol):
    """A level that can guard a load across processes: leased, tokened, renewable.

    It saves work, it excludes nobody: a holder that stops for longer than its lease is replaced, and both may load.
    """

    def acquire_lock(self, name: str, token: str, lease_seconds: float) -> bool:
        """Takes the lock; False when somebody holds it."""
        ...

    def renew_lock(self, name: str, token: str, lease_seconds: float) -> bool:
        """Extends the lease; False when it is no longer ours."""
        ...

    def release_lock(self, name: str, token: str) -> bool:
        """Gives the lock back if it is still ours, and wakes those who wait."""
        ...

    def wait_lock(self, name: str, timeout_seconds: float) -> bool:
        """Waits until the lock is released or nobody holds it; False after ``timeout_seconds``.

        It is woken by the release, it does not poll; a release between the caller's last look and this call counts.
        """
        ...


@runtime_checkable
class SupportsGenerations(Protocol):
    """A level that keeps the generation stamps of domains and entities for every process that uses it."""

    def read_generations(self, names: Sequence[str]) -> Sequence[int]:
        """The current stamp of each name, in one question; 0 where none was ever set."""
        ...

    def raise_generation(self, name: str, stamp: int) -> int:
        """Moves the stamp of ``name`` up to ``stamp``, never down, and returns the one that holds now.

        Stamps are times of invalidations in nanoseconds since the epoch: one that was missed in an outage can be
        raised later, and does no harm twice.
        """
        ...


@runtime_checkable
class SupportsPublish(Protocol):
    """A level that tells other processes about writes and invalidations."""

    def publish(self, message: bytes) -> None:
        """Sends ``message`` to every subscriber of the same application, the sender included; best effort."""
        ...

    def subscribe(self, receive: Callable[[bytes], None]) -> Callable[[], None]:
        """Calls ``receive`` in a thread of the backend for each message; returns the function that stops it.

        An empty message says that messages may have been missed (the connection was lost and is back).
        """
        ...


@runtime_checkable
class SupportsCoordination(Protocol):
    """A level that can also coordinate processes."""

    def coordinator(self) -> Coordinator:
        """The coordinator of the deployment, over the same server."""
        ...
