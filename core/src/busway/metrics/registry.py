"""The registry: makes instruments, hands out a snapshot.

No dependency and no exporter: what is here is numbers. Names follow Prometheus: one prefix, base units, ``_total``
for counters, and never an id as a label.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

__all__ = ["Counter", "Gauge", "Histogram", "Metrics", "Sample"]

Labels = tuple[tuple[str, str], ...]

DEFAULT_BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0, 300.0)
"""Upper bounds in seconds."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One number of a snapshot."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: Labels
    value: float
    """The count of a histogram's observations; the value of anything else."""
    total: float = 0.0
    """Sum of a histogram's observations."""
    buckets: tuple[tuple[float, int], ...] = ()
    """Upper bound and number of observations at or below it (cumulative)."""
    help: str = ""


class Counter:
    """A number that only grows. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.value = 0.0

    def add(self, amount: float = 1.0) -> None:
        """Counts ``amount`` more."""
        with self._lock:
            self.value += amount


class Gauge:
    """A number that is set."""

    def __init__(self) -> None:
        self.value = 0.0

    def set(self, value: float) -> None:
        """Sets it."""
        self.value = value


class Histogram:
    """Observations counted by size."""

    def __init__(self, bounds: Sequence[float] = DEFAULT_BUCKETS) -> None:
        self._lock = threading.Lock()
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Counts one observation."""
        with self._lock:
            self.counts[bisect_left(self.bounds, value)] += 1
            self.total += value

    def cumulative(self) -> tuple[tuple[float, int], ...]:
        """Upper bound and count at or below it, the last bound being infinity."""
        running, out = 0, []
        for bound, count in zip((*self.bounds, float("inf")), self.counts, strict=True):
            running += count
            out.append((bound, running))
        return tuple(out)


Instrument = Counter | Gauge | Histogram
Kind = TypeVar("Kind", Counter, Gauge, Histogram)


class Metrics:
    """The instruments of one application, made at first use and cached by name and labels."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._instruments: dict[tuple[str, Labels], Instrument] = {}
        self._help: dict[str, str] = {}

    def counter(self, name: str, help: str = "", **labels: str) -> Counter:
        """The counter ``name`` with these labels."""
        return self._instrument(Counter, name, help, labels)

    def gauge(self, name: str, help: str = "", **labels: str) -> Gauge:
        """The gauge ``name`` with these labels."""
        return self._instrument(Gauge, name, help, labels)

    def histogram(self, name: str, help: str = "", **labels: str) -> Histogram:
        """The histogram ``name`` with these labels, in seconds."""
        return self._instrument(Histogram, name, help, labels)

    def snapshot(self) -> list[Sample]:
        """Every number now, sorted by name and labels."""
        with self._lock:
            items = sorted(self._instruments.items(), key=lambda item: item[0])
        return list(self._samples(items))

    def _instrument(self, kind: type[Kind], name: str, help: str, labels: dict[str, str]) -> Kind:
        key = (name, tuple(sorted(labels.items())))
        found = self._instruments.get(key)
        if found is None:
            with self._lock:
                found = self._instruments.setdefault(key, kind())
                self._help.setdefault(name, help)
        if not isinstance(found, kind):
            raise TypeError(f"metric {name} is a {type(found).__name__.lower()}, not a {kind.__name__.lower()}")
        return found

    def _samples(self, items: list[tuple[tuple[str, Labels], Instrument]]) -> Iterator[Sample]:
        for (name, labels), one in items:
            help_text = self._help.get(name, "")
            if isinstance(one, Histogram):
                buckets = one.cumulative()
                yield Sample(name, "histogram", labels, buckets[-1][1], one.total, buckets, help_text)
            else:
                kind: Literal["counter", "gauge"] = "counter" if isinstance(one, Counter) else "gauge"
                yield Sample(name, kind, labels, one.value, help=help_text)
