"""Failed loads, remembered for a while: a source that is down is not asked by every caller."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from busway.data.forks import after_fork

__all__ = ["FailedLoad", "FailedLoads"]

REMEMBERED = 1_024


@dataclass(frozen=True, slots=True)
class FailedLoad:
    """A load that failed, and what it raised."""

    error: Exception
    at_ns: int
    """Nanoseconds since the epoch."""
    until_ns: int
    """Afterwards it says nothing any more."""
    generation: int
    """Stamp of its domain and entity when it began."""

    def raised_again(self) -> Exception:
        """The exception, without the frames of the load and of those it was raised to before."""
        return self.error.with_traceback(None)


class FailedLoads:
    """The last failed load of each key, in this process only; the oldest go when there are too many.

    They are not put on the shared levels: an exception is no JSON, and another process may well reach what this one
    does not.
    """

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._by_key: OrderedDict[str, FailedLoad] = OrderedDict()
        self._reset()
        after_fork(self._reset)

    def __len__(self) -> int:
        return len(self._by_key)

    def of(self, key: str) -> FailedLoad | None:
        """The last failed load of ``key``, unless a good one followed. How long it counts is for the policy to say."""
        return self._by_key.get(key)

    def remember(self, key: str, failed: FailedLoad) -> None:
        """Keeps ``failed``, and drops those whose time is over: an exception keeps the frames it came through."""
        with self._lock:
            self._by_key[key] = failed
            self._by_key.move_to_end(key)
            while len(self._by_key) > self._most or self._oldest_is_over(failed.at_ns):
                self._by_key.popitem(last=False)

    def forget(self, key: str) -> None:
        """A load of ``key`` succeeded."""
        if key in self._by_key:
            with self._lock:
                self._by_key.pop(key, None)

    def forget_matching(self, matches: Callable[[str], bool]) -> None:
        """Those whose keys were invalidated: the next caller tries anew."""
        with self._lock:
            for key in [key for key in self._by_key if matches(key)]:
                del self._by_key[key]

    def _oldest_is_over(self, now_ns: int) -> bool:
        oldest = next(iter(self._by_key.values()), None)
        return oldest is not None and oldest.until_ns <= now_ns

    def _reset(self) -> None:
        self._lock = threading.Lock()
