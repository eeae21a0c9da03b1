"""The target records of one plan, to be found by their match key."""

from __future__ import annotations

from collections.abc import Iterable

from busway.contracts.records import Record
from busway.sync.keys import KeyOf

__all__ = ["TargetIndex"]


class TargetIndex:
    """Records by key; what a key cannot decide is kept apart."""

    __slots__ = ("by_key", "doubled", "keyless")

    def __init__(self, target: Iterable[Record], key_of: KeyOf) -> None:
        self.by_key: dict[str, Record] = {}
        """The first record of each key, in the order of the target."""
        self.doubled: dict[str, list[Record]] = {}
        """Every record of the keys that come more than once: which of them is right cannot be known."""
        self.keyless: list[Record] = []
        by_key = self.by_key
        for current in target:
            key = key_of(current)
            if key is None:
                self.keyless.append(current)
            elif by_key.setdefault(key, current) is not current:
                self.doubled.setdefault(key, [by_key[key]]).append(current)

    def only(self, key: str) -> Record | None:
        """The record of ``key`` where there is exactly one."""
        return None if key in self.doubled else self.by_key.get(key)

    def of(self, key: str) -> list[Record]:
        """All records of ``key``."""
        return self.doubled.get(key) or [self.by_key[key]]
