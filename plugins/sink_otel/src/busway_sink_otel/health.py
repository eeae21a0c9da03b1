"""Health checks."""

from __future__ import annotations

from collections.abc import Sequence

from busway.contracts.health import HealthCheck, HealthResult
from busway_sink_otel.settings import OtelSettings
from busway_sink_otel.sink import OtelSink

__all__ = ["checks"]


def checks(settings: OtelSettings, app: str) -> Sequence[HealthCheck]:
    """One online check: the receiver takes an empty request."""
    return (HealthCheck("otel.receiver", lambda: _probe(settings, app), online=True),)


def _probe(settings: OtelSettings, app: str) -> HealthResult:
    sink = OtelSink(settings, app)
    try:
        status = sink.probe()
    finally:
        sink.close()
    if 200 <= status < 300:
        return HealthResult("ok", f"{settings.endpoint} takes log records")
    fix = "check OTEL_EXPORTER_OTLP_ENDPOINT and OTEL_EXPORTER_OTLP_HEADERS"
    return HealthResult("failed", f"{settings.endpoint} answered {status}", fix)
