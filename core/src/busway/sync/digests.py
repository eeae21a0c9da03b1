"""Digests that say "the same again" of keys and values without saying what they are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from busway.contracts.records import Pending, Record
from busway.sync.ports import Digest

__all__ = ["RecordDigests", "canonical"]


class RecordDigests:
    """Keyed digests of the records of one job; the key belongs to the installation."""

    __slots__ = ("_digest", "_job")

    def __init__(self, digest: Digest, job: str) -> None:
        self._digest = digest
        self._job = job

    def key(self, key: str) -> str:
        """Of a match key."""
        return self._digest("record-key", self._job, key)

    def record(self, record: Mapping[str, Any]) -> str:
        """Of a whole record."""
        return self._digest("record", self._job, canonical(record))

    def fields(self, record: Mapping[str, Any], names: Iterable[str]) -> dict[str, str]:
        """Of each field named, whether the record has it or not."""
        return {name: self._digest("record-field", self._job, name, canonical(record.get(name))) for name in names}

    def unkeyed(self, record: Record | None, label: str) -> str:
        """Stands in for the key of a record that has none: its whole content, else how it is called."""
        return self._digest("record-unkeyed", self._job, label if record is None else canonical(record))


def canonical(value: Any) -> str:
    """One text for equal values, whatever the order of their names."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Pending):
        return {"pending": [value.job, value.key]}
    return [type(value).__name__, str(value)]
