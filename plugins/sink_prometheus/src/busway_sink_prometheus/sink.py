"""The sink: counts events over all runs, and writes every number where the node exporter finds it."""

from __future__ import annotations

import threading
from pathlib import Path

from busway.contracts.events import Event
from busway.contracts.sinks import Delivery
from busway.metrics.registry import Metrics, Sample
from busway.stores.file_lock import file_lock
from busway_sink_prometheus.exposition import CONTENT_TYPE, exposition
from busway_sink_prometheus.sync_numbers import count_events
from busway_sink_prometheus.totals import Series, Totals, replace_file

__all__ = ["PrometheusSink"]

TOTALS_FILE = "prometheus-totals.json"
LOCK_FILE = "prometheus.lock"


class PrometheusSink:
    """Numbers about synchronisation come from events, and count every run of the installation; counters of the
    processes themselves (cache hits, deliveries) are added with each batch and when a process ends. A process that is
    killed takes those since its last batch with it.

    :param file: where the text is written, ending in ``.prom``.
    :param state_dir: where the totals are kept.
    :param metrics: the instruments of this process.
    """

    batch_size = 500
    scope = "installation"
    receives = frozenset({"events", "digests"})
    atomic = True

    def __init__(self, file: Path, state_dir: Path, metrics: Metrics) -> None:
        self._file = file
        self._totals_file = state_dir / TOTALS_FILE
        self._lock_file = state_dir / LOCK_FILE
        self._metrics = metrics
        self._folded: dict[Series, float] = {}
        self._threads = threading.Lock()

    def deliver(self, events: list[Event]) -> Delivery:
        """Counts the batch and writes both files; they move together with the last counted ids, so that a batch that
        comes again is not counted twice."""
        self._count(events)
        return Delivery.done(events)

    def exposition(self) -> tuple[str, bytes]:
        """Content type and text of all numbers now: totals of the installation, and this process's instruments."""
        with self._threads:
            totals = Totals.load(self._totals_file)
            totals.fold(self._metrics.snapshot(), self._folded)
            return CONTENT_TYPE, self._text(totals)

    def close(self) -> None:
        """Adds the counters of this process to the totals, if there are any: who only reads writes nothing."""
        if any(one.kind == "counter" and one.value > self._counted(one) for one in self._metrics.snapshot()):
            self._count([])

    def _counted(self, sample: Sample) -> float:
        return self._folded.get((sample.name, sample.labels), 0.0)

    def _count(self, events: list[Event]) -> None:
        with self._threads, file_lock(self._lock_file):
            totals = Totals.load(self._totals_file)
            count_events(totals, events)
            folded = totals.fold(self._metrics.snapshot(), self._folded)
            totals.save(self._totals_file)
            self._folded = folded
            replace_file(self._file, self._text(totals))

    def _text(self, totals: Totals) -> bytes:
        # Counters are in the totals already; what is left is of this moment and this process.
        present = [sample for sample in self._metrics.snapshot() if sample.kind != "counter"]
        return exposition(present, totals)
