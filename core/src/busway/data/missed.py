"""What a level missed while it was away: the last word per key, the stamps, and the patterns.

Bounded: what does not fit is folded into something smaller that forbids more, never less. A write loses its bytes
and becomes a removal; a domain with too many keys loses them all, and whoever owns the queue invalidates the domain;
too many patterns become one that matches everything.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from busway.contracts.caches import Entry
from busway.data.full_key import domain_of
from busway.data.names import glob_regex

__all__ = ["Missed", "MissedPattern", "MissedRemoval", "MissedWrite"]

MAX_KEYS = 10_000
MAX_BYTES = 64 * 1024 * 1024
MAX_PATTERNS = 64


@dataclass(frozen=True, slots=True)
class MissedWrite:
    """An entry the level did not take."""

    entry: Entry
    packed: bytes

    @property
    def stamp_ns(self) -> int:
        """When it was made."""
        return self.entry.created_at_ns


@dataclass(frozen=True, slots=True)
class MissedRemoval:
    """A key that is to be gone from the level, unless something newer than ``stamp_ns`` is there."""

    stamp_ns: int


@dataclass(frozen=True, slots=True)
class MissedPattern:
    """Keys that are to be gone: those the shell pattern finds and ``matches`` accepts, not newer than ``stamp_ns``."""

    pattern: str
    matches: Callable[[str], bool]
    stamp_ns: int


Word = MissedWrite | MissedRemoval


class Missed:
    """A queue per level, last write wins per key. Safe to use from many threads."""

    def __init__(self, overflowed: Callable[[str], None], max_keys: int = MAX_KEYS, max_bytes: int = MAX_BYTES) -> None:
        """``overflowed`` is called with each domain whose keys were given up; it must make its entries invalid."""
        self._overflowed = overflowed
        self._max_keys = max_keys
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._writes: OrderedDict[str, MissedWrite] = OrderedDict()
        self._removals: dict[str, MissedRemoval] = {}
        self._stamps: dict[str, int] = {}
        self._patterns: list[MissedPattern] = []
        self._bytes = 0
        self._folding = False

    def __len__(self) -> int:
        return len(self._writes) + len(self._removals) + len(self._stamps) + len(self._patterns)

    @property
    def size(self) -> int:
        """Bytes of the entries kept."""
        return self._bytes

    def concerns(self, key: str) -> bool:
        """What the level has under ``key`` is not to be served: its last word has not arrived there yet."""
        if key in self._writes or key in self._removals:
            return True
        return bool(self._patterns) and any(one.matches(key) for one in list(self._patterns))

    def note_write(self, key: str, entry: Entry, packed: bytes) -> None:
        """The level did not take ``entry``."""
        self._note(key, MissedWrite(entry, packed))

    def note_removal(self, key: str, stamp_ns: int) -> None:
        """The level was not told that ``key`` is gone."""
        self._note(key, MissedRemoval(stamp_ns))

    def note_stamp(self, name: str, stamp: int) -> None:
        """The level was not told the generation of ``name``."""
        with self._lock:
            self._stamps[name] = max(stamp, self._stamps.get(name, 0))

    def note_pattern(self, pattern: str, matches: Callable[[str], bool], stamp_ns: int, everything: str) -> None:
        """The level could not be searched. ``everything`` is the pattern of all keys there may be."""
        with self._lock:
            self._patterns = [one for one in self._patterns if one.pattern != pattern or one.matches != matches]
            self._patterns.append(MissedPattern(pattern, matches, stamp_ns))
            if len(self._patterns) > MAX_PATTERNS:
                self._patterns = [MissedPattern(everything, _matcher(everything), stamp_ns)]

    def stamp(self) -> tuple[str, int] | None:
        """A stamp to be raised on the level."""
        return next(iter(list(self._stamps.items())), None)

    def pattern(self) -> MissedPattern | None:
        """A pattern to be searched for."""
        return next(iter(self._patterns), None)

    def word(self) -> tuple[str, Word] | None:
        """A key, and what the level is to have under it."""
        with self._lock:
            for words in (self._removals, self._writes):
                for key, word in words.items():
                    return key, word
        return None

    def told_stamp(self, name: str, stamp: int) -> None:
        """The level has it now; one raised meanwhile stays."""
        with self._lock:
            if self._stamps.get(name) == stamp:
                del self._stamps[name]

    def told_pattern(self, pattern: MissedPattern) -> None:
        """The level has been searched."""
        with self._lock:
            self._patterns = [one for one in self._patterns if one is not pattern]

    def told(self, key: str, word: Word) -> None:
        """The level has it now; another word said meanwhile stays."""
        with self._lock:
            if self._writes.get(key) is word or self._removals.get(key) is word:
                self._drop(key)

    def renew_lock(self) -> None:
        """In a forked child: the lock may have been held by a thread that does not exist here."""
        self._lock = threading.Lock()

    def _note(self, key: str, word: Word) -> None:
        with self._lock:
            before = self._writes.get(key) or self._removals.get(key)
            if before is not None and before.stamp_ns > word.stamp_ns:
                if isinstance(word, MissedWrite):
                    return  # overtaken on its way here
                # A clock that was set back must not bring an entry back: of removals, the last to arrive counts.
                word = MissedRemoval(before.stamp_ns)
            self._put(key, word)
            given_up = self._largest_domain() if self._is_full() else None
            self._folding = self._folding or given_up is not None
        if given_up is not None:
            self._give_up(*given_up)

    def _put(self, key: str, word: Word) -> None:
        self._drop(key)
        if isinstance(word, MissedWrite):
            self._writes[key] = word
            self._bytes += len(word.packed)
            self._shed_bytes()
        else:
            self._removals[key] = word

    def _drop(self, key: str) -> None:
        write = self._writes.pop(key, None)
        if write is not None:
            self._bytes -= len(write.packed)
        self._removals.pop(key, None)

    def _shed_bytes(self) -> None:
        """The oldest writes become removals: what the level has under their keys is older still."""
        while self._bytes > self._max_bytes and self._writes:
            key, write = next(iter(self._writes.items()))
            self._drop(key)
            self._removals[key] = MissedRemoval(write.stamp_ns)

    def _is_full(self) -> bool:
        return not self._folding and len(self._writes) + len(self._removals) > self._max_keys

    def _largest_domain(self) -> tuple[str, list[tuple[str, Word]]]:
        words: list[tuple[str, Word]] = [*self._writes.items(), *self._removals.items()]
        domain, _ = Counter(domain_of(key) for key, _ in words).most_common(1)[0]
        return domain, [(key, word) for key, word in words if domain_of(key) == domain]

    def _give_up(self, domain: str, words: list[tuple[str, Word]]) -> None:
        """Outside the lock, as a stamp raised here may be noted here; first the stamp, then the words it replaces."""
        try:
            self._overflowed(domain)
            for key, word in words:
                self.told(key, word)
        finally:
            self._folding = False


def _matcher(pattern: str) -> Callable[[str], bool]:
    match = glob_regex(pattern).match
    return lambda key: match(key) is not None
