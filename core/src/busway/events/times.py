"""Times as people read them."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

__all__ = ["iso_time"]


def iso_time(at_ns: int) -> str:
    """``2026-11-23T06:00:00.123Z`` for nanoseconds since the epoch."""
    seconds, rest = divmod(at_ns, 1_000_000_000)
    return f"{_second(seconds)}.{rest // 1_000_000:03d}Z"


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    """Events come many to a second, and formatting one is dear."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"
