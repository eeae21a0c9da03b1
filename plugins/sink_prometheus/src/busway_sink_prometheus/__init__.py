"""Metrics for Prometheus, an event sink for Busway."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from busway.contracts.health import HealthCheck
from busway.contracts.plugins import PluginContext
from busway.hookspecs import hookimpl

if TYPE_CHECKING:
    from busway_sink_prometheus.settings import PrometheusSettings
    from busway_sink_prometheus.sink import PrometheusSink

__version__ = "0.1.0"


@hookimpl
def busway_settings() -> type[PrometheusSettings]:
    """The settings of this sink."""
    from busway_sink_prometheus.settings import PrometheusSettings

    return PrometheusSettings


@hookimpl
def busway_event_sink(context: PluginContext[PrometheusSettings]) -> PrometheusSink:
    """Builds the sink; nothing is written before the first delivery."""
    from busway_sink_prometheus.sink import PrometheusSink

    return PrometheusSink(_file(context), context.state_dir, context.metrics)


@hookimpl
def busway_health_checks(context: PluginContext[PrometheusSettings]) -> Sequence[HealthCheck]:
    """One check: the file can be written."""
    from busway_sink_prometheus.health import checks

    return checks(_file(context))


def _file(context: PluginContext[PrometheusSettings]) -> Path:
    named = context.settings.file
    return context.root / named if named else context.state_dir / "metrics.prom"
