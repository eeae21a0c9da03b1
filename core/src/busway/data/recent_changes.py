"""Keys that were just written or removed, so that whoever still has the entry before does not bring it back."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable

__all__ = ["RecentChanges"]

MOST_KEYS = 4_096
MOST_PATTERNS = 64


class RecentChanges:
    """The last changes by key. A reader that copies an entry from one level to another asks before and after.

    Without this, a reader that took an entry from a lower level while it was removed everywhere would put it back;
    and a process that was cut off would, with a write from before a removal it did not hear of.
    """

    def __init__(self, most_keys: int = MOST_KEYS) -> None:
        self._most_keys = most_keys
        self._lock = threading.Lock()
        self._changes: OrderedDict[str, int] = OrderedDict()
        self._removed_by_us: OrderedDict[str, int] = OrderedDict()
        self._patterns: deque[tuple[str, Callable[[str], bool], int]] = deque(maxlen=MOST_PATTERNS)

    def removed(self, key: str, stamp_ns: int, *, by_us: bool = False) -> None:
        """What was made until ``stamp_ns`` is not to be copied."""
        self._note(self._changes, key, stamp_ns)
        if by_us:
            self._note(self._removed_by_us, key, stamp_ns)

    def removed_pattern(self, pattern: str, matches: Callable[[str], bool], stamp_ns: int) -> None:
        """The same for every key that matches, also those nobody had found by then."""
        self._patterns.append((pattern, matches, stamp_ns))

    def written(self, key: str, created_at_ns: int, *, by_us: bool = False) -> None:
        """What is older than ``created_at_ns`` is not to be copied."""
        self._note(self._changes, key, created_at_ns - 1)
        if by_us and key in self._removed_by_us:
            with self._lock:
                self._removed_by_us.pop(key, None)

    def overtook(self, key: str, created_at_ns: int) -> bool:
        """Whether an entry made at ``created_at_ns`` is no longer the one to be had."""
        last = self._changes.get(key)
        return last is not None and created_at_ns <= last

    def we_removed(self, key: str, created_at_ns: int) -> bool:
        """Whether this process removed what was made at ``created_at_ns``."""
        last = self._removed_by_us.get(key)
        if last is not None and created_at_ns <= last:
            return True
        return any(created_at_ns <= stamp_ns and matches(key) for _, matches, stamp_ns in list(self._patterns))

    def our_removals(self) -> list[tuple[str, int]]:
        """Keys this process removed and has not written since, and when."""
        with self._lock:
            return list(self._removed_by_us.items())

    def our_patterns(self) -> list[tuple[str, Callable[[str], bool], int]]:
        """Patterns this process removed, what tells which keys they mean, and when."""
        return list(self._patterns)

    def renew_lock(self) -> None:
        """In a forked child: the lock may have been held by a thread that does not exist here."""
        self._lock = threading.Lock()

    def _note(self, changes: OrderedDict[str, int], key: str, until_ns: int) -> None:
        with self._lock:
            changes[key] = until_ns
            changes.move_to_end(key)
            if len(changes) > self._most_keys:
                changes.popitem(last=False)
