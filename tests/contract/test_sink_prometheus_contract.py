"""The Prometheus sink keeps the contract of event sinks; what it writes is read with Prometheus' own parser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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

    @pytest.fixture
    def sent(self, tmp_path: Path) -> Callable[[], str]:
        return (tmp_path / "metrics.prom").read_text

    @pytest.fixture
    def build(self, tmp_path: Path) -> Callable[[], EventSink]:
        return lambda: PrometheusSink(tmp_path / "metrics.prom", tmp_path, Metrics())

    @pytest.fixture
    def unreachable_sink(self, tmp_path: Path) -> EventSink:
        (tmp_path / "later").write_text("a file where a folder should be")
        return PrometheusSink(tmp_path / "later" / "metrics.prom", tmp_path / "later", Metrics())

    @pytest.fixture
    def recover(self, tmp_path: Path) -> Callable[[], object]:
        def mend() -> None:
            (tmp_path / "later").unlink()
            (tmp_path / "later").mkdir()

        return mend
