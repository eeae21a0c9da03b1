"""The Prometheus sink: what it counts, over runs, repeats and processes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from busway.contracts.events import Event, Severity
from busway.metrics.registry import Metrics
from busway.testing.sinks import sample_events
from busway_sink_prometheus.sink import PrometheusSink

JOB = {"job": "employees"}


def ended(number: int, *, errors: int = 0, created: int = 12) -> Event:
    counts = {"created": created, "updated": 3, "deleted": 1, "skipped": 0, "errors": errors}
    told = {"operation": "ended", "name": "employees", "duration_seconds": 4.5, **counts}
    event_id = f"0199f3c2-7d00-7000-8000-{number:012x}"
    return Event(event_id, 1_767_225_600_000_000_000 + number, Severity.INFO, "session", attributes=told)


class Deployment:
    """A state folder, and the sinks of its processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "metrics.prom"

    def sink(self, metrics: Metrics | None = None) -> PrometheusSink:
        return PrometheusSink(self.file, self.folder, metrics or Metrics())

    def read(self) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
        return parsed(self.file.read_text("utf-8"))

    def value(self, name: str, **labels: str) -> float:
        return self.read()[name][tuple(sorted(labels.items()))]


def parsed(text: str) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    found: dict[str, dict[Any, float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment(tmp_path)


def test_a_session_becomes_numbers_of_its_job(deployment: Deployment) -> None:
    deployment.sink().deliver([ended(1)])
    assert deployment.value("busway_sync_records_total", action="created", **JOB) == 12
    assert deployment.value("busway_sync_records_total", action="errors", **JOB) == 0
    assert deployment.value("busway_sync_sessions_total", outcome="ok", **JOB) == 1
    assert deployment.value("busway_sync_duration_seconds", **JOB) == 4.5
    assert deployment.value("busway_sync_last_success_timestamp_seconds", **JOB) == pytest.approx(1_767_225_600)
    assert deployment.value("busway_events_total", category="session", severity="info") == 1


def test_a_session_with_errors_is_no_success(deployment: Deployment) -> None:
    deployment.sink().deliver([ended(1, errors=2)])
    assert deployment.value("busway_sync_sessions_total", outcome="errors", **JOB) == 1
    assert "busway_sync_last_success_timestamp_seconds" not in deployment.read()


def test_an_interrupted_session_is_counted(deployment: Deployment) -> None:
    told = {"operation": "interrupted", "name": "employees"}
    deployment.sink().deliver([Event("0199f3c2", 1, Severity.WARNING, "session", attributes=told)])
    assert deployment.value("busway_sync_sessions_total", outcome="interrupted", **JOB) == 1


def test_a_batch_that_comes_again_is_counted_once_also_in_another_process(deployment: Deployment) -> None:
    deployment.sink().deliver([ended(1), ended(2)])
    deployment.sink().deliver([ended(1), ended(2), ended(3)])
    assert deployment.value("busway_sync_records_total", action="created", **JOB) == 36


def test_counters_grow_over_runs(deployment: Deployment) -> None:
    for _ in range(3):
        metrics = Metrics()
        sink = deployment.sink(metrics)
        metrics.counter("busway_cache_hits_total", "Hits.", level="memory").add(5)
        sink.deliver([])
        metrics.counter("busway_cache_hits_total", level="memory").add(2)
        sink.close()
        sink.close()
    assert deployment.value("busway_cache_hits_total", level="memory") == 21


def test_who_only_reads_writes_nothing(deployment: Deployment) -> None:
    sink = deployment.sink()
    sink.exposition()
    sink.close()
    assert not list(deployment.folder.iterdir())


def test_gauges_and_histograms_of_this_process_are_shown_as_they_are(deployment: Deployment) -> None:
    metrics = Metrics()
    metrics.gauge("busway_cache_level_up", "Level is up.", level="redis").set(0)
    metrics.histogram("busway_cache_load_seconds", "Loads.", domain="vista").observe(0.3)
    deployment.sink(metrics).deliver([])
    assert deployment.value("busway_cache_level_up", level="redis") == 0
    assert deployment.value("busway_cache_load_seconds_count", domain="vista") == 1
    assert deployment.value("busway_cache_load_seconds_bucket", domain="vista", le="0.5") == 1
    assert deployment.value("busway_cache_load_seconds_bucket", domain="vista", le="0.1") == 0


def test_the_exposition_for_a_server_has_the_totals_and_what_is_not_written_yet(deployment: Deployment) -> None:
    metrics = Metrics()
    sink = deployment.sink(metrics)
    sink.deliver([ended(1)])
    metrics.counter("busway_cache_hits_total", level="memory").add(4)
    kind, text = sink.exposition()
    assert kind == "text/plain; version=0.0.4; charset=utf-8"
    found = parsed(text.decode())
    assert found["busway_cache_hits_total"][(("level", "memory"),)] == 4
    assert found["busway_sync_sessions_total"][(("job", "employees"), ("outcome", "ok"))] == 1
    sink.exposition()
    sink.close()
    assert deployment.value("busway_cache_hits_total", level="memory") == 4, "looking at it counted it"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"format": 99}',
        b'{"format": 1, "counters": [[1]]}',
        b'{"format": 1, "counters": [["busway_events_total", [], 1]], "gauges": [], "seen": []}',
        b"\x00\xff",
    ],
)
def test_a_file_of_totals_that_cannot_be_read_starts_again(deployment: Deployment, content: bytes) -> None:
    (deployment.folder / "prometheus-totals.json").write_bytes(content)
    deployment.sink().deliver([ended(1)])
    assert deployment.value("busway_sync_sessions_total", outcome="ok", **JOB) == 1


def test_hostile_labels_stay_labels(deployment: Deployment) -> None:
    metrics = Metrics()
    metrics.counter("busway_odd_total", 'A "help"\nwith lines', label='a"b\\c\nd é').add()
    metrics.counter("not a name").add()
    deployment.sink(metrics).deliver([])
    assert deployment.value("busway_odd_total", label='a"b\\c\nd é') == 1
    assert "not a name" not in deployment.file.read_text("utf-8")


def test_the_memory_of_counted_events_is_bounded(deployment: Deployment) -> None:
    sink = deployment.sink()
    for first in range(1, 5_000, 500):
        sink.deliver(sample_events(500, first))
    kept = json.loads((deployment.folder / "prometheus-totals.json").read_text("utf-8"))
    assert len(kept["seen"]) == 2_000
    assert deployment.value("busway_events_total", category="error", severity="error") == 5_000


def test_a_folder_that_is_gone_raises_so_that_the_batch_comes_again(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(OSError, match=r".+"):
        PrometheusSink(blocked / "metrics.prom", tmp_path, Metrics()).deliver([ended(1)])
