"""What the receiver's answer means for a batch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime

from busway.contracts.events import Event
from busway.contracts.sinks import Delivery

__all__ = ["outcome", "retry_after_seconds"]

GONE = 410
TRY_LATER = frozenset({408, 425, 429})
"""Client errors that say "not now"; all server errors do."""
MAX_WAIT_SECONDS = 86_400.0


def outcome(status: int, retry_after: str, events: Sequence[Event], now_ns: int) -> Delivery:
    """2xx delivered; 408, 425, 429 and 5xx come again; everything else (redirects included) is rejected."""
    if 200 <= status < 300:
        return Delivery.done(events)
    if status in TRY_LATER or status >= 500:
        wait = retry_after_seconds(retry_after, now_ns)
        return Delivery() if wait is None else Delivery.retry_after(wait)
    return Delivery.reject(events, _reason(status))


def retry_after_seconds(header: str, now_ns: int) -> float | None:
    """``Retry-After`` as seconds from now: a whole number, a fraction or a date; ``None`` when it is none of them."""
    seconds = _number(header)
    if seconds is None:
        seconds = _until(header, now_ns)
    return None if seconds is None else min(max(seconds, 0.0), MAX_WAIT_SECONDS)


def _number(header: str) -> float | None:
    try:
        seconds = float(header)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) else None


def _until(header: str, now_ns: int) -> float | None:
    try:
        date = parsedate_to_datetime(header)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now_ns / 1e9
    except (ValueError, TypeError, OverflowError):
        return None


def _reason(status: int) -> str:
    if 300 <= status < 400:
        return f"the webhook answered {status}, a redirect; set WEBHOOK_URL to where it leads"
    if status == GONE:
        return "the webhook answered 410: the receiver is gone and wants no more; set another WEBHOOK_URL"
    return f"the webhook answered {status}; check WEBHOOK_URL and WEBHOOK_SECRET"
