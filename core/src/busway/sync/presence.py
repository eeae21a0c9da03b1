"""Who is in the source: the keys it is known to hold, and those it may hold in records that fell out.

Somebody whose record was skipped, did not map or was refused has not left. Such a record is known by the key it shows
as far as it came, which is the key it would have been matched by only where the steps it missed leave keys alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from busway.contracts.keys import MatchKey
from busway.contracts.records import Record
from busway.sync.keys import key_reader

__all__ = ["SEPARATOR", "Presence"]

SAMPLE = 20
"""Records looked at to learn whether a match key is taken over from the source as it is."""

SEPARATOR = "\x1f"
"""What :class:`busway.contracts.keys.MatchKey` joins the parts of a key with."""


class Presence:
    """Filled while the source is mapped; asked once :meth:`complete` was called."""

    __slots__ = (
        "_by_mapped_key",
        "_by_raw_key",
        "_key_of",
        "_key_shows",
        "_mapped_key_stays",
        "_normalise",
        "_raw_key_stays",
        "_sampled",
        "_values",
        "keys",
        "unidentified",
    )

    def __init__(self, match_on: MatchKey) -> None:
        self.keys: set[str] = set()
        """Every key the source is known to hold, of invalid records too."""
        self.unidentified = 0
        """Records that fell out before it was known which key they would have been matched by."""
        self._key_of, self._normalise = key_reader(match_on), match_on.normalise
        self._values: set[str] = set()
        """Every value in an unidentified record, in the form of a key part."""
        self._sampled = 0
        self._key_shows = True
        """In all sampled records, the parts of the match key are among the values of the source record."""
        self._raw_key_stays = self._mapped_key_stays = True
        """So far, every valid record was matched by the key it showed then."""
        self._by_raw_key: list[Record] = []
        self._by_mapped_key: list[Record] = []

    def arrived(self, raw: Record, mapped: Record, mapped_key: str | None, key: str) -> None:
        """A valid record is matched by ``key``."""
        if mapped_key != key:
            self._mapped_key_stays = False
        if self._raw_key_stays:
            shown = mapped_key if mapped is raw else self._shown_by(raw)
            self._raw_key_stays = shown is None or shown == key
        if self._sampled < SAMPLE:
            self._sampled += 1
            self._key_shows = self._key_shows and set(key.split(SEPARATOR)) <= self._parts(raw)

    def fell_out(self, raw: Record) -> str | None:
        """A record without a mapped form; returns the key it shows, ``None`` when it shows none."""
        key = self._shown_by(raw)
        if key is None:
            self._unidentified(raw)
        else:
            self.keys.add(key)
            self._by_raw_key.append(raw)
        return key

    def refused(self, raw: Record, mapped_key: str | None, key: str) -> None:
        """Validators refused a record that had ``key`` by then."""
        self.keys.add(key)
        if mapped_key == key:
            self._by_mapped_key.append(raw)

    def complete(self) -> None:
        """The source has ended: now it is known whether keys stay as they are first shown."""
        doubtful = [] if self._raw_key_stays else self._by_raw_key
        if not self._mapped_key_stays:
            doubtful = doubtful + self._by_mapped_key
        for raw in doubtful:
            self._unidentified(raw)
        self._by_raw_key, self._by_mapped_key = [], []

    def may_hold(self, key: str) -> bool:
        """Whether the source may hold ``key``, in a record that could not be identified.

        Where keys are taken from the source as they are, the record must show the key among its values; where the
        mapping makes them up, any unidentified record may be anybody's.
        """
        if not self.unidentified:
            return False
        if not (self._sampled and self._key_shows):
            return True
        return all(part in self._values for part in key.split(SEPARATOR))

    def _unidentified(self, raw: Record) -> None:
        self.unidentified += 1
        self._values.update(self._parts(raw))

    def _shown_by(self, raw: Record) -> str | None:
        try:
            return self._key_of(raw)
        except Exception:  # the key is made for mapped records; a raw one may not suit it
            return None

    def _parts(self, raw: Any) -> set[str]:
        return {part for value in _scalars(raw) if (part := self._part(value)) is not None}

    def _part(self, value: Any) -> str | None:
        try:
            return self._normalise(str(value))
        except Exception:  # what cannot be brought to the form of a key is a part of none
            return None


def _scalars(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _scalars(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _scalars(inner)
    elif value is not None:
        yield value
