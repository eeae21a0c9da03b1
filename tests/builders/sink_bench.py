"""One sink, without threads, over a real journal and a real state. Time is a clock that jumps when somebody waits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from busway.contracts.clock import Clock, SystemClock
from busway.contracts.events import Event, EventError, Severity
from busway.contracts.sinks import Delivery
from busway.events.books import keep_books
from busway.events.emitter import Emitter
from busway.events.journal import JournalWriter
from busway.events.journal_reader import JournalFolder
from busway.events.policy import Route
from busway.events.progress import WAITING, MemoryProgress, Progress, StoredProgress
from busway.events.session_names import SessionNames
from busway.events.sink_route import SinkRoute
from busway.events.sink_worker import SinkWorker, WorkerParts
from busway.events.window import Window
from busway.metrics.registry import Metrics
from busway.redaction.redactor import Redactor
from busway.stores.state import StateStore

__all__ = ["Answer", "Bench", "JumpingClock", "Sink", "failing", "memory_folder", "without"]

Answer = Callable[[list[Event]], Delivery]


class JumpingClock(SystemClock):
    """A rest ends as soon as somebody looks whether it is over."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 1000.0
        return self.now


class Sink:
    """Answers as it is told, then with everything delivered; notes what it was handed, by the ids of the records."""

    scope = "installation"

    def __init__(
        self, *answers: Answer, batch_size: int = 100, receives: frozenset[str] = frozenset({"events"})
    ) -> None:
        self.answers = list(answers)
        self.batch_size = batch_size
        self.receives = receives
        self.batches: list[list[str]] = []
        self.ids: list[str] = []
        """Event ids, as often as they came."""
        self.closed = 0

    def deliver(self, events: list[Event]) -> Delivery:
        self.batches.append([event.entity_id or event.category for event in events])
        self.ids += [event.event_id for event in events]
        answer = self.answers.pop(0) if self.answers else Delivery.done
        return answer(events)

    def close(self) -> None:
        self.closed += 1


def failing(events: list[Event]) -> Delivery:
    """The sink raises; what it says must not be told to anybody."""
    raise ConnectionError("password=hunter2hunter2")


def without(*names: str) -> Answer:
    """Takes everything but the events of these records."""
    return lambda events: Delivery.partial([event for event in events if event.entity_id not in names])


class Bench:
    """A process that emits and delivers; several of them may share a folder."""

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        clock = clock or SystemClock()
        self.state = StateStore(folder, clock)
        self.writer = JournalWriter(folder / "journal", clock)
        self.folder = JournalFolder(folder / "journal")
        self.redactor = Redactor(["a-secret-value"])
        self.emitter = Emitter(self.writer, self.redactor, clock, Metrics(), lambda: None)
        self.metrics = Metrics()
        self.numbers: dict[str, int] = {}

    def emit(self, *names: str, category: str = "change", session_id: str | None = None, **attributes: Any) -> None:
        """One event per name; ``attributes["n"]`` counts those of each record."""
        error = EventError("sync", "it is broken") if category == "error" else None
        for name in names:
            number = self.numbers[name] = self.numbers.get(name, 0) + 1
            severity = Severity.ERROR if error else Severity.INFO
            facts = {"n": number, **attributes}
            self.emitter.emit(
                category, severity, facts, entity_type="x", entity_id=name, error=error, session_id=session_id
            )

    def progress(self, sink: Sink) -> Progress:
        return StoredProgress(self.state, "s") if sink.scope == "installation" else MemoryProgress(self.state, "s")

    def worker(self, sink: Sink, *, route: Route | None = None, progress: Progress | None = None) -> SinkWorker:
        takes = SinkRoute("s", route or Route(), SessionNames(self.state)).takes
        window = Window(self.folder, sink.receives, self.folder.files, takes)
        parts = replace(
            WorkerParts(),
            clock=JumpingClock(),
            redact_text=self.redactor.redact_text,
            random=lambda: 0.0,
            metrics=self.metrics,
        )
        return SinkWorker("s", sink, window, progress or self.progress(sink), parts)

    def books(self, sink: Sink, progress: Progress | None = None) -> dict[str, Any]:
        """The books of the sink; they balance, or this fails."""
        read = (progress or self.progress(sink)).read()
        books = keep_books(self.folder, self.folder.files(), sink.receives, read, self.writer.dropped)
        books = replace(books, pending=books.pending + read[1].get(WAITING, 0))
        assert books.balanced, books
        return books.as_dict()

    def measured(self, name: str) -> float:
        """The sum of a metric over its labels."""
        return sum(sample.value for sample in self.metrics.snapshot() if sample.name == name)

    def close(self) -> None:
        self.writer.close()
        self.state.close()


def memory_folder() -> TemporaryDirectory[str]:
    """A folder for tests that make hundreds of state folders, in memory where there is such a place."""
    memory = Path("/dev/shm")
    return TemporaryDirectory(dir=memory if memory.is_dir() else None)
