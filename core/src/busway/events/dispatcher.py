"""Brings events from the journals to the sinks: one daemon thread per sink, started by the first event."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from busway.contracts.sinks import EventSink, SinkTraits
from busway.errors import BuswayError
from busway.events.accounts import Accounts
from busway.events.caretaker import Caretaker
from busway.events.dead_letter_desk import DeadLetterDesk
from busway.events.journal import JournalWriter
from busway.events.journal_reader import JournalFolder
from busway.events.policy import EventPolicy
from busway.events.progress import MemoryProgress, Progress, StoredProgress
from busway.events.session_names import SessionNames
from busway.events.sink_route import SinkRoute
from busway.events.sink_worker import SinkWorker, WorkerParts
from busway.events.sweep import OwnReader, sweep_journals
from busway.events.window import Window
from busway.metrics.registry import Metrics
from busway.plugins.call_monitor import CallMonitor
from busway.stores.sink_counts import CLOSED
from busway.stores.state import StateStore

__all__ = ["Dispatcher"]

POLL_SECONDS = 0.05
"""How often a flush looks whether another process has delivered our events."""
GRACE_SECONDS = 0.1
"""For threads to end, all together, when nothing more is waited for."""
RESERVE, RESERVE_SECONDS = 0.15, 0.3
"""Part of the time for a close, and seconds at most, that are kept for what comes after the flush."""
STILL_SECONDS = 1.0
"""A close that follows a flush so closely is part of the same wait."""

_log = logging.getLogger("busway.events")


class Dispatcher:
    """The workers of all sinks.

    A sink that is new reads every journal there is, from its beginning: it is told what happened as far back as the
    journals go, which is until every other sink has read them, and a week at most.

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
        policy: EventPolicy | None = None,
        tell_lost: Callable[[str, int], None] = lambda sink, lost: None,
    ) -> None:
        """
        :param before_sweep: reads what has to be read from journals before they are deleted.
        :param tell_lost: told which sink has lost how many events because journals became too old or too many.
        """
        self._folder = folder
        self._writer = writer
        self._state = state
        self._policy = policy or EventPolicy()
        self._moved = threading.Condition()
        self._parts = replace(parts, tell=self._tell)
        self._before_sweep = before_sweep
        self._tell_lost = tell_lost
        self._sessions = SessionNames(state)
        self._workers = [self._worker(name, sink) for name, sink in sinks]
        self.accounts = Accounts(
            folder, lambda: self._workers, self._files, lambda: writer.dropped, lambda: writer.waiting
        )
        self.dead_letters = DeadLetterDesk(state, self._progress, self.notify)
        self.monitor = self._monitor()
        """Gives up deliveries that hang."""
        self._caretaker = self._taken_care_of()
        self._threads: list[threading.Thread] = []
        self._starting, self._sweeping = threading.Lock(), threading.Lock()
        self._started = False
        self._forked = False
        self._closed = False
        self._left: Mapping[str, int] = {}
        """After the close: what each sink has still to receive."""
        self._waited = (float("-inf"), 0.0)
        """When the last flush ended that was in vain, and how long it took."""

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
            if self._started or self._forked or self._closed:
                return
            self._started = True
            try:
                self.monitor.start()
                self._caretaker.start()
                for worker in self._workers:
                    thread = threading.Thread(target=worker.run, name=f"busway-sink-{worker.name}", daemon=True)
                    thread.start()
                    self._threads.append(thread)
            except RuntimeError as exc:  # at the very end of a process there are no new threads
                _log.warning("events are not delivered any more in this process (%s); the next run delivers them", exc)

    def renew_after_fork(self) -> None:
        """In a forked child there are no threads, and there shall be none; no lock may come from the parent."""
        self._forked = True
        self._threads = []
        self._starting, self._sweeping = threading.Lock(), threading.Lock()
        self._moved = threading.Condition()
        self._parts = replace(self._parts, metrics=Metrics())
        self._sessions = SessionNames(self._state)
        self._workers = [self._renewed(worker) for worker in self._workers]
        self.monitor = self._monitor()
        self._caretaker = self._taken_care_of()

    def flush(self, deadline_seconds: float) -> bool:
        """Waits until everything emitted up to now is settled at every sink; True when it is.

        Not waited for is a sink that was given up, has an open breaker, or asked for a longer pause than the deadline;
        in a forked child only sinks of the process are served.
        """
        if self._forked:
            return self._flush_in_child()
        if self._closed or not (self._started or any(self.accounts.pending().values())):
            return not any(self.accounts.pending().values())
        self.start()
        if len(self._threads) < len(self._workers):
            return not any(self.accounts.pending().values())
        began = time.monotonic()
        if self._writer.waiting:
            self._writer.sync(deadline_seconds)
        done = self._wait_for_sinks(began + deadline_seconds) and not self._writer.waiting
        if not done:
            self._waited = (time.monotonic(), time.monotonic() - began)
        return done

    def troubles(self) -> dict[str, str]:
        """What is wrong with each sink that does not take events, for people, by the sink's title; after the close
        also what is left for any other."""
        found = {worker.title: self._trouble(worker) for worker in self._workers}
        return {title: trouble for title, trouble in found.items() if trouble}

    def close(self, deadline_seconds: float) -> bool:
        """Flushes, ends the threads, closes the sinks that can be closed, and deletes journals nobody needs.

        Takes no longer than the deadline, or a tenth of a second where that is longer. A delivery that is still on its
        way then keeps its sink until it ends or is given up; nobody waits for it. A dispatcher that never started
        delivers nothing now either: its process has only looked.
        """
        if self._closed:
            self._writer.close()
            return not any(self.accounts.pending().values())
        reserve = min(RESERVE * deadline_seconds, RESERVE_SECONDS)
        until = time.monotonic() + deadline_seconds - reserve - self._waited_just_now()
        self._writer.sync(min(1.0, deadline_seconds))
        if self._started or self._forked:
            done = self.flush(max(0.0, until - time.monotonic()))
        else:
            done = not self._folder.files() or not any(self.accounts.pending().values())
        self._closed = True
        self._end_threads(until)
        self._writer.close(max(GRACE_SECONDS, until - time.monotonic()))
        if self._forked:
            return done
        self._clear_up(until)
        return done and not any(self._left.values())

    def sweep(self) -> int:
        """Deletes the journals that every sink has read and nobody writes any more, and those that are too many.

        Returns how many; none while another thread is at it.
        """
        if not self._sweeping.acquire(blocking=False):
            return 0
        try:
            return self._sweep()
        finally:
            self._sweeping.release()

    def _sweep(self) -> int:
        own = [
            OwnReader(worker.traits.receives, worker.progress)
            for worker in self._workers
            if isinstance(worker.progress, MemoryProgress)
        ]
        return sweep_journals(
            self._folder,
            self._state,
            {worker.name: worker.traits.receives for worker in self._workers if worker.traits.scope == "installation"},
            self._before_sweep,
            policy=self._policy,
            now_ns=self._parts.clock.now_ns(),
            own=self._writer,
            own_readers=own,
            tell=self._tell_lost,
        )

    def _worker(self, name: str, sink: EventSink) -> SinkWorker:
        traits = SinkTraits.of(sink)
        own = traits.scope == "process"
        progress: Progress = MemoryProgress(self._state, name) if own else StoredProgress(self._state, name)
        route = SinkRoute(name, self._policy.route(name), self._sessions)
        window = Window(self._folder, traits.receives, lambda: self._files(traits), route.takes)
        return SinkWorker(name, sink, window, progress, self._parts)

    def _progress(self) -> dict[str, Progress]:
        return {worker.name: worker.progress for worker in self._workers}

    def _monitor(self) -> CallMonitor:
        calls = [worker.delivery for worker in self._workers]
        return CallMonitor(calls, self._parts.delivery_seconds, self._overdue, name="busway-sink-monitor")

    def _taken_care_of(self) -> Caretaker:
        return Caretaker(self._workers, self.accounts, self.sweep, self._parts.clock, self._parts.metrics)

    def _overdue(self, position: int) -> None:
        self._workers[position].give_up(f"no answer within {self.monitor.seconds:g} s")

    def _renewed(self, worker: SinkWorker) -> SinkWorker:
        renewed = self._worker(worker.name, worker.sink)
        renewed.inherit(worker)
        return renewed

    def _files(self, traits: SinkTraits) -> list[str]:
        return list(self._writer.files) if traits.scope == "process" else self._folder.files()

    def _tell(self) -> None:
        with self._moved:
            self._moved.notify_all()

    def _wait_for_sinks(self, until: float) -> bool:
        targets = {file: self._folder.size(file) for file in self._folder.files()}
        behind = self._workers
        while True:
            behind = [worker for worker in behind if not self.accounts.has_reached(worker, targets)]
            left = until - time.monotonic()
            waited_for = [worker for worker in behind if worker.is_worth_waiting_for(left)]
            if not waited_for or left <= 0:
                return not behind
            for worker in waited_for:
                worker.hurry()
            with self._moved:
                self._moved.wait(min(left, POLL_SECONDS))

    def _waited_just_now(self) -> float:
        """Who has waited for the sinks in vain a moment ago does not have to do so twice."""
        ended, seconds = self._waited
        return seconds if time.monotonic() - ended < STILL_SECONDS else 0.0

    def _trouble(self, worker: SinkWorker) -> str:
        # Once closed, counting would open the state again.
        trouble, left = worker.trouble(), self._left.get(worker.name, 0)
        pending = left if self._closed else self.accounts.pending_of(worker) if trouble else 0
        if not pending:
            return trouble
        wait = "1 event waits" if pending == 1 else f"{pending:,} events wait"
        return f"{trouble or 'was not done in time'}; {wait} for it (busway events flush)"

    def _flush_in_child(self) -> bool:
        own = [worker for worker in self._workers if worker.traits.scope == "process"]
        taken = [not worker.abandoned and worker.drain(patient=False) for worker in own]  # a list: all are tried
        return all(taken)

    def _end_threads(self, until: float) -> None:
        """Ends the threads, which close their sinks; those in a delivery end some time later."""
        for worker in self._workers:
            worker.stop()
        soon = time.monotonic() + GRACE_SECONDS
        for worker, thread in zip(self._workers, self._threads, strict=False):
            healthy = worker.is_worth_waiting_for(until - time.monotonic())
            thread.join(max(0.0, (max(until, soon) if healthy else soon) - time.monotonic()))
        self.monitor.retire()
        self._caretaker.stop()

    def _clear_up(self, until: float) -> None:
        for worker in self._workers:
            worker.retire()
        if not self._started:
            return
        try:
            self._book_losses()
            self._left = self.accounts.pending()
            self._caretaker.count()
            if time.monotonic() < until:
                self.sweep()
                self._writer.close(GRACE_SECONDS)  # the sweep may have told of events that were lost
        except (BuswayError, OSError, sqlite3.Error) as exc:
            _log.warning("the journals were not tidied up (%s); the next run does so", type(exc).__name__)

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
