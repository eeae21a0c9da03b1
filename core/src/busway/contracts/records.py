"""Records and what a read of them promises."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

__all__ = ["Complete", "Pending", "Record", "Skip"]

Record = dict[str, Any]
"""One record of a source or a target: field name to plain value (str, int, float, bool, None, list, dict)."""

T = TypeVar("T")


class Complete(Generic[T]):
    """The whole of a collection: whoever builds one vouches that nothing is missing.

    A read that was cut short must raise :class:`busway.errors.IncompleteReadError` instead; there is no way
    to express a partial list, because decisions such as "absent, so deactivate" would be made on it.
    """

    __slots__ = ("_records", "pages", "read_at_ns")

    def __init__(self, records: Iterable[T], *, pages: int = 1, read_at_ns: int | None = None) -> None:
        self._records = tuple(records)
        self.pages = pages
        """Number of remote answers the collection was put together from."""
        self.read_at_ns = time.time_ns() if read_at_ns is None else read_at_ns
        """When the read finished, nanoseconds since the epoch."""

    def __iter__(self) -> Iterator[T]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def __repr__(self) -> str:
        return f"Complete({len(self)} records, {self.pages} pages)"


@dataclass(frozen=True, slots=True)
class Skip:
    """Returned by a job's mapping for a record that has no place in the target."""

    reason: str
    """Why, in words for the operator; no personal data."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A value that exists only after another job has created a record: shown in plans, never written.

    A preview of two dependent jobs meets it where the second one needs the id of a record that the first one
    would create. During a real run the first job has finished by then, and the value is known.
    """

    job: str
    key: str

    def __str__(self) -> str:
        return f"(created by {self.job})"


def without(record: Mapping[str, Any], *names: str) -> Record:
    """A copy of ``record`` that lacks the fields named."""
    return {name: value for name, value in record.items() if name not in names}
