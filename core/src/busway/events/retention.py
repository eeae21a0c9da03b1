"""Which journals are given up, whoever has not read them: the oldest, by age and by the size of all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from busway.events.policy import EventPolicy

__all__ = ["Candidate", "fallen"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One journal file."""

    name: str
    size: int
    """Bytes."""
    written_ns: int
    """When the last line was added, nanoseconds since the epoch."""
    complete: bool
    """Nothing is added to it any more; any other is never given up."""


def fallen(files: Iterable[Candidate], policy: EventPolicy, now_ns: int) -> set[str]:
    """Names of the files, given oldest first, that are older than the policy keeps or more than it keeps."""
    known = list(files)
    oldest_ns = now_ns - int(policy.retention_seconds * 1e9)
    too_old = {file.name for file in known if file.complete and file.written_ns < oldest_ns}
    return too_old | set(_too_many([file for file in known if file.name not in too_old], policy.retention_bytes))


def _too_many(files: list[Candidate], most: int) -> Iterator[str]:
    total = sum(file.size for file in files)
    for file in files:
        if total <= most:
            return
        if file.complete:
            total -= file.size
            yield file.name
