"""The Prometheus sink keeps the contract of event sinks; what it writes is read with Prometheus' own parser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from busway.contracts.sinks import EventSink
from busway.metrics.registry import Metrics
from busway.testing import EventSinkContract
from busway_sink_prometheus.sink import PrometheusSink


class TestPrometheusSink(EventSinkContract):
    @pytest.fixture
    def sink(self, tmp_path: Path) -> Iterator[EventSink]:
        sink = PrometheusSink(tmp_path / "metrics.prom", tmp_path, Metrics())
        yield sink
        sink.close()
