"""The levels in their configured order: read through from the first, written to all."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from busway.contracts.caches import CacheBackend, Entry, InProcessCache, SupportsLocks
from busway.contracts.clock import Clock
from busway.data.backplane import Backplane
from busway.data.breaker import RETRY_SECONDS
from busway.data.coherence import Coherence
from busway.data.decision import NANOSECONDS, Verdict, decide
from busway.data.full_key import name_of
from busway.data.generations import Generations
from busway.data.known_keys import KnownKeys
from busway.data.level import Hooks, Judge, Level, Reading
from busway.data.level_entry import LevelEntry
from busway.data.level_locks import LevelLocks
from busway.data.level_news import LevelNews
from busway.data.missed import MissedWrite, Word
from busway.data.names import KeySchema, Name, escape_glob, parse_name
from busway.data.policy import Policy
from busway.data.recent_changes import RecentChanges
from busway.data.shared_stamps import SharedStamps
from busway.data.tending import Tending
from busway.errors import UsageError
from busway.metrics.registry import Metrics

__all__ = ["NEAR_SECONDS", "Found", "Levels"]

NEAR_SECONDS = 5.0
"""How long memory is trusted where no backplane tells it what other processes write."""


class Found(NamedTuple):
    """An entry and where it was found."""

    entry: Entry
    verdict: Verdict
    level: str
    """Name of the level; empty when the value was just loaded."""


class Levels:
    """Ordered levels, none of which can fail its caller.

    A level that is away is left alone; what it misses it is told when it is back, before anything it has under those
    keys is served. Several processes over the same levels agree through generations and the backplane.
    """

    def __init__(
        self,
        levels: Sequence[tuple[str, CacheBackend | InProcessCache]],
        clock: Clock,
        metrics: Metrics,
        emit: Callable[..., Any] | None = None,
        *,
        app: str = "",
        retry_seconds: float = RETRY_SECONDS,
        near_seconds: float = NEAR_SECONDS,
        background: bool = True,
    ) -> None:
        """Connects to nothing.

        :param app: the application; its keys and generations are apart from those of others on the same server.
        :param retry_seconds: how long a level that failed is left alone.
        :param near_seconds: how long memory is trusted while no backplane is heard.
        :param background: tend the levels in a thread; without it the callers do all of it.
        """
        self._clock = clock
        self._news = LevelNews(emit)
        self._near_seconds = near_seconds
        self._prefix = KeySchema(app).prefix
        self._everything = escape_glob(self._prefix) + "*"
        self._tending = Tending(self) if background else None
        hooks = Hooks(self._tell, self._nudge, self._overflowed, self._is_invalid, self._replayed, background)
        self._levels = [Level(name, backend, clock, metrics, hooks, retry_seconds) for name, backend in levels]
        self._near = [level for level in self._levels if level.in_process]
        self._far = [level for level in self._levels if not level.in_process]
        self._given_up = metrics.counter(
            "busway_cache_given_up_total", "Domains invalidated because a level missed more than can be kept."
        )
        self._known = KnownKeys()
        self._recent = RecentChanges()
        self._share(app, clock, metrics)
        first = self._levels[0] if self._levels else None
        self.near_get = first.direct_get if first is not None else None
        """``get`` of the first level's backend, when that level is inside the process; ``None`` once it has failed."""
        _OPEN.add(self)

    def _share(self, app: str, clock: Clock, metrics: Metrics) -> None:
        """What connects this process with others: stamps on the levels that keep them, one level that publishes."""
        self._backplane: Backplane | None = None
        keepers = [level for level in self._far if level.keeps_generations]
        publisher = next((level for level in self._far if level.publishes), None)
        self._stamps = SharedStamps(keepers, self._prefix, self._nudge) if keepers or publisher else None
        self.generations = Generations(clock, self._stamps)
        own = [level for level in self._levels if level is not publisher]
        self._coherence = Coherence(own, self.generations, self._recent, self._prefix, clock)
        self._coherence.remove_again = self.delete
        self._coherence.insist = self._insist
        if publisher is not None and self._stamps is not None:
            self._backplane = Backplane(publisher, app, self._coherence, clock, metrics)
            self._stamps.backplane = self._backplane

    @property
    def degraded(self) -> bool:
        """At least one level is away."""
        return any(level.away for level in self._levels)

    @property
    def shared(self) -> bool:
        """There are entries this process may not know of."""
        return bool(self._far)

    def states(self) -> dict[str, str]:
        """``up`` or ``away`` of each level, in order."""
        return {level.name: "away" if level.away else "up" for level in self._levels}

    def on_removed(self, listener: Callable[[str], object]) -> None:
        """``listener`` is called with each full key another process removed."""
        self._coherence.on_removed = listener

    def near_hit(self, key: str, now_ns: int, stamp: int) -> Entry | None:
        """The fresh entry of the first level, asked without a guard around it. ``None`` says nothing: ask properly."""
        get = self.near_get
        if get is None:
            return None
        try:
            entry = get(key)
        except Exception:
            # From now on it is asked through its breaker only, which also tells.
            self.near_get = None
            return None
        if type(entry) is not Entry or now_ns >= entry.fresh_until_ns or entry.generation < stamp:
            return None
        self._levels[0].counts.of_key("hits", key)
        return entry

    def near_counter(self, kind: str, domain: str) -> Callable[[], None]:
        """Counts one more (``hits``, ``negative``…) of ``domain`` on the first level, for who uses :attr:`near_get`."""
        return self._levels[0].counts.adder(kind, domain)

    def count(self, level: str, kind: str, key: str) -> None:
        """Counts one more of ``kind`` on the level with that name, for the domain of a full key."""
        for one in self._levels:
            if one.name == level:
                one.counts.of_key(kind, key)

    def read_near(self, key: str, policy: Policy, stamp: int) -> Found | None:
        """What the levels inside the process have; no I/O."""
        return self._first(self._near, key, policy, stamp, promote=False)

    def read(self, key: str, policy: Policy, stamp: int, *, promote: bool = True) -> Found | None:
        """The first fresh entry, copied to the levels before it; else the first stale one; else ``None``."""
        return self._first(self._for(policy, self._levels), key, policy, stamp, promote=promote)

    def write(self, key: str, entry: Entry, packed: bytes, policy: Policy) -> int:
        """Stores ``entry`` on every level its policy allows; the number of those that took it."""
        seconds = self._seconds_left(entry)
        if seconds <= 0:
            return 0
        self._recent.written(key, entry.created_at_ns, by_us=True)
        # Every level is written, also when one before it failed: no short circuit here. Memory last, for how long it
        # is trusted depends on whether another level can be asked instead.
        far = sum([level.write(key, entry, packed, seconds) for level in self._for(policy, self._far)])
        near_seconds = min(seconds, self._trusted(policy)) if far else seconds
        near = sum([level.write(key, entry, packed, near_seconds) for level in self._near])
        if far + near:
            self._known.add(key)
        if self._may_announce(policy) and self._backplane is not None:
            self._backplane.publish(written=[(key, entry.created_at_ns)])
        return far + near

    def delete(self, key: str) -> bool:
        """Removes ``key`` from every level, sensitive or not; True when one of them had it."""
        return self.delete_all([key]) > 0

    def delete_all(self, keys: Iterable[str]) -> int:
        """Removes ``keys`` from every level; the number of those that one of them had."""
        now_ns = self._clock.now_ns()
        removed, told = 0, []
        for key in keys:
            self._recent.removed(key, now_ns, by_us=True)
            self._known.discard(key)
            stamp = self.generations.known(key)
            had = [level.delete(key, stamp) for level in self._levels]  # from all of them: no short circuit
            removed += any(had)
            told.append((key, now_ns))
        if told and self._backplane is not None:
            self._backplane.publish(removed=told)
        return removed

    def delete_matching(self, pattern: str, matches: Callable[[str], bool]) -> int:
        """Removes keys that the shell pattern finds and ``matches`` accepts; a level that is away is searched later."""
        self._recent.removed_pattern(pattern, matches, self._clock.now_ns())
        found: set[str] = set()
        for level in self._levels:
            keys = level.keys(pattern)
            if keys is None:
                level.owe_pattern(pattern, matches, self._clock.now_ns(), self._everything)
            else:
                found.update(filter(matches, keys))
        return self.delete_all(sorted(found))

    def forget(self, name: Name) -> int:
        """The number of entries this process knew under ``name``, all of which a new generation has made invalid."""
        return self._known.forget(name)

    def keys(self, pattern: str) -> set[str]:
        """Keys on any level that match the shell pattern."""
        return {key for level in self._levels for key in level.keys(pattern) or ()}

    def entries(self, pattern: str) -> Iterator[LevelEntry]:
        """Valid entries whose full key matches the shell pattern, level by level in order; for people, it reads all."""
        for level in self._levels:
            for key in sorted(level.keys(pattern) or ()):
                entry = LevelEntry.of(key, level.name, level.peek(key))
                if entry is not None and entry.generation >= self._stamp_of(key):
                    yield entry

    def lock_level(self) -> SupportsLocks | None:
        """The locks of the first level that has some and is not away. Their calls raise what the backend raises."""
        for level in self._levels:
            if level.locks is not None and not level.away:
                return LevelLocks(level, level.locks)
        return None

    def stats(self) -> list[dict[str, Any]]:
        """Name, plugin (where known), state and counts of each level, in order.

        ``takes_sensitive`` is False for a level that stores in clear; ``pending`` is what it has still to be told.
        """
        return [level.stats() for level in self._levels]

    def by_domain(self) -> dict[str, dict[str, dict[str, int]]]:
        """Domain to level to counts."""
        found: dict[str, dict[str, dict[str, int]]] = {}
        for level in self._levels:
            for domain, counts in level.counts.by_domain().items():
                found.setdefault(domain, {})[level.name] = counts
        return found

    def tend(self) -> float | None:
        """Probes levels whose pause is over, tells those that are back what they missed, keeps stamps fresh.

        Returns the seconds until there is something to do again; ``None`` when a call will say so.
        """
        waits = [level.tend() for level in self._levels]
        waits.append(self.generations.tend())
        if self._backplane is not None:
            waits.append(self._backplane.tend())
        return min((wait for wait in waits if wait is not None), default=None)

    def close(self) -> None:
        """Closes every level, once; afterwards nothing is found and nothing is stored."""
        levels, self._levels, self._near, self._far, self.near_get = self._levels, [], [], [], None
        if self._tending is not None:
            self._tending.stop()
        if self._backplane is not None:
            self._backplane.stop()
        for level in levels:
            level.close()
        if self._stamps is not None:
            self._stamps.close()

    def _first(self, levels: list[Level], key: str, policy: Policy, stamp: int, *, promote: bool) -> Found | None:
        epoch = self.generations.epoch
        judge = self._judge(policy, stamp)
        stale: Found | None = None
        for position, level in enumerate(levels):
            reading = level.read(key, judge)
            if reading is None or self._overtaken(key, reading.entry, epoch):
                continue
            if reading.verdict is Verdict.HIT:
                if promote and position:
                    self._promote(levels[:position], key, reading, policy)
                return Found(reading.entry, reading.verdict, level.name)
            # A level below may have what another process loaded since, so a stale one does not end the search.
            stale = stale or Found(reading.entry, reading.verdict, level.name)
        return stale

    def _overtaken(self, key: str, entry: Entry, epoch: int) -> bool:
        """Invalidated while it was read: a level found back brings the stamps that were missed with it."""
        return self.generations.epoch != epoch and self._is_invalid(key, entry.generation)

    def _promote(self, above: list[Level], key: str, reading: Reading, policy: Policy) -> None:
        seconds = self._seconds_left(reading.entry)
        if seconds <= 0 or self._recent.overtook(key, reading.entry.created_at_ns):
            return
        near_seconds = min(seconds, self._trusted(policy)) if reading.packed is not None else seconds
        for level in above:
            limit = near_seconds if level.in_process else seconds
            level.write(key, reading.entry, reading.packed, limit, owed=False)
        self._known.add(key)
        if self._recent.overtook(key, reading.entry.created_at_ns):
            for level in above:
                level.delete(key)

    def _trusted(self, policy: Policy) -> float:
        """How long memory is trusted: as long as the entry lives, where what others write is heard of.

        The same where no level is made for many processes: then there are no others, as far as can be known.
        """
        heard = self._backplane is not None and self._backplane.live and self._may_announce(policy)
        return float("inf") if heard or self._stamps is None else self._near_seconds

    def _may_announce(self, policy: Policy) -> bool:
        """The key of a sensitive entry goes nowhere the entry may not go."""
        return self._backplane is not None and (not policy.sensitive or self._backplane.level.takes_sensitive)

    def _judge(self, policy: Policy, stamp: int) -> Judge:
        now_ns = self._clock.now_ns()
        return lambda entry: decide(entry, now_ns, policy, stamp)

    def _for(self, policy: Policy, levels: list[Level]) -> list[Level]:
        return [level for level in levels if level.takes_sensitive] if policy.sensitive else levels

    def _seconds_left(self, entry: Entry) -> float:
        return (entry.kept_until_ns - self._clock.now_ns()) / NANOSECONDS

    def _stamp_of(self, key: str) -> int:
        try:
            return self.generations.current(parse_name(name_of(key)))
        except UsageError:  # a key of another schema
            return 0

    def _is_invalid(self, key: str, generation: int) -> bool:
        return generation < self.generations.known(key)

    def _nudge(self) -> None:
        if self._tending is not None:
            self._tending.nudge()

    def _replayed(self, level: Level, words: Sequence[tuple[str, Word]], stamps: Sequence[tuple[str, int]]) -> None:
        """Those who were not cut off themselves still have the entries before."""
        if self._backplane is not None and self._backplane.level is level:
            self._backplane.publish(
                raised=[(name.removeprefix(self._prefix), stamp) for name, stamp in stamps],
                replayed=[(key, word.stamp_ns) for key, word in words if isinstance(word, MissedWrite)],
                removed=[(key, word.stamp_ns) for key, word in words if not isinstance(word, MissedWrite)],
            )

    def _insist(self) -> None:
        """Removals are repeated on the shared level.

        A process that was cut off longer than we were may have brought back what it wrote before them.
        """
        if self._backplane is not None:
            level = self._backplane.level
            for key, stamp_ns in self._recent.our_removals():
                level.owe_removal(key, stamp_ns)
            for pattern, matches, stamp_ns in self._recent.our_patterns():
                level.owe_pattern(pattern, matches, stamp_ns, self._everything)

    def _overflowed(self, level: Level, domain: str) -> None:
        self._given_up.add()
        self._news.given_up(level, domain)
        if domain:
            self.generations.bump_domain(domain)

    def _tell(self, level: Level, away: bool, why: str) -> None:
        if not away:
            # Before anything it has is judged: others may have invalidated it meanwhile.
            self.generations.refresh()
            if self._backplane is not None and self._backplane.level is level:
                self._coherence.forget_near()  # it was filled from the levels below, which may be behind
        self._news.tell(level, away, why)

    def _renew(self) -> None:
        """In a forked child: no thread, no subscription, and locks that nobody holds."""
        for level in self._levels:
            level.renew_locks()
        self._known.renew_lock()
        self._recent.renew_lock()
        self.generations.renew_locks()
        if self._tending is not None:
            self._tending.renew()
        if self._backplane is not None:
            self._backplane.renew()


_OPEN: weakref.WeakSet[Levels] = weakref.WeakSet()


def _renew_all() -> None:
    for levels in list(_OPEN):
        levels._renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
