"""The event manager: what jobs and applications call."""

from __future__ import annotations

import atexit
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from busway.contracts.clock import Clock
from busway.contracts.events import EventError, Severity
from busway.contracts.sinks import EventSink
from busway.errors import BuswayError, UsageError
from busway.events.digest_status import DigestStatus
from busway.events.pipeline import Pipeline
from busway.events.policy import EventPolicy
from busway.events.sink_worker import WorkerParts
from busway.metrics.registry import Metrics
from busway.redaction.redactor import Redactor
from busway.stores.dead_letters import DeadLetter
from busway.stores.state import StateStore

__all__ = ["EventManager"]

EXIT_SECONDS = 5.0


class EventManager:
    """Sessions and events. Everything logged is redacted and in the journal when the call returns.

    ``session_id=None`` means the innermost open session of the calling thread; when there is none, the event belongs
    to no session. An id that is not open here raises ``UsageError`` (BW3001). Every ``log_`` method returns the id of
    its event. Safe to use from many threads.

    A manager made with a ``binder`` is unbound: the first use of it calls the binder and shares what that manager
    holds. Raises ``UsageError`` (BW3003) when there is nothing to bind to.
    """

    _pipeline: Pipeline

    def __init__(self, binder: Callable[[], EventManager] | None = None) -> None:
        self._binder = binder

    def __getattr__(self, name: str) -> Any:
        # Python asks here only for what is missing, so a bound manager pays nothing for having been unbound.
        if name != "_pipeline":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        if self._binder is None:
            raise UsageError(
                "BW3003",
                "this event manager is not open",
                where="EventManager",
                why="it was created without a state folder",
                fix="use EventManager.open(...), or App.from_config().events",
            )
        self.adopt(self._binder())
        return self._pipeline

    @classmethod
    def open(
        cls,
        state_dir: Path,
        *,
        sinks: Sequence[tuple[str, EventSink]],
        redactor: Redactor,
        clock: Clock,
        metrics: Metrics,
        state: StateStore,
        parts: WorkerParts | None = None,
        policy: EventPolicy | None = None,
    ) -> EventManager:
        """A manager that journals into ``state_dir`` and delivers to ``sinks`` (name and sink, in order).

        Nothing is started or written before the first event. ``state`` stays the caller's, to be closed after this.
        ``policy`` says what is kept for how long, and which sink is told what. ``parts`` replaces back-off and
        randomness, for tests.
        """
        manager = cls()
        manager._pipeline = Pipeline(
            state_dir,
            sinks=sinks,
            redactor=redactor,
            clock=clock,
            metrics=metrics,
            state=state,
            parts=parts,
            policy=policy,
        )
        atexit.register(manager.close)
        return manager

    def adopt(self, other: EventManager) -> None:
        """Shares what ``other`` holds from now on."""
        self._pipeline = other._pipeline

    def release(self) -> None:
        """Forgets what was adopted; the next use asks the binder again."""
        self.__dict__.pop("_pipeline", None)

    def start_sync(self, name: str, correlation_id: str | None = None) -> str:
        """Opens a session, innermost in this thread, and returns its id."""
        return self._pipeline.start_session(name, correlation_id).session_id

    def log_creation(
        self, entity: str, entity_id: str, details: Mapping[str, Any] | None = None, session_id: str | None = None
    ) -> str:
        """A record was created in the target."""
        return self._changed("created", entity, entity_id, "details", details, session_id)

    def log_update(
        self, entity: str, entity_id: str, changes: Mapping[str, Any] | None = None, session_id: str | None = None
    ) -> str:
        """A record was updated; ``changes`` is keyed by field, so that redaction sees the field names."""
        return self._changed("updated", entity, entity_id, "changes", changes, session_id)

    def log_deletion(
        self, entity: str, entity_id: str, reason: str | None = None, session_id: str | None = None
    ) -> str:
        """A record was deleted or deactivated."""
        return self._changed("deleted", entity, entity_id, "reason", reason, session_id)

    def log_skip(self, entity: str, entity_id: str, reason: str, session_id: str | None = None) -> str:
        """A record was left alone."""
        pipeline, found_id = self._counted("skipped", session_id)
        return pipeline.emitter.emit(
            "skip",
            Severity.INFO,
            {"reason": reason},
            entity_type=entity,
            entity_id=entity_id,
            session_id=found_id,
            supplied=True,
        )

    def log_error(
        self,
        kind: str,
        entity: str | None,
        entity_id: str | None,
        message: str,
        exc: BaseException | None = None,
        session_id: str | None = None,
    ) -> str:
        """Something went wrong. ``kind`` is one of few words; of ``exc`` class and code are kept, not its text."""
        pipeline, found_id = self._counted("errors", session_id)
        code = exc.code if isinstance(exc, BuswayError) else ""
        error = EventError(kind, message, "" if exc is None else type(exc).__name__, code)
        return pipeline.emitter.emit(
            "error",
            Severity.ERROR,
            {},
            entity_type=entity,
            entity_id=entity_id,
            error=error,
            session_id=found_id,
        )

    def end_sync(self, session_id: str | None = None) -> dict[str, Any]:
        """Closes a session and returns its summary.

        Keys: ``session_id``, ``name``, ``correlation_id``, ``created``, ``updated``, ``deleted``, ``skipped``,
        ``errors``, ``duration_seconds``, ``started_at``, ``ended_at`` (ISO 8601, UTC).
        """
        return self._pipeline.end_session(session_id)

    def send_hourly_notification(self) -> dict[str, Any] | None:
        """Emits a digest of the errors since the last one, for sinks that receive ``digests``.

        Returns its content (``event_id``, ``since_ns``, ``until_ns``, ``errors``, ``groups``, ``more_groups``), or
        ``None`` when there was nothing to tell.
        """
        return self._pipeline.digest.send()

    def send_due_notifications(self) -> list[dict[str, Any]]:
        """Emits the digests that are due: of groups that are new at once, and of all when the interval is over.

        The manager does so by itself while the process lives; this is for who wants it now. Returns their contents.
        """
        return self._pipeline.digest.tell()

    def notifications(self) -> DigestStatus:
        """What was told to whom, and what waits, with every error counted up to now. Emits nothing."""
        self._pipeline.digest.collect()
        return self._pipeline.digest.status()

    def emit(
        self,
        category: str,
        *,
        severity: Severity = Severity.INFO,
        entity_type: str | None = None,
        entity_id: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        error: EventError | None = None,
        session_id: str | None = None,
    ) -> str:
        """Any other event; returns its id. See :class:`busway.contracts.events.Event` for the categories."""
        pipeline = self._pipeline
        session = pipeline.sessions.find(session_id)
        return pipeline.emitter.emit(
            category,
            severity,
            attributes,
            entity_type=entity_type,
            entity_id=entity_id,
            error=error,
            session_id=None if session is None else session.session_id,
            supplied=True,
        )

    def flush(self, deadline_seconds: float = 5.0) -> bool:
        """Waits until everything emitted so far is settled at every sink; True when it is.

        A sink with an open breaker is not waited for, nor one that asked for a longer pause. What is left is delivered
        later, here or by the next process.
        """
        self._pipeline.ticker.settle()
        return self._pipeline.dispatcher.flush(deadline_seconds)

    def pending(self) -> dict[str, int]:
        """Events each sink has still to receive, by sink."""
        return self._pipeline.dispatcher.accounts.pending()

    def books(self) -> dict[str, dict[str, Any]]:
        """Per sink ``emitted``, ``delivered``, ``dead``, ``dropped`` (by reason) and ``pending``; they balance."""
        return {name: books.as_dict() for name, books in self._pipeline.dispatcher.accounts.books().items()}

    def dead_letters(self, sink: str | None = None) -> list[DeadLetter]:
        """Events that a sink can never deliver, with the reason: the latest first, of one sink or of all."""
        return self._pipeline.dispatcher.dead_letters.letters(sink)

    def replay(self, sink: str, event_ids: Iterable[str] | None = None) -> int:
        """Lets dead letters be delivered once more, under the same ids: those named, or all of the sink.

        Returns how many; they are pending until the sink has taken them, or they are dead letters again. They go out
        as they are, whatever the route says, and behind later events of their records.

        Raises ``UsageError`` (BW3020) for a sink that is not selected.
        """
        return self._pipeline.dispatcher.dead_letters.replay(sink, event_ids)

    def drop_dead(self, sink: str, event_ids: Iterable[str] | None = None) -> int:
        """Gives dead letters up: those named, or all of the sink; returns how many.

        In the books they are then dropped, with the reason ``discarded``. Raises ``UsageError`` (BW3020) for a sink
        that is neither selected nor has dead letters.
        """
        return self._pipeline.dispatcher.dead_letters.drop(sink, event_ids)

    def troubles(self) -> dict[str, str]:
        """What is wrong with each sink that does not take events, for people, by the sink's title."""
        return self._pipeline.dispatcher.troubles()

    def close(self, deadline_seconds: float = EXIT_SECONDS) -> bool:
        """Flushes, ends the threads, closes the sinks; True when nothing is pending. Again is nothing.

        Takes as long as the deadline and a little: a sink that hangs is left alone, its events wait for the next run.
        To be called when a signal asks the process to end, raise ``SystemExit`` in its handler and close on the way
        out: a handler may interrupt this very manager.
        """
        atexit.unregister(self.close)
        began = time.monotonic()
        self._pipeline.ticker.close()
        return self._pipeline.dispatcher.close(max(0.0, deadline_seconds - (time.monotonic() - began)))

    def _changed(
        self, operation: str, entity: str, entity_id: str, name: str, value: object, session_id: str | None
    ) -> str:
        pipeline, found_id = self._counted(operation, session_id)
        return pipeline.emitter.emit(
            "change",
            Severity.INFO,
            {"operation": operation} if value is None else {"operation": operation, name: value},
            entity_type=entity,
            entity_id=entity_id,
            session_id=found_id,
            supplied=True,
        )

    def _counted(self, what: str, session_id: str | None) -> tuple[Pipeline, str | None]:
        pipeline = self._pipeline
        session = pipeline.sessions.find(session_id)
        if session is None:
            return pipeline, None
        pipeline.sessions.count(session, what)
        return pipeline, session.session_id
