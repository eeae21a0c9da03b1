"""What the receiver's answer means (OTLP specification, OTLP/HTTP response)."""

from __future__ import annotations

import math

from busway.contracts.events import Event
from busway.contracts.sinks import Delivery

__all__ = ["outcome"]

TRY_LATER = frozenset({429, 502, 503, 504})
"""The only ones the specification allows to repeat."""


def outcome(status: int, retry_after: str, events: list[Event]) -> Delivery:
    """2xx delivered, also in part: the receiver does not say which records it rejected. Others are final."""
    if 200 <= status < 300:
        return Delivery.done(events)
    if status in TRY_LATER:
        seconds = _seconds(retry_after)
        return Delivery() if seconds is None else Delivery.retry_after(seconds)
    return Delivery.reject(events, f"the OpenTelemetry receiver answered {status}; check OTEL_EXPORTER_OTLP_ENDPOINT")


def _seconds(header: str) -> float | None:
    try:
        seconds = float(header)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
