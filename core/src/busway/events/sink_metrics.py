"""The numbers of one sink."""

from __future__ import annotations

from collections.abc import Mapping

from busway.events.books import DROPPED
from busway.metrics.registry import Metrics

__all__ = ["SinkMetrics"]


class SinkMetrics:
    """Instruments of one sink; names follow Prometheus, and the sink's name is their only label of many values."""

    def __init__(self, metrics: Metrics, sink: str) -> None:
        self._metrics = metrics
        self._sink = sink
        self.delivered = metrics.counter("busway_sink_delivered_total", "Events delivered.", sink=sink)
        self.dead = metrics.counter("busway_sink_dead_total", "Events given up.", sink=sink)
        self.seconds = metrics.histogram("busway_sink_delivery_seconds", "Length of deliveries.", sink=sink)
        self.pending = metrics.gauge("busway_sink_pending_events", "Events still to be delivered.", sink=sink)
        self.oldest = metrics.gauge(
            "busway_sink_oldest_pending_seconds", "Age of the oldest event still to be delivered.", sink=sink
        )
        self.circuit = metrics.gauge("busway_sink_circuit_open", "1 while the sink gets probes only.", sink=sink)
        self.last_success = metrics.gauge(
            "busway_sink_last_success_timestamp_seconds", "When the sink last took an event, Unix time.", sink=sink
        )
        self.dead_letters = metrics.gauge("busway_dead_letters", "Events that wait for a decision.", sink=sink)

    def failed(self, error_type: str) -> None:
        """A delivery raised."""
        name = "busway_sink_failures_total"
        self._metrics.counter(name, "Deliveries that raised.", sink=self._sink, error_type=error_type).add()

    def abandoned(self) -> None:
        """A delivery was given up because it hung."""
        name = "busway_sink_abandoned_total"
        self._metrics.counter(name, "Deliveries given up because they hung.", sink=self._sink).add()

    def turn_lost(self) -> None:
        """Another process took over while this one was at it."""
        name = "busway_sink_turns_lost_total"
        self._metrics.counter(name, "Times another process took a sink over.", sink=self._sink).add()

    def settled(self, events: Mapping[str, int]) -> None:
        """What was written down, by outcome."""
        self.delivered.add(events.get("delivered", 0))
        self.dead.add(events.get("dead", 0))
        for outcome, count in events.items():
            if outcome.startswith(DROPPED):
                reason = outcome.removeprefix(DROPPED)
                name = "busway_events_dropped_total"
                self._metrics.counter(name, "Events not delivered.", sink=self._sink, reason=reason).add(count)
