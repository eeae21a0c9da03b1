"""Settings of the Prometheus sink."""

from __future__ import annotations

from busway.contracts.settings import Settings, setting

__all__ = ["PrometheusSettings"]


class PrometheusSettings(Settings):
    """Where the numbers are written."""

    file: str = setting(
        "",
        env="PROMETHEUS_FILE",
        doc="File the numbers are written to for the textfile collector of the node exporter; it ends in .prom and is "
        "relative to busway.toml. Empty = metrics.prom in the state folder.",
        pattern=r"^$|\.prom$",
    )
