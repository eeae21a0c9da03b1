"""Counts by domain, over all levels: what ``stats()`` and the command line show."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from busway.metrics.registry import Sample

__all__ = ["domain_stats"]

_OF_LEVELS = re.compile(r"busway_cache_(hits|misses|stale|negative|writes|errors|undecodable)_total\Z")


def domain_stats(samples: Iterable[Sample], loads: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, Any]]:
    """Domain to its counts: those of the levels added up, and those of its loads."""
    domains: dict[str, dict[str, Any]] = {domain: dict(counts) for domain, counts in loads.items()}
    for sample in samples:
        of_level = _OF_LEVELS.match(sample.name)
        domain = dict(sample.labels).get("domain")
        if of_level and domain:
            counts = domains.setdefault(domain, {})
            counts[of_level[1]] = counts.get(of_level[1], 0) + int(sample.value)
    return dict(sorted(domains.items()))
