"""One entry on one level, for people who want to know what there is."""

from __future__ import annotations

from dataclasses import dataclass

from busway.contracts.caches import Entry
from busway.data.entry_format import UndecodableEntry, read_header

__all__ = ["LevelEntry", "created_at"]


@dataclass(frozen=True, slots=True)
class LevelEntry:
    """What its header says; the value is not decoded. Times are nanoseconds since the epoch."""

    key: str
    """The full key."""
    level: str
    schema_version: int
    created_at_ns: int
    fresh_until_ns: int
    kept_until_ns: int
    generation: int
    size: int | None
    """Bytes as stored; ``None`` in memory, where nothing is."""

    @classmethod
    def of(cls, key: str, level: str, stored: Entry | bytes | None) -> LevelEntry | None:
        """The entry in ``stored``; ``None`` when it is none."""
        if stored is None:
            return None
        try:
            about = stored if isinstance(stored, Entry) else read_header(stored)
        except UndecodableEntry:
            return None
        return cls(
            key,
            level,
            about.schema_version,
            about.created_at_ns,
            about.fresh_until_ns,
            about.kept_until_ns,
            about.generation,
            None if isinstance(stored, Entry) else len(stored),
        )


def created_at(stored: Entry | bytes) -> int | None:
    """When an entry was made, nanoseconds since the epoch; ``None`` for something that is none."""
    try:
        return stored.created_at_ns if isinstance(stored, Entry) else read_header(stored).created_at_ns
    except UndecodableEntry:
        return None
