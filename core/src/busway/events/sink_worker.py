"""Delivers to one sink: reads with its cursor, hands over batches, retries, and keeps going whatever happens."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from busway.contracts.sinks import EventSink, SinkTraits
from busway.errors import BuswayError
from busway.events.courier import Courier
from busway.events.progress import WAITING, Progress
from busway.events.settled import Settled
from busway.events.sink_metrics import SinkMetrics
from busway.events.sink_turn import TurnLostError
from busway.events.window import Item, Window
from busway.events.worker_parts import WorkerParts
from busway.plugins.call_monitor import AbandonedCall, WatchedCall
from busway.plugins.origins import origin_of
from busway.plugins.worker import OverdueError, call_with_timeout, raised_type
from busway.stores.dead_letters import DeadLetter

__all__ = ["SinkWorker", "WorkerParts"]

LINGER_SECONDS = 0.03
MAX_LINGER_SECONDS = 1.0
"""A burst of events is read when it is over, or after a second: reading meanwhile slows down the one who emits."""
IDLE_SECONDS = 2.0
"""How often journals of other processes are looked at while this one emits nothing."""
TURN_SECONDS = 0.05
LONG_REST_SECONDS = 1.0
"""A rest as long as this is taken without the turn: another process may reach the sink, and knows nothing of ours."""
CLOSE_SECONDS = 5.0
SLOW_SECONDS = 5.0
"""After so much of it a person who asks is told that the sink has not answered yet."""

_log = logging.getLogger("busway.events")


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
        self.metrics = SinkMetrics(parts.metrics, name)
        self._window = window
        self._parts = parts
        origin = origin_of(sink)
        self.title = origin.label if origin else f"sinks.{name}"
        """The sink with the plugin it is from: ``sinks.pager (acme-busway-pager 2.1)``."""
        self.delivery = WatchedCall(f"deliver() of {self.title}")
        """The call of ``deliver`` in hand."""
        self.courier = Courier(self.title, sink, self.delivery, self.metrics, parts)
        self._ending = threading.Lock()
        self._running = self._retired = self._closed = False
        self._turn_held = ExitStack()
        self._given_up = ""
        self._rests_until = self._pause = 0.0
        self._told_failures = 0
        self._signal = threading.Event()
        self._urgent = threading.Event()
        self._stopping = threading.Event()

    @property
    def breaker_open(self) -> bool:
        """Five failures in a row: the sink gets probes at long intervals and nobody waits for it."""
        return self.courier.breaker.is_open

    @property
    def abandoned(self) -> bool:
        """A delivery was given up: the sink is never called again in this process, and its events wait."""
        return self.delivery.abandoned

    def is_worth_waiting_for(self, seconds: float) -> bool:
        """Whether something may be delivered to this sink in so many seconds from now."""
        rest = self._rests_until - self._parts.clock.monotonic()
        is_away = self.breaker_open and not self.courier.breaker.is_hearsay
        return not (is_away or self.abandoned) and rest < seconds

    def is_behind(self) -> bool:
        """Whether there is anything in the journals that the sink has not read, or a dead letter to be tried again."""
        offsets, counts = self.progress.read()
        return bool(counts.get(WAITING)) or self._window.has_unread(offsets)

    def trouble(self) -> str:
        """What is wrong with the sink, for people; empty while it takes events."""
        if self.abandoned:
            return self._given_up or "was abandoned"
        since = self.delivery.since
        seconds = time.monotonic() - since if since is not None else 0.0
        if seconds >= SLOW_SECONDS:
            return f"has not answered for {seconds:.0f} s"
        breaker = self.courier.breaker
        return f"fails ({breaker.cause}, {breaker.failures} times in a row)" if breaker.failures else ""

    def give_up(self, why: str) -> bool:
        """Leaves the delivery in hand and the thread in it to themselves; False when it has just ended.

        Called by another thread. The turn is given back, so that another process may deliver.

        :param why: for people, such as ``no answer within 30 s``.
        """
        if not self.delivery.give_up():
            return False
        self._given_up = f"was abandoned: {why}"
        self.metrics.abandoned()
        _log.error("%s %s; it is not called again, and its events wait", self.title, self._given_up)
        try:
            self._turn_held.close()
        except (BuswayError, sqlite3.Error) as exc:
            _log.warning("the turn of %s was not given back (%s); it ends by itself", self.title, type(exc).__name__)
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
        """Ends :meth:`run` after the delivery in hand, and closes the sink then.

        A sink that was given up is left alone; its thread could be in it forever.
        """
        self._retired = True
        self._stopping.set()
        self.hurry()

    def retire(self) -> None:
        """Closes the sink: now, or at the end of its thread if that still runs."""
        self._retired = True
        self._close_sink()

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

    def drain(self, *, patient: bool = True) -> bool:
        """Delivers everything there is; False when it is another process's turn, or this sink does not take it.

        :param patient: wait and retry as long as it takes, else give up at the first failure.
        """
        self._pause = 0.0
        if not self.is_behind():
            return True
        try:
            with self._turn() as ours:
                return ours and self._drain(patient)
        except TurnLostError as exc:
            self.metrics.turn_lost()
            _log.warning("%s: %s; what was in hand is let go", self.title, exc)
            return False

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._signal.wait(IDLE_SECONDS)
            self._linger()
            try:
                if self.drain():
                    self.courier.rested()
                    self._tell_failures()
                else:
                    self._signal.set()
                    self._rest(self._pause or TURN_SECONDS)
            except Exception as exc:
                self.courier.failed(exc)
                self._signal.set()
                self._rest(self.courier.breaker.delay())

    def _linger(self) -> None:
        """Returns when somebody waits, when nothing came for a moment, or after a second."""
        for _ in range(round(MAX_LINGER_SECONDS / LINGER_SECONDS)):
            self._signal.clear()
            if self._urgent.wait(LINGER_SECONDS) or not self._signal.is_set():
                break
        self._signal.clear()
        self._urgent.clear()

    @contextmanager
    def _turn(self) -> Iterator[bool]:
        """The right to deliver, for the block, unless :meth:`give_up` gives it back earlier."""
        held = self._turn_held = ExitStack()
        try:
            yield held.enter_context(self.progress.turn())
        finally:
            if not self.abandoned:
                held.close()

    def _drain(self, patient: bool) -> bool:
        self._window.restart(self.progress.read()[0], self.progress.ahead())
        self._hear_failures()
        while not self._stopping.is_set():
            self._window.try_again(self.progress.again(self.traits.batch_size))
            batch = self._next_batch()
            rest = self._deliver(batch) if batch else 0.0
            settled = self._commit(patient)
            put_off = 0.0 if batch or settled else self._window.rest(self._now())
            if not (batch or settled or put_off):
                return True
            if (rest or put_off) and not patient:
                return False
            if rest >= LONG_REST_SECONDS and self._running:
                self._pause = rest
                return False
            self._rest(rest)
            self._wait_for_news(put_off)
        return False

    def _next_batch(self) -> list[Item]:
        whole = self.courier.takes_all_or_nothing
        return self._window.take(self.traits.batch_size, self._now(), whole=whole)

    def _deliver(self, batch: list[Item]) -> float:
        self.progress.confirm()
        rest = self.courier.deliver(batch)
        self._tell_failures()
        return rest

    def _hear_failures(self) -> None:
        failures, cause = self.progress.failures()
        self.courier.hear(failures, cause)
        self._told_failures = failures

    def _tell_failures(self) -> None:
        breaker = self.courier.breaker
        if breaker.failures == self._told_failures:
            return
        try:
            self.progress.note_failures(breaker.failures, breaker.cause)
        except (BuswayError, sqlite3.Error) as exc:
            _log.debug("the failures of %s were not noted (%s)", self.title, type(exc).__name__)
        self._told_failures = breaker.failures

    def _commit(self, patient: bool) -> bool:
        """Writes down what is settled; False when that was nothing."""
        settled = self._window.take_settled(self._letter)
        if not settled:
            return False
        self._write_down(settled, patient)
        self.metrics.settled(settled.events)
        if settled.dead or settled.arrived_again or settled.dead_again:
            self.metrics.dead_letters.set(self.progress.read()[1].get("dead", 0))
        self._parts.tell()
        return True

    def _write_down(self, settled: Settled, patient: bool) -> None:
        """While the state cannot be written, nothing more is delivered: it would all be delivered again."""
        failures = 0
        while True:
            try:
                return self.progress.commit(settled)
            except (BuswayError, sqlite3.Error) as exc:
                failures += 1
                if not patient or self._stopping.is_set():
                    raise
                if failures == 1:
                    _log.error("what %s took cannot be written down (%s)", self.title, type(exc).__name__)
                self._rest(self.courier.breaker.delay(failures))

    def _letter(self, item: Item) -> DeadLetter:
        record = item.record
        return DeadLetter(self.name, record.get("event_id", ""), item.reason, record, self._parts.clock.now_ns())

    def _now(self) -> float:
        return self._parts.clock.monotonic()

    def _rest(self, seconds: float) -> None:
        """Leaves the sink alone."""
        until = self._rests_until = self._now() + seconds
        while (left := until - self._now()) > 0 and not self._stopping.is_set():
            self._stopping.wait(min(left, 0.5))
        self._rests_until = 0.0

    def _wait_for_news(self, seconds: float) -> None:
        """Until an event that was put off is due, or a new one comes, here or in another process."""
        if seconds:
            self._signal.wait(min(seconds, IDLE_SECONDS))
            self._signal.clear()

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
