"""Delivers to one sink: reads with its cursor, hands over batches, retries, and keeps going whatever happens."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from random import Random

from busway.contracts.clock import Clock, SystemClock
from busway.contracts.sinks import Delivery, EventSink, SinkTraits
from busway.events.backoff import Backoff
from busway.events.progress import Progress
from busway.events.window import Item, Window
from busway.metrics.registry import Metrics
from busway.plugins.call_monitor import AbandonedCall, WatchedCall
from busway.plugins.origins import origin_of
from busway.plugins.worker import EscapeError, OverdueError, call_with_timeout, raised_type
from busway.stores.dead_letters import DeadLetter

__all__ = ["SinkWorker", "WorkerParts"]

LINGER_SECONDS = 0.1
MAX_LINGER_SECONDS = 1.0
"""A burst of events is read when it is over, or after a second: reading meanwhile slows down the one who emits."""
IDLE_SECONDS = 2.0
"""How often journals of other processes are looked at while this one emits nothing."""
TURN_SECONDS = 0.05
BREAKER_FAILURES = 5
SUSPICIOUS_FAILURES = 3
"""Failures of one batch after which its events are tried one by one, to find one that no sink will ever take."""
MAX_STRIKES = 5
MAX_RETRY_AFTER_SECONDS = 3600.0
DELIVERY_SECONDS = 30.0
"""For each call of ``deliver``."""
CLOSE_SECONDS = 5.0
SLOW_SECONDS = 5.0
"""After so much of it a person who asks is told that the sink has not answered yet."""

_log = logging.getLogger("busway.events")


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """What all workers of a dispatcher share."""

    clock: Clock = field(default_factory=SystemClock)
    metrics: Metrics = field(default_factory=Metrics)
    backoff: Backoff = field(default_factory=Backoff)
    random: Callable[[], float] = field(default_factory=lambda: Random().random)  # noqa: S311 - jitter
    redact_text: Callable[[str], str] = str
    """For the reasons sinks give; their text comes from remotes."""
    tell: Callable[[], None] = lambda: None
    """Called whenever a worker has settled something or changed its mind about its sink."""
    delivery_seconds: float = DELIVERY_SECONDS


class SinkWorker:
    """The work for one sink. :meth:`run` is the body of its thread; :meth:`drain` also serves without a thread.

    That thread calls the sink itself, so a sink that hangs holds up nobody else; the dispatcher watches
    :attr:`delivery` and calls :meth:`give_up` when one takes too long.
    """

    def __init__(self, name: str, sink: EventSink, window: Window, progress: Progress, parts: WorkerParts) -> None:
        self.name = name
        self.sink = sink
        self.traits = SinkTraits.of(sink)
        self.progress = progress
        self._window = window
        self._parts = parts
        origin = origin_of(sink)
        self.title = origin.label if origin else f"sinks.{name}"
        """The sink with the plugin it is from: ``sinks.pager (acme-busway-pager 2.1)``."""
        self.delivery = WatchedCall(f"deliver() of {self.title}")
        """The call of ``deliver`` in hand."""
        self._ending = threading.Lock()
        self._running = self._retired = self._closed = False
        self._turn_held = ExitStack()
        self._given_up = ""
        self._failures = 0
        self._cause = ""
        self._signal = threading.Event()
        self._urgent = threading.Event()
        self._stopping = threading.Event()
        self._delivered = parts.metrics.counter("busway_sink_delivered_total", "Events delivered.", sink=name)
        self._dead = parts.metrics.counter("busway_sink_dead_total", "Events given up.", sink=name)

    @property
    def breaker_open(self) -> bool:
        """Five failures in a row: the sink is tried at long intervals and nobody waits for it."""
        return self._failures >= BREAKER_FAILURES

    @property
    def abandoned(self) -> bool:
        """A delivery was given up: the sink is never called again in this process, and its events wait."""
        return self.delivery.abandoned

    @property
    def is_waited_for(self) -> bool:
        """Whether it is worth waiting for this sink now."""
        return not (self.breaker_open or self.abandoned)

    def trouble(self) -> str:
        """What is wrong with the sink, for people; empty while it takes events."""
        if self.abandoned:
            return self._given_up or "was abandoned"
        since = self.delivery.since
        seconds = time.monotonic() - since if since is not None else 0.0
        if seconds >= SLOW_SECONDS:
            return f"has not answered for {seconds:.0f} s"
        if self._failures:
            return f"fails ({self._cause}, {self._failures} times in a row)"
        return ""

    def give_up(self, why: str) -> bool:
        """Leaves the delivery in hand and the thread in it to themselves; False when it has just ended.

        Called by another thread. The turn is given back, so that another process may deliver.

        :param why: for people, such as ``no answer within 30 s``.
        """
        if not self.delivery.give_up():
            return False
        self._given_up = f"was abandoned: {why}"
        self._turn_held.close()
        self._parts.metrics.counter(
            "busway_sink_abandoned_total", "Deliveries given up because they hung.", sink=self.name
        ).add()
        _log.error("%s %s; it is not called again, and its events wait", self.title, self._given_up)
        self._parts.tell()
        return True

    def inherit(self, other: SinkWorker) -> None:
        """In a forked child: a sink that hung when the process was copied hangs in the copy, too."""
        if other.abandoned:
            self.delivery.abandoned, self._given_up = True, other.trouble()

    def signal(self) -> None:
        """There may be something to deliver. Cheap, for the path of every event."""
        if not self._signal.is_set():
            self._signal.set()

    def hurry(self) -> None:
        """Somebody waits: do not collect a larger burst first."""
        self._urgent.set()
        self._signal.set()

    def stop(self) -> None:
        """Ends :meth:`run` after the delivery in hand."""
        self._stopping.set()
        self.hurry()

    def retire(self) -> None:
        """Closes the sink: now, or at the end of its thread if that is still in a delivery.

        A sink that was given up is left alone; its thread could be in it forever.
        """
        self._retired = True
        self._close_sink()

    def _close_sink(self) -> None:
        """Once, when nobody delivers any more; what it raises is only logged, and when it hangs it is left alone."""
        with self._ending:
            if self._running or self._closed or self.abandoned or not self._retired:
                return
            self._closed = True
        try:
            call_with_timeout(self.sink.close, CLOSE_SECONDS, label=f"close() of {self.title}")
        except OverdueError as exc:
            _log.warning("%s did not close: %s", self.title, exc)
        except Exception as exc:
            _log.warning("%s failed while it was closed (%s)", self.title, raised_type(exc))

    def run(self) -> None:
        """Delivers until stopped. Nothing that happens in here reaches the job."""
        with self._ending:
            self._running = True
        try:
            self._run()
        except AbandonedCall:
            _log.warning("%s came back after it was abandoned; its answer is dropped", self.title)
        with self._ending:
            self._running = False
        self._close_sink()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._signal.wait(IDLE_SECONDS)
            self._linger()
            try:
                if not self.drain():
                    self._signal.set()
                    self._stopping.wait(TURN_SECONDS)
            except Exception as exc:
                self._failed(exc)
                self._signal.set()
                self._rest(self._delay())

    def _linger(self) -> None:
        """Returns when somebody waits, when nothing came for a moment, or after a second."""
        for _ in range(round(MAX_LINGER_SECONDS / LINGER_SECONDS)):
            self._signal.clear()
            if self._urgent.wait(LINGER_SECONDS) or not self._signal.is_set():
                break
        self._signal.clear()
        self._urgent.clear()

    def drain(self, *, patient: bool = True) -> bool:
        """Delivers everything there is; False when it is another process's turn, or this sink does not take it.

        :param patient: wait and retry as long as it takes, else give up at the first failure.
        """
        with self._turn() as ours:
            if not ours:
                return False
            self._window.restart(self.progress.read()[0])
            while not self._stopping.is_set():
                self._window.fill(self.traits.batch_size)
                batch = self._window.unsettled()[: self.traits.batch_size]
                rest = self._deliver(batch) if batch else 0.0
                if not self._commit() and not batch:
                    return True
                if rest and not patient:
                    return False
                self._rest(rest)
        return not self._stopping.is_set()

    @contextmanager
    def _turn(self) -> Iterator[bool]:
        """The right to deliver, for the block, unless :meth:`give_up` gives it back earlier."""
        held = self._turn_held = ExitStack()
        try:
            yield held.enter_context(self.progress.turn())
        finally:
            if not self.abandoned:
                held.close()

    def _deliver(self, batch: list[Item]) -> float:
        """Hands ``batch`` over; returns the seconds to wait before what is left of it is tried again."""
        try:
            answer = self._call(batch)
        except Exception as exc:
            self._failed(exc)
            if self._failures >= SUSPICIOUS_FAILURES or any(item.strikes for item in batch):
                self._one_by_one(batch)
            return self._delay()
        settled = self._settle(batch, answer)
        if settled == len(batch):
            self._recovered()
            return 0.0
        if answer.retry_after_seconds is not None:
            return min(max(answer.retry_after_seconds, 0.0), MAX_RETRY_AFTER_SECONDS)
        if settled:
            self._recovered()
        self._failures += 1
        self._cause = "it took part of what it was given" if settled else "it took nothing"
        return self._delay()

    def _call(self, batch: list[Item]) -> Delivery:
        events = [item.event for item in batch if item.event is not None]
        try:
            with self.delivery:
                answer: object = self.sink.deliver(events)
        except (Exception, AbandonedCall):
            raise
        except BaseException as error:
            # In the main thread it may be a signal's; in one of ours it would end the thread without a word.
            if threading.current_thread() is threading.main_thread():
                raise
            raise EscapeError.of(error) from error
        if not isinstance(answer, Delivery):
            raise TypeError(f"deliver() returned {type(answer).__name__}, not Delivery")
        return answer

    def _settle(self, batch: list[Item], answer: Delivery) -> int:
        settled = 0
        for item in batch:
            event_id = item.event.event_id if item.event else ""
            if event_id in answer.delivered:
                item.outcome = "delivered"
            elif event_id in answer.rejected:
                item.outcome, item.reason = "dead", self._parts.redact_text(str(answer.rejected[event_id]))
            settled += item.outcome is not None
        return settled

    def _one_by_one(self, batch: list[Item]) -> None:
        """Gives a strike to every event that fails while others get through; with five it is given up.

        An event that is alone collects strikes only after others got through without it. Three failures in a row
        and no success say that it is the sink: then nobody is to blame.
        """
        failed: list[tuple[Item, Exception]] = []
        passed = 0
        for item in batch:
            try:
                passed += self._settle([item], self._call([item]))
            except Exception as exc:
                failed.append((item, exc))
            if not passed and len(failed) == SUSPICIOUS_FAILURES:
                return
        for item, error in failed:
            if passed or item.strikes:
                item.strikes += 1
            if item.strikes >= MAX_STRIKES:
                item.outcome, item.reason = "dead", f"the sink raised {raised_type(error)} every time"
        if passed:
            self._recovered()

    def _commit(self) -> bool:
        """Writes down what is settled from the front; False when that was nothing."""
        settled = self._window.take_settled(self._letter)
        if not settled.offsets:
            return False
        self.progress.commit(settled)
        for counts in settled.counts.values():
            self._delivered.add(counts["delivered"])
            self._dead.add(counts["dead"])
        self._parts.tell()
        return True

    def _letter(self, item: Item) -> DeadLetter:
        record = item.line.record or {}
        return DeadLetter(self.name, record["event_id"], item.reason, record, self._parts.clock.now_ns())

    def _failed(self, exc: Exception) -> None:
        self._failures += 1
        name = self._cause = raised_type(exc)
        self._parts.metrics.counter(
            "busway_sink_failures_total", "Deliveries that raised.", sink=self.name, error_type=name
        ).add()
        # The class only: the text of an error from a remote may hold anything.
        if self._failures == 1:
            _log.warning("%s failed (%s); its events wait", self.title, name)
        elif self._failures == BREAKER_FAILURES:
            _log.error("%s failed %d times in a row (%s)", self.title, BREAKER_FAILURES, name)
        self._parts.tell()

    def _recovered(self) -> None:
        if self._failures:
            _log.info("%s takes events again", self.title)
        self._failures = 0

    def _delay(self) -> float:
        return self._parts.backoff.delay(self._failures, self._parts.random)

    def _rest(self, seconds: float) -> None:
        clock = self._parts.clock
        until = clock.monotonic() + seconds
        while (left := until - clock.monotonic()) > 0 and not self._stopping.is_set():
            self._stopping.wait(min(left, 0.5))
