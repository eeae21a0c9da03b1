"""What happened on a level, counted by domain."""

from __future__ import annotations

from collections.abc import Callable

from busway.data.full_key import domain_of
from busway.metrics.registry import Counter, Metrics

__all__ = ["LevelCounts"]

KINDS = {
    "hits": "Entries a cache level answered with.",
    "misses": "Reads a cache level had no usable entry for.",
    "stale": "Answers of a cache level that may only be served when the loader fails.",
    "negative": "Answers of a cache level that say there is nothing.",
    "writes": "Entries a cache level took.",
    "errors": "Calls a cache level failed.",
    "undecodable": "Entries of a cache level that were no entries; each is also a miss.",
}


class LevelCounts:
    """Metrics ``busway_cache_{kind}_total`` with the labels level and domain; the domain is empty where none is."""

    def __init__(self, level: str, metrics: Metrics) -> None:
        self._level = level
        self._metrics = metrics
        self._counters: dict[str, dict[str, Counter]] = {kind: {} for kind in KINDS}

    def of_key(self, kind: str, key: str) -> None:
        """Counts one more for the domain of a full key."""
        self.counter(kind, domain_of(key)).add()

    def adder(self, kind: str, domain: str) -> Callable[[], None]:
        """Counts one more at each call; for those who count the same often."""
        return self.counter(kind, domain).add

    def counter(self, kind: str, domain: str) -> Counter:
        """The counter itself, made at first use."""
        counters = self._counters[kind]
        found = counters.get(domain)
        if found is None:
            name = f"busway_cache_{kind}_total"
            found = counters[domain] = self._metrics.counter(name, KINDS[kind], level=self._level, domain=domain)
        return found

    def totals(self) -> dict[str, int]:
        """Kind to count, over all domains."""
        return {kind: sum(int(one.value) for one in list(by.values())) for kind, by in self._counters.items()}

    def by_domain(self) -> dict[str, dict[str, int]]:
        """Domain to kind to count; calls that concern no domain are under the empty one."""
        domains = {domain for by in self._counters.values() for domain in list(by)}
        return {
            domain: {kind: int(by[domain].value) for kind, by in self._counters.items() if domain in by}
            for domain in sorted(domains)
        }
