"""One level in its place: the backend a plugin built, its breaker and its counts."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from types import NoneType
from typing import Any, TypeVar, cast

from busway.contracts.caches import CacheBackend, Entry, InProcessCache
from busway.contracts.clock import Clock
from busway.data.breaker import Breaker
from busway.data.decision import Aged, Verdict
from busway.data.entry_format import UndecodableEntry, decode, encode, read_header
from busway.errors import BuswayError
from busway.metrics.registry import Counter, Metrics
from busway.plugins.origins import Origin, origin_of

__all__ = ["Level", "Reading"]

T = TypeVar("T")
Judge = Callable[[Aged], Verdict]
_NO_ANSWER = object()
Tell = Callable[["Level", bool, str], None]
"""Called at each transition with the level, whether it is away now, and why."""

_COUNTS = {
    "hits": "Entries a cache level answered with.",
    "misses": "Reads a cache level had no usable entry for.",
    "writes": "Entries a cache level took.",
    "errors": "Calls a cache level failed.",
    "undecodable": "Entries of a cache level that were no entries; each is also a miss.",
}

logger = logging.getLogger("busway.data")


@dataclass(frozen=True, slots=True)
class Reading:
    """An entry a level answered with, and the verdict on it."""

    entry: Entry
    verdict: Verdict
    packed: bytes | None
    """Its stored form, where the level stores bytes."""


class _WrongAnswerError(TypeError):
    """A backend answered with something else than the contract says; the text names types only."""


class Level:
    """A backend whose failures are an answer: nothing it raises reaches the caller.

    Whatever a call raises, and when it answers with another type than the contract's, the level counts as away for a
    while; an entry that cannot be decoded is a miss and says nothing about the level.
    """

    def __init__(
        self, name: str, backend: CacheBackend | InProcessCache, clock: Clock, metrics: Metrics, tell: Tell
    ) -> None:
        self.name = name
        self.origin: Origin | None = origin_of(backend)
        """The plugin it is from, where known."""
        self.in_process = bool(getattr(backend, "holds_entries", False))
        self.takes_sensitive = self.in_process or not getattr(backend, "stores_in_clear", True)
        # The two protocols differ only in what they store, which every call below decides by ``in_process``.
        self._backend = cast(Any, backend)
        self._stored = (Entry if self.in_process else bytes, NoneType)
        self._breaker = Breaker(clock)
        self._tell = tell
        self._counts: dict[str, Counter] = {
            what: metrics.counter(f"busway_cache_{what}_total", text, level=name) for what, text in _COUNTS.items()
        }
        self._up = metrics.gauge("busway_cache_level_up", "1 while a cache level answers, else 0.", level=name)
        self._up.set(1)

    @property
    def title(self) -> str:
        """The level with its plugin: ``redis (busway-cache-redis 0.1.0)``."""
        return f"{self.name} ({self.origin.owner})" if self.origin else self.name

    @property
    def direct_get(self) -> Callable[[str], Entry | None] | None:
        """The backend's own ``get``, for the path of every hit; ``None`` for a level outside the process.

        A call through :meth:`read` costs several times what looking into a dictionary does. Whoever calls this
        directly handles what it may raise, and counts with :meth:`count_hit`.
        """
        return cast("Callable[[str], Entry | None]", self._backend.get) if self.in_process else None

    @property
    def count_hit(self) -> Callable[[], None]:
        """Counts one answer got through :attr:`direct_get`."""
        return self._counts["hits"].add

    @property
    def away(self) -> bool:
        """It failed and has not answered since."""
        return self._breaker.is_open

    def read(self, key: str, judge: Judge) -> Reading | None:
        """The entry under ``key`` if ``judge`` has a use for it."""
        raw = self._call(lambda: self._backend.get(key), _NO_ANSWER, self._stored)
        if raw is _NO_ANSWER:
            return None
        reading = self._judge(raw, judge) if raw is not None else None
        self._counts["hits" if reading is not None else "misses"].add()
        return reading

    def write(self, key: str, entry: Entry, packed: bytes | None, ttl_seconds: float) -> bool:
        """Stores ``entry``; False when the level did not take it. ``packed`` saves encoding it again."""
        stored = entry if self.in_process else packed or encode(entry)
        if self._call(lambda: self._backend.set(key, stored, ttl_seconds), _NO_ANSWER) is _NO_ANSWER:
            return False
        self._counts["writes"].add()
        return True

    def delete(self, key: str) -> bool:
        """Removes ``key``; True when there was one."""
        return bool(self._call(lambda: self._backend.delete(key), False, (int,)))

    def keys(self, pattern: str) -> list[str]:
        """Keys that match; none when the level is away or goes away during the scan."""
        none: list[str] = []
        return self._call(lambda: _texts(self._backend.scan(pattern)), none)

    def close(self) -> None:
        """Closes the backend; a failure is logged, so that the next level is closed too."""
        try:
            self._backend.close()
        except Exception as error:
            logger.warning("cache level %s did not close cleanly: %s", self.title, _reason(error))

    def counts(self) -> dict[str, int]:
        """Hits, misses, writes, errors and undecodable entries so far."""
        return {what: int(counter.value) for what, counter in self._counts.items()}

    def _judge(self, raw: Any, judge: Judge) -> Reading | None:
        if self.in_process:
            verdict = judge(raw)
            return None if verdict is Verdict.LOAD else Reading(raw, verdict, None)
        try:
            verdict = judge(read_header(raw))
            return None if verdict is Verdict.LOAD else Reading(decode(raw), verdict, raw)
        except UndecodableEntry:
            self._counts["undecodable"].add()
            return None

    def _call(self, call: Callable[[], T], otherwise: T, wanted: tuple[type, ...] = (object,)) -> T:
        """The answer of the backend; ``otherwise`` when it is away, raises, or answers with none of ``wanted``."""
        if not self._breaker.allows():
            return otherwise
        try:
            answer = call()
            if not isinstance(answer, wanted):
                raise _wrong(answer, wanted[0].__name__)
        except Exception as error:
            self._failed(error)
            return otherwise
        if self._breaker.succeeded():
            self._up.set(1)
            self._tell(self, False, "")
        return answer

    def _failed(self, error: Exception) -> None:
        self._counts["errors"].add()
        if self._breaker.failed():
            self._up.set(0)
            self._tell(self, True, _reason(error))


def _reason(error: Exception) -> str:
    """The text of our own errors is safe to show; that of others may hold data, so only their type is."""
    if isinstance(error, BuswayError):
        why = error.problem.why
        return f"{error}{f' ({why})' if why else ''}"
    return str(error) if isinstance(error, _WrongAnswerError) else type(error).__name__


def _texts(found: Any) -> list[str]:
    if isinstance(found, str | bytes):  # it can be iterated over, too
        raise _wrong(found, "keys")
    keys = list(found)
    for key in keys:
        if not isinstance(key, str):
            raise _wrong(key, "str")
    return keys


def _wrong(answer: object, wanted: str) -> _WrongAnswerError:
    return _WrongAnswerError(f"it answered with {type(answer).__name__} instead of {wanted}")
