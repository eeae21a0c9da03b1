"""The exposition: samples and totals in the text format that Prometheus reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from busway.metrics.registry import Sample
from busway_sink_prometheus.sync_numbers import HELP
from busway_sink_prometheus.totals import Labels, Totals

__all__ = ["CONTENT_TYPE", "exposition"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def exposition(samples: Iterable[Sample], totals: Totals) -> bytes:
    """All numbers as text. Series with a name that Prometheus does not allow are left out."""
    families: dict[str, _Family] = {}
    for sample in (*samples, *_kept(totals)):
        if _NAME.fullmatch(sample.name) and all(_LABEL.fullmatch(name) for name, _ in sample.labels):
            families.setdefault(sample.name, _Family(sample)).series[sample.labels] = sample
    registry = CollectorRegistry()
    registry.register(_Collected(families))
    return generate_latest(registry)


def _kept(totals: Totals) -> Iterator[Sample]:
    for (name, labels), value in totals.counters.items():
        yield Sample(name, "counter", labels, value, help=HELP.get(name, ""))
    for (name, labels), value in totals.gauges.items():
        yield Sample(name, "gauge", labels, value, help=HELP.get(name, ""))


@dataclass(slots=True)
class _Family:
    """All series of one name; the first decides the kind."""

    first: Sample
    series: dict[Labels, Sample] = field(default_factory=dict)

    def metric(self) -> Metric:
        name, about = self.first.name, self.first.help or self.first.name
        labels = sorted({label for known in self.series for label, _ in known})
        if self.first.kind == "histogram":
            return self._histogram(HistogramMetricFamily(name, about, labels=labels), labels)
        made: CounterMetricFamily | GaugeMetricFamily
        if self.first.kind == "counter":
            made = CounterMetricFamily(name.removesuffix("_total"), about, labels=labels)
        else:
            made = GaugeMetricFamily(name, about, labels=labels)
        for known, sample in sorted(self.series.items()):
            made.add_metric(_values(known, labels), sample.value)
        return made

    def _histogram(self, made: HistogramMetricFamily, labels: list[str]) -> HistogramMetricFamily:
        for known, sample in sorted(self.series.items()):
            buckets = [("+Inf" if bound == float("inf") else str(bound), float(n)) for bound, n in sample.buckets]
            made.add_metric(_values(known, labels), buckets, sample.total)
        return made


class _Collected(Collector):
    def __init__(self, families: Mapping[str, _Family]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        for _, family in sorted(self._families.items()):
            yield family.metric()


def _values(known: Labels, labels: list[str]) -> list[str]:
    by_name = dict(known)
    return [by_name.get(label, "") for label in labels]
