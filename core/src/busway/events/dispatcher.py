"""Brings events from the journals to the sinks: one daemon thread per sink, started by the first event."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from busway.contracts.sinks import EventSink, SinkTraits
from busway.errors import BuswayError
from busway.events.books import Books, keep_books, meant_for
from busway.events.journal import JournalWriter
from busway.events.journal_reader import JournalFolder
from busway.events.progress import MemoryProgress, Progress, StoredProgress
from busway.events.sink_worker import SinkWorker, WorkerParts
from busway.events.sweep import sweep_journals
from busway.events.window import Window
from busway.metrics.registry import Metrics
from busway.plugins.call_monitor import CallMonitor
from busway.stores.sink_counts import CLOSED
from busway.stores.state import StateStore

__all__ = ["Dispatcher"]

POLL_SECONDS = 0.05
"""How often a flush looks whether another process has delivered our events."""

_log = logging.getLogger("busway.events")


class Dispatcher:
    """The workers of all sinks.

    Deadlines here are real time, not the injected clock's: a caller really waits, and threads really have to end.
    """

    def __init__(
        self,
        sinks: Sequence[tuple[str, EventSink]],
        *,
        folder: JournalFolder,
        writer: JournalWriter,
        state: StateStore,
        parts: WorkerParts,
        before_sweep: Callable[[], None],
    ) -> None:
        self._folder = folder
        self._writer = writer
        self._state = state
        self._moved = threading.Condition()
        self._parts = replace(parts, tell=self._tell)
        self._before_sweep = before_sweep
        self._sinks = tuple(sinks)
        self._workers = [self._worker(name, sink) for name, sink in sinks]
        self.monitor = self._monitor()
        """Gives up deliveries that hang."""
        self._threads: list[threading.Thread] = []
        self._starting = threading.Lock()
        self._started = False
        self._forked = False
        self._closed = False

    def notify(self) -> None:
        """An event was journalled."""
        if self._forked:
            return
        if not self._started:
            self.start()
        for worker in self._workers:
            worker.signal()

    def start(self) -> None:
        """Starts the threads, once; never in a forked child, whose events the parent or the next run delivers."""
        with self._starting:
            if self._started or self._forked:
                return
            self._started = True
            self.monitor.start()
            for position, worker in enumerate(self._workers):
                body = worker.run if position else self._sweep_and_run
                thread = threading.Thread(target=body, name=f"busway-sink-{worker.name}", daemon=True)
                self._threads.append(thread)
                thread.start()

    def renew_after_fork(self) -> None:
        """In a forked child there are no threads, and there shall be none; no lock may come from the parent."""
        self._forked = True
        self._threads = []
        self._moved = threading.Condition()
        self._parts = replace(self._parts, metrics=Metrics())
        self._workers = [self._renewed(worker) for worker in self._workers]
        self.monitor = self._monitor()

    def flush(self, deadline_seconds: float) -> bool:
        """Waits until everything emitted up to now is settled at every sink; True when it is.

        A sink that was given up or has an open breaker is not waited for; in a forked child only sinks of the process
        are served.
        """
        if self._forked:
            return self._flush_in_child()
        if not self._started and not any(self.pending().values()):
            return True
        self.start()
        targets = {file: self._folder.size(file) for file in self._folder.files()}
        until = time.monotonic() + deadline_seconds
        while True:
            behind = [worker for worker in self._workers if not self._reached(worker, targets)]
            waited_for = [worker for worker in behind if worker.is_waited_for]
            left = until - time.monotonic()
            if not waited_for or left <= 0:
                return not behind
            for worker in waited_for:
                worker.hurry()
            with self._moved:
                self._moved.wait(min(left, POLL_SECONDS))

    def pending(self) -> dict[str, int]:
        """Events each sink has still to receive."""
        return {worker.name: self._pending(worker) for worker in self._workers}

    def books(self) -> dict[str, Books]:
        """The books of every sink."""
        lost = self._writer.dropped
        return {
            worker.name: keep_books(
                self._folder, self._files(worker.traits), worker.traits.receives, worker.progress.read(), lost
            )
            for worker in self._workers
        }

    def troubles(self) -> dict[str, str]:
        """What is wrong with each sink that does not take events, for people, by the sink's title."""
        return {worker.title: self._trouble(worker) for worker in self._workers if worker.trouble()}

    def close(self, deadline_seconds: float) -> bool:
        """Flushes, ends the threads, closes the sinks that can be closed, and deletes journals nobody needs.

        A delivery that is still on its way then keeps its sink until it ends or is given up; nobody waits for it.
        """
        if self._closed:
            self._writer.close()
            return not any(self.pending().values())
        self._closed = True
        until = time.monotonic() + deadline_seconds
        done = self.flush(deadline_seconds)
        self._end_threads(until, patient=done)
        self._writer.close()
        if self._forked:
            return done
        for worker in self._workers:
            worker.retire()
        self._book_losses()
        self.sweep()
        return done

    def sweep(self) -> int:
        """Deletes the journals every sink of the installation has read and nobody writes any more."""
        sinks = {w.name: w.traits.receives for w in self._workers if w.traits.scope == "installation"}
        return sweep_journals(self._folder, self._state, sinks, self._before_sweep)

    def _worker(self, name: str, sink: EventSink) -> SinkWorker:
        traits = SinkTraits.of(sink)
        own = traits.scope == "process"
        progress: Progress = MemoryProgress(self._state) if own else StoredProgress(self._state, name)
        window = Window(self._folder, traits.receives, lambda: self._files(traits))
        return SinkWorker(name, sink, window, progress, self._parts)

    def _trouble(self, worker: SinkWorker) -> str:
        # Once closed, counting would open the state again.
        pending = 0 if self._closed else self._pending(worker)
        return worker.trouble() + (f"; {pending:,} events wait for it (busway events flush)" if pending else "")

    def _monitor(self) -> CallMonitor:
        calls = [worker.delivery for worker in self._workers]
        return CallMonitor(calls, self._parts.delivery_seconds, self._overdue, name="busway-sink-monitor")

    def _overdue(self, position: int) -> None:
        self._workers[position].give_up(f"no answer within {self.monitor.seconds:g} s")

    def _renewed(self, worker: SinkWorker) -> SinkWorker:
        renewed = self._worker(worker.name, worker.sink)
        renewed.inherit(worker)
        return renewed

    def _files(self, traits: SinkTraits) -> list[str]:
        return list(self._writer.files) if traits.scope == "process" else self._folder.files()

    def _sweep_and_run(self) -> None:
        try:
            self.sweep()
        except (BuswayError, OSError, sqlite3.Error) as exc:
            _log.warning("old journals were not deleted (%s); the next run tries again", type(exc).__name__)
        self._workers[0].run()

    def _tell(self) -> None:
        with self._moved:
            self._moved.notify_all()

    def _reached(self, worker: SinkWorker, targets: dict[str, int]) -> bool:
        offsets = worker.progress.read()[0]
        return all(
            offsets.get(file, 0) >= targets.get(file, 0) or not self._folder.size(file)
            for file in self._files(worker.traits)
        )

    def _pending(self, worker: SinkWorker) -> int:
        offsets = worker.progress.read()[0]
        return sum(
            meant_for(self._folder.count(file, offsets.get(file, 0), self._folder.size(file)), worker.traits.receives)
            for file in self._files(worker.traits)
        )

    def _flush_in_child(self) -> bool:
        own = [worker for worker in self._workers if worker.traits.scope == "process"]
        taken = [not worker.abandoned and worker.drain(patient=False) for worker in own]  # a list: all are tried
        return all(taken)

    def _end_threads(self, until: float, *, patient: bool) -> None:
        """Ends the threads that are not in a delivery."""
        for worker in self._workers:
            worker.stop()
        for worker, thread in zip(self._workers, self._threads, strict=False):
            if not worker.abandoned:
                thread.join(max(0.05, until - time.monotonic()) if patient else 0.2)
        self.monitor.retire()

    def _book_losses(self) -> None:
        """What the journal could not take is known to this process alone: put it into the installation's books."""
        lost = dict(self._writer.dropped)
        if not lost:
            return
        counts = {"emitted": sum(lost.values()), **{f"dropped:{reason}": count for reason, count in lost.items()}}
        for worker in self._workers:
            if worker.traits.scope == "installation":
                self._state.sink_counts.add(worker.name, CLOSED, counts)
        self._writer.dropped.clear()
