"""The ring: every key the files may be sealed with, and where each puts the file of an entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from busway_cache_file.seal import NAMES_KEPT, Head, Sealer, UnsealableError, key_bytes

__all__ = ["Place", "Ring"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the file of an entry lies when it is sealed by one of the keys."""

    sealer: Sealer
    path: str
    key: bytes
    """The full key of the entry."""


class Ring:
    """Sealers in order: the first seals, the others open what was sealed before the key was changed."""

    def __init__(self, secrets: Sequence[bytes], folder: Path) -> None:
        self._folder = str(folder)
        self._sealers = tuple(Sealer(secret) for secret in secrets)
        self.stamp_sealers = tuple(Sealer(secret, "stamps") for secret in secrets)
        """The same for generation stamps, with keys of their own: an entry never passes for a stamp."""
        self.places = lru_cache(NAMES_KEPT)(self._places)
        """Where the file of a key may lie, the place it is written to first."""

    @property
    def rotating(self) -> bool:
        """There is more than one key."""
        return len(self._sealers) > 1

    def open_head(self, raw: bytes, path: str) -> Head | None:
        """The head of the file at ``path``, of which ``raw`` is the beginning, if it is one and in its place."""
        for sealer in self._sealers:
            try:
                head = sealer.open_head(raw)
            except UnsealableError:
                continue
            return head if self._path(sealer, head.key) == path else None
        return None

    def _places(self, key: str) -> tuple[Place, ...]:
        return tuple(Place(sealer, self._path(sealer, key), key_bytes(key)) for sealer in self._sealers)

    def _path(self, sealer: Sealer, key: str) -> str:
        name = sealer.name(key)
        return f"{self._folder}/{name[:2]}/{name[2:]}"
