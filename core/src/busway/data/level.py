"""One level in its place: the backend a plugin built, its breaker, its counts, and what it missed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Any, NamedTuple, TypeVar, cast

from busway.contracts.caches import (
    CacheBackend,
    Entry,
    InProcessCache,
    SupportsGenerations,
    SupportsLocks,
    SupportsPublish,
)
from busway.contracts.clock import Clock
from busway.data.answers import WrongAnswerError, as_stamps, as_texts, wrong_answer
from busway.data.breaker import RETRY_SECONDS, Breaker
from busway.data.decision import Aged, Verdict
from busway.data.entry_format import UndecodableEntry, decode, encode, read_header
from busway.data.level_counts import LevelCounts
from busway.data.level_entry import created_at
from busway.data.missed import Missed
from busway.data.replay import Replay, Replayed
from busway.errors import BuswayError
from busway.metrics.registry import Metrics
from busway.plugins.origins import Origin, origin_of

__all__ = ["Hooks", "Level", "Reading"]

T = TypeVar("T")
Judge = Callable[[Aged], Verdict]
_NO_ANSWER = object()

BUSY = "BW2034"
"""The code of an error that says: all connections are in use. The level is well, this process wants too much of it."""
PROBE_KEY = "busway:probe"
INLINE_STEPS = 16
"""Of what a level missed, a caller who found it back tells it so much; the rest is told behind his back."""
GRACE_SECONDS = 0.05
"""So long callers leave the probe to the background, which can wait for a level that does not answer."""
BUSY_SECONDS = 0.5
"""A level that is up and did not take what it is owed is told again after so long."""

logger = logging.getLogger("busway.data")


class Reading(NamedTuple):
    """An entry a level answered with, and the verdict on it. A tuple: one is made at every read."""

    entry: Entry
    verdict: Verdict
    packed: bytes | None
    """Its stored form, where the level stores bytes."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """What a level tells those who order it."""

    tell: Callable[[Level, bool, str], None] = lambda level, away, why: None
    """At each transition: the level, whether it is away now, and why."""
    nudge: Callable[[], None] = lambda: None
    """There is something to do in the background."""
    overflowed: Callable[[Level, str], None] = lambda level, domain: None
    """The level missed too many keys of a domain to tell it each: its entries must become invalid."""
    is_invalid: Callable[[str, int], bool] = lambda key, generation: False
    """Whether an entry with this generation was invalidated."""
    replayed: Replayed = lambda level, words, stamps: None
    """The level was told about keys and stamps it had missed."""
    background: bool = False
    """Somebody tends the level between calls."""


class Level:
    """A backend whose failures are an answer: nothing it raises reaches the caller.

    Whatever a call raises, and when it answers with another type than the contract's, the level counts as away for a
    while; an entry that cannot be decoded is a miss and says nothing about the level, nor does a busy connection pool.
    While it is away it is not called, and what it is not told is kept in ``missed``.
    """

    def __init__(
        self,
        name: str,
        backend: CacheBackend | InProcessCache,
        clock: Clock,
        metrics: Metrics,
        hooks: Hooks | None = None,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self.name = name
        self.origin: Origin | None = origin_of(backend)
        """The plugin it is from, where known."""
        self.in_process = bool(getattr(backend, "holds_entries", False))
        self.takes_sensitive = self.in_process or not getattr(backend, "stores_in_clear", True)
        self.keeps_generations = not self.in_process and isinstance(backend, SupportsGenerations)
        self.publishes = not self.in_process and isinstance(backend, SupportsPublish)
        self.locks = cast("SupportsLocks | None", backend if isinstance(backend, SupportsLocks) else None)
        # The two protocols differ only in what they store, which every call below decides by ``in_process``.
        self.backend = cast(Any, backend)
        self.counts = LevelCounts(name, metrics)
        self._clock = clock
        self._hooks = hooks or Hooks()
        self._stored = (Entry if self.in_process else bytes, NoneType)
        self._breaker = Breaker(clock, retry_seconds)
        self._grace = GRACE_SECONDS if self._hooks.background else 0.0
        self.missed = Missed(lambda domain: self._hooks.overflowed(self, domain))
        self.replay = Replay(self, self.missed, clock, metrics, self._hooks.is_invalid, self._hooks.replayed)
        self._up = metrics.gauge("busway_cache_level_up", "1 while a cache level answers, else 0.", level=name)
        self._up.set(1)
        self.on_first_answer: Callable[[], None] | None = None
        """Called once, after the first call that succeeds."""

    @property
    def title(self) -> str:
        """The level with its plugin: ``redis (busway-cache-redis 0.1.0)``."""
        return f"{self.name} ({self.origin.owner})" if self.origin else self.name

    @property
    def plugin(self) -> dict[str, str]:
        """The distribution and version it is from, where known."""
        return {} if self.origin is None else {"distribution": self.origin.distribution, "version": self.origin.version}

    @property
    def direct_get(self) -> Callable[[str], Entry | None] | None:
        """The backend's own ``get``, for the path of every hit; ``None`` for a level outside the process.

        A call through :meth:`read` costs several times what looking into a dictionary does. Whoever calls this
        directly handles what it may raise, and counts with ``counts``.
        """
        return cast("Callable[[str], Entry | None]", self.backend.get) if self.in_process else None

    @property
    def away(self) -> bool:
        """It failed and has not answered since."""
        return self._breaker.is_open

    def read(self, key: str, judge: Judge) -> Reading | None:
        """The entry under ``key`` if ``judge`` has a use for it."""
        if not self._ready():
            return None
        raw = None
        # What it has under a key whose last word it missed was overwritten or removed: nobody is served that.
        if not (self.missed and self.missed.concerns(key)):
            raw = self._attempt(lambda: self.backend.get(key), _NO_ANSWER, self._stored, key)
            if raw is _NO_ANSWER:
                return None
        reading = self._judge(key, raw, judge) if raw is not None else None
        kind = "misses" if reading is None else "stale" if reading.verdict is Verdict.STALE else "hits"
        self.counts.of_key(kind, key)
        return reading

    def write(self, key: str, entry: Entry, packed: bytes | None, ttl_seconds: float, *, owed: bool = True) -> bool:
        """Stores ``entry``; False when the level did not take it. ``packed`` saves encoding it again.

        :param owed: keep it for the level's return. A copy of what another level has is not worth it.
        """
        if self._ready() and not (self.missed and self.missed.concerns(key)):
            stored = entry if self.in_process else packed or encode(entry)
            answer = self._attempt(lambda: self.backend.set(key, stored, ttl_seconds), _NO_ANSWER, key=key)
            if answer is not _NO_ANSWER:
                self.counts.of_key("writes", key)
                return True
        if owed:
            self.missed.note_write(key, entry, packed or encode(entry))
            self._noted()
        return False

    def delete(self, key: str, stamp: int = 0) -> bool:
        """Removes ``key``; True when there was a live entry. One with a generation below ``stamp`` was none."""
        if self._ready() and not (self.missed and self.missed.concerns(key)):
            removed = self._attempt(lambda: self._delete(key, stamp), _NO_ANSWER, (int,), key)
            if removed is not _NO_ANSWER:
                return bool(removed)
        self.owe_removal(key, self._clock.now_ns())
        return False

    def drop_older(self, key: str, created_at_ns: int) -> bool:
        """Removes what is older than an entry another process has just made; what is no entry counts as older."""
        there = self.peek(key)
        return there is not None and (created_at(there) or 0) < created_at_ns and self.delete(key)

    def peek(self, key: str) -> Any:
        """What is stored under ``key``, counted nowhere; ``None`` when the level is away."""
        return self._attempt(lambda: self.backend.get(key), None, self._stored, key) if self._ready() else None

    def keys(self, pattern: str) -> list[str] | None:
        """Keys that match; ``None`` when the level is away or goes away during the scan."""
        none: list[str] | None = None
        return self._attempt(lambda: as_texts(self.backend.scan(pattern)), none) if self._ready() else none

    def read_stamps(self, names: Sequence[str]) -> list[int] | None:
        """Generations of ``names``, one each; ``None`` when the level is away."""
        none: list[int] | None = None
        if not self._ready():
            return none
        return self._attempt(lambda: as_stamps(self.backend.read_generations(names), len(names)), none)

    def raise_stamp(self, name: str, stamp: int) -> int | None:
        """The generation of ``name`` after it was raised to ``stamp``; ``None`` when the level will be told later."""
        if self._ready():
            answer = self._attempt(lambda: self.backend.raise_generation(name, stamp), None, (int,))
            if answer is not None:
                return int(answer)
        self.owe_stamp(name, stamp)
        return None

    def owe_stamp(self, name: str, stamp: int) -> None:
        """The level is to be told a generation when there is time, or when it is back."""
        self.missed.note_stamp(name, stamp)
        self._noted()

    def owe_removal(self, key: str, stamp_ns: int) -> None:
        """The level is to have nothing under ``key`` that is not newer than ``stamp_ns``."""
        self.missed.note_removal(key, stamp_ns)
        self._noted()

    def owe_pattern(self, pattern: str, matches: Callable[[str], bool], stamp_ns: int, everything: str) -> None:
        """The level is to be searched when it is back, and to lose what is found and not newer than ``stamp_ns``."""
        self.missed.note_pattern(pattern, matches, stamp_ns, everything)
        self._noted()

    def publish(self, message: bytes) -> bool:
        """Sends ``message`` to other processes. Best effort: a server that refuses it still serves as a cache."""
        if self._breaker.is_open:
            return False
        try:
            self.backend.publish(message)
        except Exception as error:
            self.counts.counter("errors", "").add()
            logger.debug("cache level %s did not publish: %s", self.title, _reason(error))
            return False
        return True

    def attempt(self, call: Callable[[], object]) -> bool:
        """Calls the backend whether its pause is over or not; for replay, which asks the breaker itself."""
        return self._attempt(call, _NO_ANSWER) is not _NO_ANSWER

    def failed(self, error: Exception) -> None:
        """Notes what a call raised that was made without this object."""
        self._failed(error, probe=False)

    def tend(self) -> float | None:
        """Probes a level whose pause is over and tells it what it missed; seconds until there is more to do."""
        if self._breaker.is_open:
            due_in = self._breaker.due_in or 0.0
            if due_in > 0 or not self._breaker.allows():
                return max(due_in, 0.05)
            if not self.missed:
                self._attempt(lambda: self.backend.get(PROBE_KEY), None, self._stored)
        if self.missed:
            self.replay.run()
        if self._breaker.is_open:
            return max(self._breaker.due_in or 0.0, 0.05)
        return BUSY_SECONDS if self.missed else None

    def stats(self) -> dict[str, Any]:
        """Name, plugin, state, what it is owed, and counts."""
        return {
            "level": self.name,
            **self.plugin,
            "state": "away" if self.away else "up",
            "takes_sensitive": self.takes_sensitive,
            "pending": len(self.missed),
            "replayed": self.replay.count,
            **self.counts.totals(),
        }

    def close(self) -> None:
        """Tells an answering level what is left to tell, and closes the backend; a failure is logged."""
        if self.missed and not self.away:
            self.replay.run()
        try:
            self.backend.close()
        except Exception as error:
            logger.warning("cache level %s did not close cleanly: %s", self.title, _reason(error))

    def renew_locks(self) -> None:
        """In a forked child, which has none of the threads that may have held them."""
        self._breaker.renew_lock()
        self.missed.renew_lock()
        self.replay.renew_lock()

    def _delete(self, key: str, stamp: int) -> Any:
        if stamp == 0:
            return self.backend.delete(key)
        raw = self.backend.get(key)
        removed = self.backend.delete(key)
        # Anything but a bool or a number goes back as it is, to be refused as a wrong answer.
        return bool(removed) and _generation(raw) >= stamp if isinstance(removed, int) else removed

    def _ready(self) -> bool:
        """Whether the level may be called now. The caller who finds it back tells it some of what it missed first."""
        if not self._breaker.is_open:
            if self.missed and not self._hooks.background:
                self.replay.run()
            return True
        if not self._breaker.allows(self._grace):
            return False
        if not self.missed:
            return True
        told = self.replay.run(INLINE_STEPS if self._hooks.background else None)
        self._noted()
        return told and not self._breaker.is_open

    def _noted(self) -> None:
        if self.missed and not self._breaker.is_open:
            self._hooks.nudge()

    def _judge(self, key: str, raw: Any, judge: Judge) -> Reading | None:
        if self.in_process:
            verdict = judge(raw)
            return None if verdict is Verdict.LOAD else Reading(raw, verdict, None)
        try:
            header = read_header(raw)
            verdict = judge(header)
            return None if verdict is Verdict.LOAD else Reading(decode(raw, header), verdict, raw)
        except UndecodableEntry:
            self.counts.of_key("undecodable", key)
            return None

    def _attempt(self, call: Callable[[], T], otherwise: T, wanted: tuple[type, ...] = (object,), key: str = "") -> T:
        """The answer of the backend; ``otherwise`` when it raises, or answers with none of ``wanted``."""
        probe = self._breaker.is_open
        try:
            answer = call()
            if not isinstance(answer, wanted):
                raise wrong_answer(answer, wanted[0].__name__)
        except Exception as error:
            self._failed(error, probe=probe, key=key)
            return otherwise
        except BaseException:
            self._breaker.undecided()  # interrupted: somebody else is to find out
            raise
        # A call that began before the level went away proves nothing.
        if probe and self._breaker.succeeded():
            self._up.set(1)
            self._hooks.tell(self, False, "")
            self._noted()
        if self.on_first_answer is not None:
            first, self.on_first_answer = self.on_first_answer, None
            first()
        return answer

    def _failed(self, error: Exception, *, probe: bool, key: str = "") -> None:
        self.counts.of_key("errors", key)
        if isinstance(error, BuswayError) and error.code == BUSY:
            if probe:
                self._breaker.undecided()
            return
        if self._breaker.failed(probe=probe):
            self._up.set(0)
            self._hooks.tell(self, True, _reason(error))
            self._hooks.nudge()


def _reason(error: Exception) -> str:
    """The text of our own errors is safe to show; that of others may hold data, so only their type is."""
    if isinstance(error, BuswayError):
        why = error.problem.why
        return f"{error}{f' ({why})' if why else ''}"
    return str(error) if isinstance(error, WrongAnswerError) else type(error).__name__


def _generation(raw: Any) -> int:
    try:
        return raw.generation if isinstance(raw, Entry) else read_header(raw).generation if raw is not None else 0
    except UndecodableEntry:
        return 0
