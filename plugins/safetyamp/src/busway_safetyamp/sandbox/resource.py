"""One collection of the account: its records, and each record's JSON ready to send."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import orjson

from busway.contracts.records import Record
from busway_safetyamp.sandbox.rejection import NotAllowedError, UnknownRecordError

__all__ = ["NumberedResource", "Resource", "Stamp"]

K = TypeVar("K", bound=str | int)


@dataclass(frozen=True, slots=True)
class Stamp:
    """When and by whom a record is written; the account sets these fields, never the caller."""

    at: str
    """``YYYY-mm-dd HH:MM:SS``, UTC."""
    by: str
    """Id of the user the key belongs to."""

    def created(self) -> Record:
        """The audit fields of a new record."""
        return {
            "created_at": self.at,
            "created_by": self.by,
            "updated_at": self.at,
            "updated_by": self.by,
            "deleted_at": None,
            "deleted_by": None,
        }

    def updated(self) -> Record:
        """The audit fields a write changes."""
        return {"updated_at": self.at, "updated_by": self.by}


class Resource(Generic[K]):
    """Records in the order they came.

    A record is turned into JSON when it is first asked for after a change, not once per page: with it a list of
    31,059 users is cut into pages at the price of joining 25 byte strings.
    """

    name: ClassVar[str]
    """Last part of its path: ``user_titles``."""

    def __init__(self) -> None:
        self._records: dict[K, Record] = {}
        self._json: list[bytes | None] = []
        self._keys: list[K] = []
        self._positions: dict[K, int] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, key: object) -> bool:
        return key in self._records

    def __iter__(self) -> Iterator[K]:
        return iter(self._keys)

    def get(self, key: K) -> Record:
        """The stored record, not a copy. Raises :class:`UnknownRecordError`."""
        try:
            return self._records[key]
        except KeyError:
            raise UnknownRecordError(f"{self.name} has no {key!r}") from None

    def rows(self, first: int, limit: int) -> list[bytes]:
        """The JSON of up to ``limit`` records from position ``first`` on."""
        last = min(first + limit, len(self._keys))
        return [self._json[at] or self._rendered(at) for at in range(first, last)]

    def listed(self, first: int, limit: int) -> list[bytes]:
        """The JSON of what its list shows from position ``first`` on: its records, one by one."""
        return self.rows(first, limit)

    def json(self, key: K) -> bytes:
        """One record as JSON."""
        at = self._positions[key]
        return self._json[at] or self._rendered(at)

    def key_of(self, text: str) -> K:
        """The id in a path. Raises :class:`UnknownRecordError` when no record has it."""
        raise NotImplementedError

    def create(self, body: Record, stamp: Stamp) -> K:
        """Adds a record if the rules allow it. Raises ``RejectionError`` or :class:`NotAllowedError`."""
        raise NotAllowedError(f"{self.name} cannot be created")

    def update(self, key: K, body: Record, stamp: Stamp) -> None:
        """Changes a record if the rules allow it. Raises ``RejectionError`` or :class:`NotAllowedError`."""
        raise NotAllowedError(f"{self.name} cannot be changed")

    def insert(self, key: K, record: Record) -> None:
        """Stores a record that was checked before."""
        self._positions[key] = len(self._keys)
        self._keys.append(key)
        self._records[key] = record
        self._json.append(None)

    def delete(self, key: K, stamp: Stamp) -> None:
        """Marks a record as deleted. It stays in the list, and so does what it has that must be unique."""
        self.get(key).update({"deleted_at": stamp.at, "deleted_by": stamp.by})
        self.touch(key)

    def touch(self, key: K) -> None:
        """The record, or something its JSON embeds, has changed."""
        self._json[self._positions[key]] = None

    def render(self, key: K) -> Any:
        """What a record looks like in an answer."""
        return self._records[key]

    def _rendered(self, at: int) -> bytes:
        data = orjson.dumps(self.render(self._keys[at]))
        self._json[at] = data
        return data


class NumberedResource(Resource[int]):
    """A collection whose ids are numbers counted from 1."""

    def next_key(self) -> int:
        """The id of the record that comes next."""
        return len(self) + 1

    def key_of(self, text: str) -> int:
        """The number in a path."""
        if not (text.isascii() and text.isdigit()) or len(text) > 18 or int(text) not in self:
            raise UnknownRecordError(f"{self.name} has no {text!r}")
        return int(text)
