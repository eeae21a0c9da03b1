"""The ``Retry-After`` header: how long a server asks to be left alone."""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime

__all__ = ["retry_after_seconds"]

_NUMBER = re.compile(r"\d{1,9}(\.\d*)?")


def retry_after_seconds(header: str | None, now: float) -> float | None:
    """The wait in seconds, never negative; ``None`` when the header is absent or makes no sense.

    Whole and fractional seconds and HTTP dates are understood; ``now`` is seconds since the epoch.
    """
    text = (header or "").strip()
    if _NUMBER.fullmatch(text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:  # "-0000": the time is UTC, and says nothing of the sender's zone
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, moment.timestamp() - now)
