"""Processes that share a state folder, as doubles in one process: real journals, real state, no threads.

Every process has a dispatcher of its own, which is never started; a step of a schedule lets one of its sinks deliver
as far as it gets. What a receiver took is noted outside of the processes, as it is with real ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from builders.sink_bench import JumpingClock
from busway.contracts.events import Event, EventError, Severity
from busway.contracts.sinks import Delivery
from busway.events.dispatcher import Dispatcher
from busway.events.emitter import Emitter
from busway.events.journal import JournalWriter
from busway.events.journal_reader import JournalFolder
from busway.events.policy import EventPolicy, Route
from busway.events.sink_worker import SinkWorker, WorkerParts
from busway.metrics.registry import Metrics
from busway.plugins.call_monitor import AbandonedCall
from busway.redaction.redactor import Redactor
from busway.stores.state import StateStore
from busway.stores.state_dir import JOURNAL, prepare_state_dir

__all__ = ["BATCH", "House", "Process", "WallClock"]

BATCH = 3
LEASE_OVER = 11
SECOND = 1_000_000_000
SEGMENT = 700
"""Bytes: two or three events."""
WEEK_OVER = 8 * 86_400


class WallClock(JumpingClock):
    """Wall time that is set; rests are over at once."""

    def __init__(self) -> None:
        super().__init__()
        self.ns = 1_800_000_000 * SECOND

    def now_ns(self) -> int:
        self.ns += 1000
        return self.ns


class Killed(BaseException):
    """The process ends here."""


class Receiver:
    """What one sink of all processes delivers to."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    @property
    def repeats(self) -> int:
        return len(self.taken) - len(set(self.taken))


class Scripted:
    """A sink that does what it is told for the next deliveries, then takes everything."""

    batch_size = BATCH

    def __init__(self, receiver: Receiver, scope: str) -> None:
        self.receiver = receiver
        self.scope = scope
        self.script: list[Callable[[list[Event]], Delivery]] = []

    def deliver(self, events: list[Event]) -> Delivery:
        answer = self.script.pop(0)(events) if self.script else Delivery.done(events)
        self.receiver.taken += [event.event_id for event in events if event.event_id in answer.delivered]
        return answer

    def close(self) -> None: ...


class Process:
    """One process of the house."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.state = StateStore(house.path, house.clock)
        self.writer = JournalWriter(house.path / JOURNAL, house.clock, segment_bytes=SEGMENT, threads=False)
        self.emitter = Emitter(self.writer, house.redactor, house.clock, Metrics(), lambda: None)
        self.sinks = {
            "all": Scripted(house.receivers["all"], "installation"),
            "some": Scripted(house.receivers["some"], "installation"),
            "own": Scripted(Receiver(), "process"),
        }
        self.dispatcher = Dispatcher(
            list(self.sinks.items()),
            folder=JournalFolder(house.path / JOURNAL),
            writer=self.writer,
            state=self.state,
            parts=WorkerParts(clock=house.clock, random=lambda: 0.0),
            before_sweep=lambda: None,
            policy=EventPolicy(routes={"some": Route(severity=Severity.ERROR)}),
        )
        self.dispatcher._started = True  # a replay would start its threads, and they would deliver beside the steps

    def worker(self, sink: str) -> SinkWorker:
        return next(worker for worker in self.dispatcher._workers if worker.name == sink)

    def emit(self, record: str, *, error: bool = False) -> None:
        severity, category = (Severity.ERROR, "error") if error else (Severity.INFO, "change")
        facts = EventError("sync", "broken") if error else None
        self.emitter.emit(category, severity, {}, entity_type="x", entity_id=record, error=facts)
        self.house.emitted += 1

    def deliver(self, sink: str, *script: Callable[[list[Event]], Delivery]) -> bool:
        """Lets ``sink`` deliver, answering as in ``script``, until it fails or is done; False when it is killed."""
        worker, double = self.worker(sink), self.sinks[sink]
        if worker.abandoned:
            return True
        double.script = list(script)
        try:
            worker.drain(patient=False)
        except AbandonedCall:
            pass
        except Killed:
            self.die()
            return False
        finally:
            double.script = []
        return True

    def die(self) -> None:
        """What the operating system does: it closes everything, and releases no lease."""
        self.writer.close()
        self.state.close()
        self.house.processes.remove(self)


class House:
    """The state folder, the processes that live, and what receivers took."""

    def __init__(self, folder: Path) -> None:
        self.path = prepare_state_dir(folder)
        self.clock = WallClock()
        self.redactor = Redactor()
        self.receivers = {"all": Receiver(), "some": Receiver()}
        self.processes: list[Process] = []
        self.emitted = 0
        self.torn = 0
        self.faults = 0
        """Deaths, hangs and take-overs: each may repeat one batch."""

    def process(self, number: int) -> Process:
        """One of those that live; a fresh one where there is none."""
        if not self.processes:
            self.start()
        return self.processes[number % len(self.processes)]

    def start(self) -> Process:
        self.processes.append(Process(self))
        return self.processes[-1]

    def killed_while_delivering(self, process: Process, sink: str) -> None:
        """The receiver has taken the batch, and nobody has written that down."""
        self.faults += 1

        def answer(events: list[Event]) -> Delivery:
            process.sinks[sink].receiver.taken += [event.event_id for event in events]
            raise Killed

        process.deliver(sink, answer)

    def hangs(self, process: Process, sink: str) -> None:
        """The receiver takes the batch and does not answer; the delivery is given up."""
        self.faults += 1

        def answer(events: list[Event]) -> Delivery:
            process.sinks[sink].receiver.taken += [event.event_id for event in events]
            process.worker(sink).give_up("no answer")
            return Delivery()

        process.deliver(sink, answer)

    def taken_over(self, process: Process, other: Process, sink: str) -> None:
        """``process`` stands still in a delivery until its lease is over; ``other`` delivers; then it goes on."""
        self.faults += 1

        def answer(events: list[Event]) -> Delivery:
            self.clock.ns += LEASE_OVER * SECOND
            if other is not process:
                other.deliver(sink)
            return Delivery.done(events)

        process.deliver(sink, answer)

    def swept_meanwhile(self, process: Process, other: Process, sink: str) -> None:
        """While ``process`` delivers, ``other`` deletes what is too old, also what is just being delivered."""
        self.faults += 1

        def answer(events: list[Event]) -> Delivery:
            self.clock.ns += WEEK_OVER * SECOND
            other.dispatcher.sweep()
            return Delivery.done(events)

        process.deliver(sink, answer)

    def forked_child(self, process: Process, records: list[str]) -> None:
        """A child journals into a file of its own, delivers nothing and ends."""
        child = Process(self)
        self.processes.append(child)
        for record in records:
            child.emit(record)
        child.die()

    def torn_by_a_kill(self, process: Process) -> None:
        """The process dies in the middle of a line."""
        if process.writer.current is not None:
            path = self.path / JOURNAL / process.writer.current
            with path.open("ab") as stream:
                stream.write(b'0000abcd {"event_id')
            self.torn += 1
        process.die()

    def check(self) -> None:
        """The books of every sink in every process, at this moment."""
        for process in self.processes:
            for sink, books in process.dispatcher.accounts.books().items():
                assert books.balanced, (sink, books)
                if sink != "own":
                    assert books.emitted == self.emitted + self.torn, (sink, books)
                for number in (books.delivered, books.dead, books.pending, *books.dropped.values()):
                    assert number >= 0, (sink, books)

    def heal(self) -> Process:
        """Everything works again: a new process delivers what is left."""
        for process in list(self.processes):
            process.die()
        last = self.start()
        for sink in last.sinks:
            last.deliver(sink)
        self.check()
        return last

    def repeats(self) -> Counter[str]:
        """How many deliveries of each sink were not the first of their event."""
        return Counter({name: receiver.repeats for name, receiver in self.receivers.items()})
