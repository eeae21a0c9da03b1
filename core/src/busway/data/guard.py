"""The guard: what happens between a caller who wants a value and the loader that can make it."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from busway.contracts.caches import Entry
from busway.contracts.clock import Clock
from busway.data.decision import NANOSECONDS, Verdict
from busway.data.durations import LONGEST_SECONDS
from busway.data.entry_format import assemble
from busway.data.generations import Generations
from busway.data.json_value import to_json
from busway.data.levels import Found, Levels
from busway.data.names import SCHEMA_VERSION, Name
from busway.data.policy import Policy
from busway.data.single_flight import Flight, SingleFlight
from busway.errors import UsageError
from busway.metrics.registry import Metrics

__all__ = ["Address", "Guard", "Order", "materialised"]

logger = logging.getLogger("busway.data")

Loaded = tuple[Entry, bool]
"""An entry, and whether a level has it."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where an entry belongs: its name, its full key and the policy for it."""

    name: Name
    key: str
    policy: Policy


@dataclass(frozen=True, slots=True)
class Order:
    """How a missing value is to be made and stored."""

    loader: Callable[[], Any]
    ttl_seconds: float | None = None
    """Overrides the policy's."""
    metadata: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        """Before anything is loaded, so that a wrong ttl costs nobody a load."""
        if self.ttl_seconds is not None:
            check_ttl(self.ttl_seconds)


class Guard:
    """Reads through the levels and loads what is missing, one load per key at a time in this process."""

    def __init__(
        self,
        levels: Levels,
        generations: Generations,
        clock: Clock,
        metrics: Metrics,
        randomness: Callable[[], float],
    ) -> None:
        self._levels = levels
        self._generations = generations
        self._clock = clock
        self._randomness = randomness
        self.flights = SingleFlight()
        self._loads = metrics.counter("busway_cache_loads_total", "Loads of cached data.", outcome="ok")
        self._failures = metrics.counter("busway_cache_loads_total", outcome="failed")
        self._stale = metrics.counter("busway_cache_stale_served_total", "Stale values served for a failed load.")
        self._seconds = metrics.histogram("busway_cache_load_seconds", "Time a load of cached data took.")

    def find(self, address: Address, *, promote: bool = True) -> Found | None:
        """The best entry there is, fresh or stale, without loading."""
        return self._levels.read(address.key, address.policy, self._generations.current(address.name), promote=promote)

    def get_or_load(self, address: Address, order: Order, *, alone: bool = True) -> Entry:
        """A fresh entry: found, or loaded and stored; a stale one when the load fails and the policy allows it.

        ``alone=False`` does without single flight: every caller who finds nothing loads for himself. Raises what the
        loader raised; ``UsageError`` BW2003 when its result is not JSON.
        """
        stamp = self._generations.current(address.name)
        hit = self._levels.near_hit(address.key, self._clock.now_ns(), stamp)
        if hit is not None:
            return hit
        near = self._levels.read_near(address.key, address.policy, stamp)
        if near is not None and near.verdict is Verdict.HIT:
            return near.entry
        if not alone:
            return self._read_or_load(address, order, Flight())[0]
        return self.flights.run(address.key, lambda flight: self._read_or_load(address, order, flight))[0]

    def load(self, address: Address, order: Order) -> bool:
        """Loads and stores, whatever is there; True when a level took it."""
        return self.flights.run(address.key, lambda flight: self._load(address, order, flight))[1]

    def store(self, address: Address, value: Any, source: str, order: Order) -> bool:
        """Stores a value somebody has; True when a level took it. A ttl given with it is kept to the second."""
        stamp = self._generations.current(address.name)
        entry, packed = self._entry(address, value, source, order, stamp, jitter=order.ttl_seconds is None)
        return self._levels.write(address.key, entry, packed, address.policy) > 0

    def stats(self) -> dict[str, int]:
        """Counts of loads so far."""
        return {
            "loads": int(self._loads.value),
            "failed_loads": int(self._failures.value),
            "stale_served": int(self._stale.value),
        }

    def _read_or_load(self, address: Address, order: Order, flight: Flight) -> Loaded:
        """Inside the flight, so that many callers cost one read of a shared level, too."""
        found = self.find(address)
        if found is not None and found.verdict is Verdict.HIT:
            return found.entry, True
        return self._load(address, order, flight, stale=found)

    def _load(self, address: Address, order: Order, flight: Flight, stale: Found | None = None) -> Loaded:
        # Read before the load: what is invalidated while it runs makes its result old.
        stamp = self._generations.current(address.name)
        try:
            value = self._run(order.loader)
        except Exception as error:
            if stale is None or flight.detached or stamp != self._generations.current(address.name):
                raise
            self._stale.add()
            logger.warning("stale %s served: its loader failed with %s", address.name, type(error).__name__)
            return stale.entry, False
        entry, packed = self._entry(address, value, _source_of(order.loader), order, stamp, jitter=True)
        return entry, self._write(address, entry, packed, flight)

    def _run(self, loader: Callable[[], Any]) -> Any:
        began = self._clock.monotonic()
        try:
            value = materialised(loader())
        except Exception:
            self._failures.add()
            raise
        self._loads.add()
        self._seconds.observe(self._clock.monotonic() - began)
        return value

    def _write(self, address: Address, entry: Entry, packed: bytes, flight: Flight) -> bool:
        """Stores what was loaded, unless it was invalidated meanwhile: before the write, or during it."""
        if flight.detached:
            return False
        taken = self._levels.write(address.key, entry, packed, address.policy) > 0
        if flight.detached:
            self._levels.delete(address.key)
            return False
        return taken

    def _entry(
        self, address: Address, value: Any, source: str, order: Order, stamp: int, *, jitter: bool
    ) -> tuple[Entry, bytes]:
        """The entry for ``value``, and its stored form."""
        policy = address.policy
        ttl = policy.ttl if order.ttl_seconds is None else order.ttl_seconds
        if jitter:
            ttl *= 1 - policy.jitter * self._randomness()
        body, plain = to_json(value, str(address.name))
        now_ns = self._clock.now_ns()
        fresh_until_ns = now_ns + int(ttl * NANOSECONDS)
        metadata = to_json(dict(order.metadata or {}), f"the metadata of {address.name}")[1]
        entry = Entry(
            value=plain,
            schema_version=SCHEMA_VERSION,
            created_at_ns=now_ns,
            fresh_until_ns=fresh_until_ns,
            kept_until_ns=fresh_until_ns + int(policy.stale_on_error * NANOSECONDS),
            source=str(metadata.get("source", source)),
            metadata=metadata,
            generation=stamp,
        )
        return entry, assemble(entry, body)


def materialised(value: Any) -> Any:
    """``value``, read to its end when it can be read only once: the second reader of a generator would see nothing."""
    return list(value) if isinstance(value, Iterator) else value


def check_ttl(seconds: float) -> None:
    """Raises ``UsageError`` BW2008 unless ``seconds`` is a number above 0 and at most ten years."""
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not number or not math.isfinite(seconds) or not 0 < seconds <= LONGEST_SECONDS:
        raise UsageError(
            "BW2008",
            f"ttl_seconds is {repr(seconds)[:40] if number else type(seconds).__name__}",
            why="an entry lives for a number of seconds, more than 0 and at most ten years",
            fix="leave ttl_seconds out to take the ttl of the policy",
        )


def _source_of(loader: Callable[[], Any]) -> str:
    return str(getattr(loader, "__qualname__", type(loader).__qualname__))
