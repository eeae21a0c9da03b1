"""The ``Retry-After`` header: how long a server asks to be left alone."""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime

__all__ = ["retry_after_seconds"]

_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]*)?")


def retry_after_seconds(header: str | None, now_ns: int) -> float | None:
    """The wait in seconds, never negative; ``None`` when the header is absent or makes no sense.

    Whole seconds and HTTP dates are what RFC 9110 has; fractions come too (Samsara sends them), and parsers that
    read whole numbers only take them for nothing.

    :param now_ns: nanoseconds since the epoch, which a date is compared with.
    """
    text = (header or "").strip()
    if _NUMBER.fullmatch(text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:  # "-0000": the time is UTC, and says nothing of the sender's zone
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, moment.timestamp() - now_ns / 1e9)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
