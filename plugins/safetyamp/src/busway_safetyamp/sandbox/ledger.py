"""The write ledger: what was committed, so that tests can say "zero writes" and "exactly once"."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from busway.contracts.clock import Clock, SystemClock
from busway.contracts.records import Record

__all__ = ["Write", "WriteLedger"]


@dataclass(frozen=True, slots=True)
class Write:
    """One committed write. Values are left out: a ledger needs no personal data."""

    method: str
    path: str
    """Without a trailing id for a create: ``/api/users``, ``/api/users/A1B2C``."""
    id: str | int
    time_ns: int
    fields: tuple[str, ...]
    """Names of the fields in the body, as they were sent."""

    def as_dict(self) -> Record:
        """The form ``GET /sandbox/ledger`` answers with."""
        at = datetime.fromtimestamp(self.time_ns / 1e9, UTC).isoformat().replace("+00:00", "Z")
        return {"method": self.method, "path": self.path, "id": self.id, "time": at, "fields": list(self.fields)}


class WriteLedger:
    """Appends writes in the order they were committed; thread-safe."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._writes: list[Write] = []

    def record(self, method: str, path: str, record_id: str | int, fields: Iterable[str]) -> None:
        """One write was committed just now."""
        write = Write(method, path, record_id, self._clock.now_ns(), tuple(fields))
        with self._lock:
            self._writes.append(write)

    @property
    def writes(self) -> tuple[Write, ...]:
        """All of them, oldest first."""
        with self._lock:
            return tuple(self._writes)

    def count(self, method: str | None = None, path: str = "") -> int:
        """How many used ``method`` (any if None) on a path that starts with ``path``."""
        return sum(method in (None, write.method) and write.path.startswith(path) for write in self.writes)

    def clear(self) -> None:
        """Forget all, for the next part of a test."""
        with self._lock:
            self._writes.clear()

    def __len__(self) -> int:
        return len(self._writes)
