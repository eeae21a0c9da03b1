"""Registered secret values, found in text in all their spellings."""

from __future__ import annotations

import struct
import sys
import threading
from collections.abc import Iterable
from itertools import pairwise

from busway.redaction.markers import within_markers
from busway.redaction.spellings import MIN_LENGTH, spellings

__all__ = ["MIN_LENGTH", "SecretValues", "weakness"]

GRAM = 4
"""Bytes that are looked up at once. Every form has at least ``2 * GRAM - 1`` of them, so whatever its place in the
text, one whole group of it begins at a multiple of four."""

MIN_DISTINCT = 4
MIN_DIGITS = 12
_ORDINARY = (
    "administrator anonymous application attributes authorization automatic automation bootstrap certificate "
    "commercial companies component configuration connection container credential credentials customer customers "
    "database deactivate deactivated department departments deployment description development directory disabled "
    "document employee employees environment exception external firstname headquarters hostname identity "
    "information installation instance integration internal interval lastname localhost location locations "
    "maintenance management microsoft middleware monitoring notification operations operator organization "
    "password passwords permission personal platform postgres postgresql principal processing production projects "
    "protected provider reactivate redacted redaction reference register repository required resource response "
    "safetyamp secretary security sequence sequences serverless services sessions settings shutdown software "
    "standard structure subscription supervisor suspended temporary terminated timestamp transport undefined "
    "username validation validator vehicles viewpoint warehouse workspace"
)
ORDINARY_WORDS = frozenset(_ORDINARY.split())
"""Words that occur in ordinary events and logs: as secrets they would mask the sense of everything."""


def weakness(value: str) -> str:
    """Why ``value`` cannot be masked; empty when it can. The answer holds no part of the value.

    Not masked are values under 8 characters, with fewer than four different characters, running through the alphabet
    or the digits (``12345678``), numbers of fewer than 12 digits, and ordinary words (``password``, ``production``):
    they turn up everywhere by chance, and replacing them would spoil what is written without hiding anything.
    """
    folded = value.strip().casefold()
    if len(folded) < MIN_LENGTH:
        return f"it has fewer than {MIN_LENGTH} characters"
    if len(set(folded)) < MIN_DISTINCT:
        return f"it has fewer than {MIN_DISTINCT} different characters"
    if folded in ORDINARY_WORDS or within_markers(value.strip()):
        return "it is an ordinary word"
    if len({ord(after) - ord(before) for before, after in pairwise(folded)}) == 1:
        return "its characters follow each other"
    if folded.isdigit() and len(folded) < MIN_DIGITS:
        return f"it is a number of fewer than {MIN_DIGITS} digits"
    return ""


class SecretValues:
    """Values and their spellings, looked up in time that hardly depends on how many there are.

    An index has the groups of four bytes that the spellings are made of; a text is cut into such groups, and only the
    spellings that share one with it are looked for. Safe to use from many threads: a reader meanwhile sees a value
    or does not see it.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._changing = threading.Lock()
        self._forms: dict[str, frozenset[str]] = {}
        self._sources: dict[str, set[str]] = {}
        self._index: dict[int, tuple[str, ...]] = {}
        self._grams: set[int] = set()
        self.version = 0
        """Differs whenever the values differ."""
        self.longest = 0
        """Characters of the longest spelling."""
        for value in values:
            self.add(value)

    def __len__(self) -> int:
        return len(self._forms)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self)} values>"

    def add(self, value: str, source: str = "") -> bool:
        """Knows ``value`` from now on; False when it is too weak to be masked, or known."""
        if weakness(value):
            return False
        with self._changing:
            self._sources.setdefault(value, set()).add(source)
            if value in self._forms:
                return False
            forms = frozenset(form for form in spellings(value) if not within_markers(form))
            self._enter(forms)
            self._forms[value] = forms
            self.version += 1
            return True

    def discard(self, value: str, source: str = "") -> bool:
        """Forgets ``value`` once no other source has it; False when it stays or was not known."""
        with self._changing:
            sources = self._sources.get(value, set())
            sources.discard(source)
            if sources or self._forms.pop(value, None) is None:
                return False
            del self._sources[value]
            kept = SecretValues()
            for forms in self._forms.values():
                kept._enter(forms)
            self._index, self._grams, self.longest = kept._index, kept._grams, kept.longest
            self.version += 1
            return True

    def spelled(self, most: int) -> tuple[int, list[str]]:
        """The version, and all spellings unless they have more than ``most`` characters together."""
        with self._changing:
            forms = sorted(frozenset[str]().union(*self._forms.values()))
            return self.version, forms if sum(map(len, forms)) <= most else []

    def candidates(self, data: bytes) -> list[str]:
        """The spellings that may occur in the UTF-8 text ``data``; usually none."""
        grams = self._grams
        if not grams:
            return []
        count = len(data) // GRAM
        found = struct.unpack_from(f"={count}I", data)
        if grams.isdisjoint(found):
            return []
        index = self._index
        return sorted({form for gram in grams.intersection(found) for form in index.get(gram, ())})

    def _enter(self, forms: Iterable[str]) -> None:
        for form in forms:
            data = form.encode("utf-8", "surrogatepass")
            for gram in {int.from_bytes(data[at : at + GRAM], sys.byteorder) for at in range(GRAM)}:
                self._index[gram] = (*self._index.get(gram, ()), form)
                self._grams.add(gram)
            self.longest = max(self.longest, len(form))
