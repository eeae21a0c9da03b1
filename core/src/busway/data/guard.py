"""The guard: what happens between a caller who wants a value and the loader that can make it.

Three rings keep many callers from loading the same value: one flight per key in this process, one lock per key for
all processes that share a level, and a last look at the levels for those who waited. Around them stand the time-outs:
a caller may stop waiting, the load does not stop, and what it brings is stored.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from busway.contracts.caches import Entry
from busway.contracts.clock import Clock
from busway.data.background import BackgroundLoads
from busway.data.decision import NANOSECONDS, Patience, Verdict, decide, patience
from busway.data.gate import Gate
from busway.data.generations import Generations
from busway.data.levels import Found, Levels
from busway.data.load_counts import LoadCounts
from busway.data.load_lock import LoadLock, lock_name
from busway.data.negative import FailedLoad, FailedLoads
from busway.data.order import Address, Order, materialised, packed_entry
from busway.data.single_flight import Flight, LeaderGoneError, SingleFlight
from busway.errors import UnreachableError

__all__ = ["Guard", "Loaded"]

logger = logging.getLogger("busway.data")

Loaded = tuple[Entry, bool]
"""An entry, and whether a level has it."""


class Guard:
    """Reads through the levels and loads what is missing, one load per key at a time.

    :param shared: whether a level outside this process is up that may have entries of such an address.
    """

    def __init__(
        self,
        levels: Levels,
        generations: Generations,
        clock: Clock,
        counts: LoadCounts,
        randomness: Callable[[], float],
        lock: LoadLock,
        shared: Callable[[Address], bool],
    ) -> None:
        self._levels = levels
        self._generations = generations
        self._clock = clock
        self._counts = counts
        self._randomness = randomness
        self._lock = lock
        self._shared = shared
        self._failed = FailedLoads()
        self._gate = Gate()
        self.background = BackgroundLoads()
        self.flights = SingleFlight(on_detach=self._failed.forget_matching)

    def find(self, address: Address, *, promote: bool = True) -> Found | None:
        """The best entry there is, fresh or stale, without loading."""
        stamp = self._generations.current(address.name)
        visit = self._gate.enter()  # what is found below is written above
        if visit is None:
            return None
        try:
            return self._levels.read(address.key, address.policy, stamp, promote=promote)
        finally:
            self._gate.leave(visit)

    def fresh(self, address: Address) -> Entry | None:
        """The fresh entry there is, without loading."""
        entry = self._near(address)
        if entry is None:
            entry = self._counted(address, self.find(address))
        return entry

    def get_or_load(self, address: Address, order: Order, *, alone: bool = True) -> Entry:
        """A fresh entry: found, or loaded and stored; a stale one where the policy allows it.

        ``alone=False`` does without the rings: every caller who finds nothing loads for himself. Raises what the
        loader raised; ``UsageError`` BW2003 when its result is not JSON; ``UnreachableError`` BW2012 when it takes
        longer than the policy lets a caller wait, BW2013 when too many loads take long already.
        """
        near = self._near(address)
        if near is not None:
            return near
        if address.policy.soft_timeout or address.policy.hard_timeout:
            if not self.background.inside():
                return self._get_in_time(address, order, alone=alone)[0]
            flight = self.flights.under_way(address.key)
            # What waits for a thread may wait for this very one.
            alone = alone and not (flight is not None and flight.waits)
        if not alone:
            return self._read_or_load(address, order, Flight(), alone=False)[0]
        return self.flights.run(address.key, lambda flight: self._read_or_load(address, order, flight))[0]

    def load(self, address: Address, order: Order) -> bool:
        """Loads and stores, whatever is there; True when a level took it."""
        return self.flights.run(address.key, lambda flight: self._load(address, order, flight, None))[1]

    def store(self, address: Address, value: Any, source: str, order: Order) -> bool:
        """Stores a value somebody has; True when a level took it. A ttl given with it is kept to the second."""
        stamp = self._generations.current(address.name)
        cut = self._cut(address) if order.ttl_seconds is None else 0.0
        entry, packed = packed_entry(
            address, value, order, now_ns=self._clock.now_ns(), stamp=stamp, source=source, cut=cut, loaded=False
        )
        return self._write(address, entry, packed)

    def close(self) -> None:
        """Nothing is stored from now on. Loads that are under way end for those who wait, and for nobody else."""
        self.background.close()
        if not self._gate.close():
            logger.warning("a cache level still writes while it is closed")

    def _near(self, address: Address) -> Entry | None:
        """The fresh entry in the first level, where that is in this process: without a lock and without I/O."""
        if self._levels.near_get is None:
            return None
        stamp = self._generations.current(address.name)
        entry = self._levels.near_hit(address.key, self._clock.now_ns(), stamp)
        if entry is not None and entry.value is None:
            self._levels.near_counter("negative", address.name.domain)()
        return entry

    def _counted(self, address: Address, found: Found | None) -> Entry | None:
        """The entry of a hit; one that says there is nothing counts as negative, too."""
        if found is None or found.verdict is not Verdict.HIT:
            return None
        if found.entry.value is None:
            self._levels.count(found.level, "negative", address.key)
        return found.entry

    def _get_in_time(self, address: Address, order: Order, *, alone: bool) -> Loaded:
        """Like ``_read_or_load``, for callers whose patience has an end."""
        came = self._clock.monotonic()
        while True:
            make = partial(Flight.timed, came)
            flight, leads = self.flights.board(address.key, make) if alone else (make(), True)
            if leads:
                self._depart(address, order, flight, alone=alone)
            try:
                return self._outcome(address, flight, came)
            except LeaderGoneError:
                continue

    def _depart(self, address: Address, order: Order, flight: Flight, *, alone: bool) -> None:
        """Looks for the value in the caller's thread, and leaves the load to another one if there has to be a load."""
        try:
            found = self.find(address)
        except BaseException:
            self.flights.give_up(address.key, flight)
            raise
        verdict, _ = self._decide(address, found)
        flight.stale = found if verdict is Verdict.STALE else None
        flight.see()
        flight.leader = None

        def lead(make: Callable[[Flight], Loaded]) -> None:
            self.flights.lead_behind(address.key, flight, make)

        settle = partial(self._settle, address, order, found=found, alone=alone)
        if verdict not in (Verdict.STALE, Verdict.LOAD) or self.background.closed:
            lead(settle)
        elif not self.background.submit(partial(lead, settle)):
            busy = _busy(address)
            lead(lambda flight: self._instead(address, flight, flight.stale, busy))

    def _outcome(self, address: Address, flight: Flight, came: float) -> Loaded:
        """What the flight brings in time; else the stale value, if there is one. Raises BW2012."""
        if flight.looked is not None and not flight.looked.wait(address.policy.hard_timeout or None):
            raise self._overdue(address)
        term = self._term(address, flight, came)
        while not flight.wait(term.seconds):
            stale = self._still_stale(address, flight, flight.stale)
            if stale is not None:
                self._counts.add("stale_served", address.name.domain)
                return stale.entry, False
            if term.then is Verdict.FAIL:
                raise self._overdue(address)
            flight.stale = None  # it was invalidated, or its time is over
            term = self._term(address, flight, came)
        result: Loaded = flight.outcome()
        return result

    def _term(self, address: Address, flight: Flight, came: float) -> Patience:
        now = self._clock.monotonic()
        return patience(address.policy, waited=now - came, loading=now - flight.began, stale=flight.stale is not None)

    def _read_or_load(self, address: Address, order: Order, flight: Flight, *, alone: bool = True) -> Loaded:
        """Inside the flight, so that many callers cost one read of a shared level, too."""
        return self._settle(address, order, flight, self.find(address), alone=alone)

    def _decide(self, address: Address, found: Found | None) -> tuple[Verdict, FailedLoad | None]:
        stamp = self._generations.current(address.name)
        failed = self._failed.of(address.key)
        entry = found.entry if found is not None else None
        return decide(entry, self._clock.now_ns(), address.policy, stamp, failed), failed

    def _settle(self, address: Address, order: Order, flight: Flight, found: Found | None, *, alone: bool) -> Loaded:
        """Does with what was found what the decision says."""
        hit = self._counted(address, found)
        if hit is not None:
            return hit, True
        verdict, failed = self._decide(address, found)
        if found is not None and verdict is Verdict.SERVE_STALE:
            self._counts.add("stale_served", address.name.domain)
            return found.entry, False
        if failed is not None and verdict is Verdict.FAIL:
            self._counts.add("failures_served", address.name.domain)
            raise failed.raised_again()
        load = partial(self._load, address, order, flight, found if verdict is Verdict.STALE else None)
        if not alone or not self._shared(address):
            return load()
        name = lock_name(address.key, sensitive=address.policy.sensitive)
        return self._lock.load_once(name, address.policy.lease, lambda: self._look(address), load)

    def _look(self, address: Address) -> Loaded | None:
        """What another process has stored meanwhile."""
        hit = self._counted(address, self.find(address))
        return None if hit is None else (hit, True)

    def _load(self, address: Address, order: Order, flight: Flight, stale: Found | None) -> Loaded:
        # Read before the load: what is invalidated while it runs makes its result old.
        stamp = self._generations.current(address.name)
        try:
            value = self._run(address, order.loader)
        except Exception as error:
            self._remember(address, flight, error, stamp)
            return self._instead(address, flight, stale, error)
        self._failed.forget(address.key)
        entry, packed = packed_entry(
            address,
            value,
            order,
            now_ns=self._clock.now_ns(),
            stamp=stamp,
            source=order.source,
            cut=self._cut(address),
            loaded=True,
        )
        return entry, self._write(address, entry, packed, flight)

    def _remember(self, address: Address, flight: Flight, error: Exception, stamp: int) -> None:
        policy = address.policy
        for_callers = policy.negative_ttl or 0.0 if policy.negative_errors else 0.0
        seconds = max(for_callers, policy.retry_after if policy.stale_on_error else 0.0)
        if seconds and not flight.detached:
            now_ns = self._clock.now_ns()
            until_ns = now_ns + int(seconds * NANOSECONDS)
            self._failed.remember(address.key, FailedLoad(error, now_ns, until_ns, stamp))

    def _instead(self, address: Address, flight: Flight, stale: Found | None, error: Exception) -> Loaded:
        """The stale value in place of a load that failed; raises ``error`` where there is none."""
        served = self._still_stale(address, flight, stale)
        if served is None:
            raise error
        self._counts.add("stale_served", address.name.domain)
        logger.warning("stale %s served: its loader failed with %s", address.name, type(error).__name__)
        return served.entry, False

    def _still_stale(self, address: Address, flight: Flight, stale: Found | None) -> Found | None:
        """``stale`` if it may be served now: it may have been invalidated, and its window may have closed."""
        if stale is None or flight.detached:
            return None
        stamp = self._generations.current(address.name)
        verdict = decide(stale.entry, self._clock.now_ns(), address.policy, stamp)
        return None if verdict is Verdict.LOAD else stale

    def _run(self, address: Address, loader: Callable[[], Any]) -> Any:
        domain = address.name.domain
        began = self._clock.monotonic()
        try:
            value = materialised(loader())
        except Exception:
            self._counts.add("failed_loads", domain)
            raise
        finally:
            self._counts.took(domain, self._clock.monotonic() - began)
        self._counts.add("loads", domain)
        return value

    def _write(self, address: Address, entry: Entry, packed: bytes, flight: Flight | None = None) -> bool:
        """Stores ``entry``, unless it was invalidated while it was loaded: before the write, or during it."""
        if flight is not None and flight.detached:
            return False
        visit = self._gate.enter()
        if visit is None:
            return False
        try:
            taken = self._levels.write(address.key, entry, packed, address.policy) > 0
            if flight is not None and flight.detached:
                self._levels.delete(address.key)
                return False
            return taken
        finally:
            self._gate.leave(visit)

    def _cut(self, address: Address) -> float:
        return address.policy.jitter * self._randomness()

    def _overdue(self, address: Address) -> UnreachableError:
        self._counts.add("overdue", address.name.domain)
        return UnreachableError(
            "BW2012",
            f"the load of {address.name} takes longer than {address.policy.hard_timeout:g} s",
            why="it goes on in the background, and its value will be stored",
            fix=f"ask again later, or raise hard_timeout of {address.name} in busway.toml",
        )


def _busy(address: Address) -> UnreachableError:
    return UnreachableError(
        "BW2013",
        f"{address.name} was not loaded: too many loads go on in the background",
        why="loaders hang, or their sources are too slow for the number of values asked for",
        fix="see which source does not answer; give its client a time-out of its own",
    )
