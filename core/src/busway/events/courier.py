"""Hands batches to one sink and judges its answers."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence

from busway.contracts.sinks import Delivery, EventSink, SinkTraits
from busway.events.sink_breaker import BREAKER_FAILURES, SinkBreaker
from busway.events.sink_metrics import SinkMetrics
from busway.events.window import Item
from busway.events.worker_parts import WorkerParts
from busway.plugins.call_monitor import AbandonedCall, WatchedCall
from busway.plugins.worker import EscapeError, raised_type

__all__ = ["Courier"]

SUSPICIOUS_FAILURES = 3
"""Failures of one batch after which its events are tried one by one, to find one that no sink will ever take."""
MAX_STRIKES = 5
MIN_RETRY_AFTER_SECONDS = 0.05
MAX_RETRY_AFTER_SECONDS = 3600.0

_log = logging.getLogger("busway.events")


class Courier:
    """Delivers what it is given, and notes at each event what became of it. Never raises for what a sink does."""

    def __init__(
        self, title: str, sink: EventSink, call: WatchedCall, metrics: SinkMetrics, parts: WorkerParts
    ) -> None:
        self._title = title
        self._sink = sink
        self._watched = call
        self._metrics = metrics
        self._parts = parts
        self.breaker = SinkBreaker(parts.backoff, parts.random)
        self.takes_all_or_nothing = SinkTraits.of(sink).atomic
        """The sink says so, and has kept to it. Its batches may hold several events of a record."""

    def deliver(self, batch: list[Item]) -> float:
        """Hands ``batch`` over; returns the seconds to leave the sink alone for.

        Raises `AbandonedCall` when the delivery was given up.
        """
        is_probe = self.breaker.is_open
        if is_probe:
            batch = self.breaker.probe(batch)
        try:
            answer = self.call(batch)
        except Exception as exc:
            self.failed(exc)
            if not is_probe and (self.breaker.failures >= SUSPICIOUS_FAILURES or any(item.strikes for item in batch)):
                self._one_by_one(batch)
            return self.breaker.delay() if self.breaker.failures else 0.0
        return self._judge(batch, answer)

    def call(self, batch: Sequence[Item]) -> Delivery:
        """The sink's answer. Raises whatever the sink raises, as an `Exception`."""
        events = [item.event for item in batch if item.event is not None]
        began = time.perf_counter()
        try:
            with self._watched:
                answer: object = self._sink.deliver(events)
        except (Exception, AbandonedCall):
            raise
        except BaseException as error:
            # In the main thread it may be a signal's; in one of ours it would end the thread without a word.
            if threading.current_thread() is threading.main_thread():
                raise
            raise EscapeError.of(error) from error
        finally:
            self._metrics.seconds.observe(time.perf_counter() - began)
        if not isinstance(answer, Delivery):
            raise TypeError(f"deliver() returned {type(answer).__name__}, not Delivery")
        return answer

    def failed(self, exc: Exception) -> None:
        """Notes a failure of the sink, or of what stands between it and its events."""
        name = raised_type(exc)
        self._metrics.failed(name)
        # The class only: the text of an error from a remote may hold anything.
        if self.breaker.failed(name):
            _log.warning("%s failed (%s); its events wait", self._title, name)
        self._mind_breaker()

    def hear(self, failures: int, cause: str) -> None:
        """What another process has met at this sink."""
        self.breaker.hear(failures, cause)
        self._metrics.circuit.set(float(self.breaker.is_open))

    def rested(self) -> None:
        """Nothing is left to deliver: whatever failed before is over."""
        if self.breaker.recovered():
            self._mind_breaker()

    def _judge(self, batch: Sequence[Item], answer: Delivery) -> float:
        settled = self._settle(batch, answer)
        if settled:
            self._recovered()
        if settled == len(batch):
            return 0.0
        if settled:
            self._believe_no_more()
        if answer.retry_after_seconds is not None:
            return min(max(answer.retry_after_seconds, MIN_RETRY_AFTER_SECONDS), MAX_RETRY_AFTER_SECONDS)
        if settled:
            self._put_off(batch)
            return 0.0
        self.breaker.failed("it took nothing")
        self._mind_breaker()
        return self.breaker.delay()

    def _believe_no_more(self) -> None:
        """The sink took a part of a batch: with several events of a record in it, an earlier one could come later."""
        if self.takes_all_or_nothing:
            self.takes_all_or_nothing = False
            told = "%s says that it is atomic and took a part of a batch; it is not believed any more"
            _log.warning(told, self._title)

    def _settle(self, batch: Sequence[Item], answer: Delivery) -> int:
        """Notes what the answer says about each event; returns of how many it says anything."""
        settled = 0
        for item in batch:
            event_id = item.event.event_id if item.event else ""
            if event_id in answer.delivered:
                item.outcome = "delivered"
            elif event_id in answer.rejected:
                item.outcome, item.reason = "dead", self._parts.redact_text(str(answer.rejected[event_id]))
            settled += item.outcome is not None
        return settled

    def _put_off(self, batch: Sequence[Item]) -> None:
        """Events that the sink left out while it took others wait, each for itself, and hold up nobody else."""
        now = self._parts.clock.monotonic()
        for item in batch:
            if item.outcome is None:
                item.left_out += 1
                item.due = now + self.breaker.delay(item.left_out)

    def _one_by_one(self, batch: Sequence[Item]) -> None:
        """Gives a strike to every event that fails while others get through; with five it is given up.

        An event that is alone collects strikes only after others got through without it. Three failures in a row
        and no success say that it is the sink: then nobody is to blame.
        """
        failed: list[tuple[Item, Exception]] = []
        passed = 0
        for item in batch:
            if item.entity is not None and any(item.entity == other.entity for other, _ in failed):
                continue
            try:
                passed += self._settle([item], self.call([item]))
            except Exception as exc:
                failed.append((item, exc))
            if not passed and len(failed) == SUSPICIOUS_FAILURES:
                return
        if passed:
            self._recovered()
        for item, error in failed:
            if passed or item.strikes:
                self._strike(item, error)

    def _strike(self, item: Item, error: Exception) -> None:
        item.strikes += 1
        item.due = self._parts.clock.monotonic() + self.breaker.delay(item.strikes)
        if item.strikes >= MAX_STRIKES:
            item.outcome, item.reason = "dead", f"the sink raised {raised_type(error)} every time"
            self.breaker.recovered()  # it was the event, not the sink

    def _recovered(self) -> None:
        if self.breaker.recovered():
            _log.info("%s takes events again", self._title)
            self._metrics.circuit.set(0.0)
            self._parts.tell()
        self._metrics.last_success.set(self._parts.clock.now_ns() / 1e9)

    def _mind_breaker(self) -> None:
        if self.breaker.failures == BREAKER_FAILURES:
            _log.error("%s failed %d times in a row (%s)", self._title, BREAKER_FAILURES, self.breaker.cause)
        self._metrics.circuit.set(float(self.breaker.is_open))
        self._parts.tell()
