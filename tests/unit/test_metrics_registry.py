"""The registry counts right and hands out one snapshot."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from busway.metrics.registry import Metrics


def test_instruments_are_cached_by_name_and_labels() -> None:
    metrics = Metrics()
    metrics.counter("busway_x_total", sink="log").add()
    metrics.counter("busway_x_total", sink="log").add(2)
    metrics.counter("busway_x_total", sink="email").add()
    assert [(sample.labels, sample.value) for sample in metrics.snapshot()] == [
        ((("sink", "email"),), 1.0),
        ((("sink", "log"),), 3.0),
    ]


def test_a_histogram_counts_cumulatively() -> None:
    metrics = Metrics()
    histogram = metrics.histogram("busway_seconds")
    for seconds in (0.001, 0.02, 0.02, 1000.0):
        histogram.observe(seconds)
    (sample,) = metrics.snapshot()
    assert sample.value == 4
    assert sample.total == pytest.approx(1000.041)
    assert dict(sample.buckets)[0.05] == 3
    assert dict(sample.buckets)[float("inf")] == 4


def test_a_name_keeps_its_kind() -> None:
    metrics = Metrics()
    metrics.gauge("busway_open").set(1)
    with pytest.raises(TypeError, match="busway_open is a gauge, not a counter"):
        metrics.counter("busway_open")


def test_counting_from_many_threads_loses_nothing() -> None:
    counter = Metrics().counter("busway_n_total")

    def add_many(_: int) -> None:
        for _ in range(1000):
            counter.add()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add_many, range(8)))
    assert counter.value == 8000
