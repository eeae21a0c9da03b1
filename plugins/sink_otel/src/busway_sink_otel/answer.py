"""What the receiver's answer means (OTLP specification, OTLP/HTTP response)."""

from __future__ import annotations

from busway.contracts.events import Event
from busway.contracts.retry_after import retry_after_seconds
from busway.contracts.sinks import Delivery

__all__ = ["outcome"]

TRY_LATER = frozenset({429, 502, 503, 504})
"""The only ones the specification allows to repeat."""


def outcome(status: int, retry_after: str | None, events: list[Event], now_ns: int) -> Delivery:
    """2xx delivered, also in part: the receiver does not say which records it rejected. Others are final.

    :param retry_after: the header, where there is one.
    """
    if 200 <= status < 300:
        return Delivery.done(events)
    if status in TRY_LATER:
        seconds = retry_after_seconds(retry_after, now_ns)
        return Delivery() if seconds is None else Delivery.retry_after(seconds)
    return Delivery.reject(events, f"the OpenTelemetry receiver answered {status}; check OTEL_EXPORTER_OTLP_ENDPOINT")
