"""Everything behind an event manager, put together, and taken apart in order."""

from __future__ import annotations

import os
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from busway.contracts.clock import Clock
from busway.contracts.events import Severity
from busway.contracts.sinks import EventSink
from busway.events.digest import Digest
from busway.events.dispatcher import Dispatcher
from busway.events.emitter import Emitter
from busway.events.ids import new_session_id
from busway.events.journal import JournalWriter
from busway.events.journal_reader import JournalFolder
from busway.events.session import Session, Sessions
from busway.events.sink_worker import WorkerParts
from busway.events.times import iso_time
from busway.metrics.registry import Metrics
from busway.redaction.redactor import Redactor
from busway.stores.open_sessions import OpenSession
from busway.stores.state import StateStore
from busway.stores.state_dir import JOURNAL, prepare_state_dir

__all__ = ["Pipeline"]

_pipelines: weakref.WeakSet[Pipeline] = weakref.WeakSet()


class Pipeline:
    """Journal, sessions, dispatcher and digest of one state folder in one process."""

    def __init__(
        self,
        state_dir: Path,
        *,
        sinks: Sequence[tuple[str, EventSink]],
        redactor: Redactor,
        clock: Clock,
        metrics: Metrics,
        state: StateStore,
        parts: WorkerParts | None = None,
    ) -> None:
        folder = JournalFolder(prepare_state_dir(state_dir) / JOURNAL)
        self._folder = folder
        self._clock = clock
        self._state = state
        self._writer = JournalWriter(folder.path, clock)
        self.sessions = Sessions()
        self.emitter = Emitter(self._writer, redactor, clock, metrics, self._notify)
        self.digest = Digest(folder, state, clock, self.emitter.write)
        self.dispatcher = Dispatcher(
            sinks,
            folder=folder,
            writer=self._writer,
            state=state,
            parts=parts or WorkerParts(clock=clock, metrics=metrics, redact_text=redactor.redact_text),
            before_sweep=self.digest.collect,
        )
        _pipelines.add(self)

    def start_session(self, name: str, correlation_id: str | None) -> Session:
        """Opens a session, after marking those that died with their process as interrupted."""
        self._mark_interrupted()
        redact = self.emitter.redact_text
        session = Session(
            new_session_id(),
            redact(name),
            None if correlation_id is None else redact(str(correlation_id)),
            self._clock.now_ns(),
            self._clock.monotonic(),
        )
        self.sessions.add(session)
        attributes = {"operation": "started", "name": session.name, "correlation_id": session.correlation_id}
        self.emitter.emit("session", Severity.INFO, attributes, session_id=session.session_id)
        if self._writer.current is not None:
            journal = self._writer.current
            self._state.open_sessions.add(OpenSession(session.session_id, session.name, session.started_ns, journal))
        return session

    def end_session(self, session_id: str | None) -> dict[str, Any]:
        """Closes a session and returns its summary, which is also the content of its last event."""
        session = self.sessions.end(session_id)
        ended_ns = self._clock.now_ns()
        summary = {
            "session_id": session.session_id,
            "name": session.name,
            "correlation_id": session.correlation_id,
            **session.counts,
            "duration_seconds": round(self._clock.monotonic() - session.started, 3),
            "started_at": iso_time(session.started_ns),
            "ended_at": iso_time(ended_ns),
        }
        attributes = {"operation": "ended", "started_ns": session.started_ns, "ended_ns": ended_ns, **summary}
        self.emitter.emit("session", Severity.INFO, attributes, session_id=session.session_id)
        self._writer.sync()
        self._state.open_sessions.remove(session.session_id)
        return summary

    def renew_after_fork(self) -> None:
        """In a forked child: what must not come from the parent."""
        self.sessions.renew_after_fork()
        self.dispatcher.renew_after_fork()

    def _notify(self) -> None:
        self.dispatcher.notify()

    def _mark_interrupted(self) -> None:
        for session in self._state.open_sessions.all():
            if not self._folder.writer_is_gone(session.journal):
                continue
            if self._state.open_sessions.remove(session.session_id):  # only one of several processes gets to say it
                attributes = {"operation": "interrupted", "name": session.name, "started_ns": session.started_ns}
                self.emitter.emit("session", Severity.WARNING, attributes, session_id=session.session_id)


def _renew_all() -> None:
    for pipeline in list(_pipelines):
        pipeline.renew_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
