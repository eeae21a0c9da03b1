"""Sessions as spans and events as log records for OpenTelemetry, an event sink for Busway."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from busway.contracts.health import HealthCheck
from busway.contracts.plugins import PluginContext
from busway.hookspecs import hookimpl

if TYPE_CHECKING:
    from busway_sink_otel.settings import OtelSettings
    from busway_sink_otel.sink import OtelSink

__version__ = "0.1.0"


@hookimpl
def busway_settings() -> type[OtelSettings]:
    """The settings of this sink."""
    from busway_sink_otel.settings import OtelSettings

    return OtelSettings


@hookimpl
def busway_event_sink(context: PluginContext[OtelSettings]) -> OtelSink:
    """Builds the sink; nothing is connected before the first delivery."""
    from busway_sink_otel.sink import OtelSink

    return OtelSink(context.settings, context.app, context.clock)


@hookimpl
def busway_health_checks(context: PluginContext[OtelSettings]) -> Sequence[HealthCheck]:
    """One online check: the receiver takes an empty request."""
    from busway_sink_otel.health import checks

    return checks(context.settings, context.app)
