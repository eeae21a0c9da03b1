"""Times as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

__all__ = ["iso_nanoseconds", "iso_time"]

SECOND_NS = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LIMIT = timedelta(days=365 * 7_900).total_seconds()
"""Beyond it there is no date; a damaged clock must not stop whoever prints."""


def iso_time(at_ns: int) -> str:
    """``2026-11-23T06:00:00.123Z`` for nanoseconds since the epoch."""
    seconds, rest = divmod(at_ns, SECOND_NS)
    return f"{_second(seconds)}.{rest // 1_000_000:03d}Z"


def iso_nanoseconds(at_ns: int) -> str:
    """``2026-11-23T06:00:00.123456789Z``: nothing is lost, and text sorts as time does."""
    seconds, rest = divmod(at_ns, SECOND_NS)
    return f"{_second(seconds)}.{rest:09d}Z"


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    """Events come many to a second, and formatting one is dear."""
    # Added to the epoch, because ``fromtimestamp`` refuses times before it on some platforms.
    moment = _EPOCH + timedelta(seconds=min(max(seconds, -62_135_596_800), _LIMIT))
    return f"{moment:%Y-%m-%dT%H:%M:%S}"
