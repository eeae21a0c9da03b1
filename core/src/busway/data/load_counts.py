"""What loads did, counted by domain."""

from __future__ import annotations

from busway.metrics.registry import Counter, Histogram, Metrics

__all__ = ["LoadCounts"]

_COUNTERS = {
    "loads": ("busway_cache_loads_total", "Loads of cached data.", {"outcome": "ok"}),
    "failed_loads": ("busway_cache_loads_total", "", {"outcome": "failed"}),
    "stale_served": ("busway_cache_stale_served_total", "Stale values served for a load that failed or took long.", {}),
    "overdue": ("busway_cache_overdue_total", "Callers who waited no longer for a load; they got no value.", {}),
    "failures_served": ("busway_cache_failures_served_total", "Callers who were given a remembered failure.", {}),
}


class LoadCounts:
    """Counters and a histogram per domain, made at first use."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._counters: dict[str, dict[str, Counter]] = {}
        self._seconds: dict[str, Histogram] = {}

    def add(self, what: str, domain: str) -> None:
        """Counts one more ``what`` of ``domain``."""
        self._of(domain)[what].add()

    def took(self, domain: str, seconds: float) -> None:
        """A load took so long, whatever its outcome."""
        histogram = self._seconds.get(domain)
        if histogram is None:
            histogram = self._metrics.histogram(
                "busway_cache_load_seconds", "Time a load of cached data took.", domain=domain
            )
            self._seconds[domain] = histogram
        histogram.observe(seconds)

    def totals(self) -> dict[str, int]:
        """What to count, over all domains."""
        return {what: sum(int(by[what].value) for by in list(self._counters.values())) for what in _COUNTERS}

    def by_domain(self) -> dict[str, dict[str, float]]:
        """Domain to what to count, with the seconds all its loads took together."""
        return {
            domain: {
                **{what: int(counter.value) for what, counter in by.items()},
                "load_seconds": round(self._seconds[domain].total, 6) if domain in self._seconds else 0.0,
            }
            for domain, by in sorted(self._counters.items())
        }

    def _of(self, domain: str) -> dict[str, Counter]:
        found = self._counters.get(domain)
        if found is None:
            found = self._counters[domain] = {
                what: self._metrics.counter(name, text, **labels, domain=domain)
                for what, (name, text, labels) in _COUNTERS.items()
            }
        return found
