"""Everything behind an event manager, put together, and taken apart in order."""

from __future__ import annotations

import logging
import os
import sqlite3
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from busway.contracts.clock import Clock
from busway.contracts.events import EventError, Severity
from busway.contracts.sinks import EventSink, SinkTraits
from busway.errors import BuswayError
from busway.events.digest import Digest
from busway.events.digest_ticker import DigestTicker
from busway.events.dispatcher import Dispatcher
from busway.events.emitter import Emitter
from busway.events.event_codec import text_of
from busway.events.ids import new_session_id
from busway.events.journal import JournalWriter
from busway.events.journal_reader import JournalFolder
from busway.events.ledger_sink import LedgerSink
from busway.events.policy import EventPolicy
from busway.events.session import Session, Sessions
from busway.events.sink_worker import WorkerParts
from busway.events.times import iso_time
from busway.metrics.registry import Metrics
from busway.redaction.redactor import Redactor
from busway.stores.open_sessions import OpenSession
from busway.stores.state import StateStore
from busway.stores.state_dir import JOURNAL, prepare_state_dir

__all__ = ["Pipeline"]

SECOND = 1_000_000_000
COUNT_SECONDS = 0.2
"""How long the deletion of journals waits for another process that counts errors in them; it is tried again."""

_log = logging.getLogger("busway.events")
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
        policy: EventPolicy | None = None,
    ) -> None:
        self._policy = policy = policy or EventPolicy()
        folder = JournalFolder(prepare_state_dir(state_dir) / JOURNAL)
        self._folder = folder
        self._clock = clock
        self._state = state
        self._writer = JournalWriter(folder.path, clock, segment_bytes=policy.segment_bytes, metrics=metrics)
        self.sessions = Sessions()
        self.emitter = Emitter(self._writer, redactor, clock, metrics, self._notify)
        receives = {name: SinkTraits.of(sink).receives for name, sink in sinks}
        self.digest = Digest(folder, state, clock, self.emitter.write, policy, receives, metrics)
        self.ticker = DigestTicker(self.digest)
        for _, sink in sinks:
            if isinstance(sink, LedgerSink):
                sink.follow(policy)
        self.dispatcher = Dispatcher(
            sinks,
            folder=folder,
            writer=self._writer,
            state=state,
            parts=parts or WorkerParts(clock=clock, metrics=metrics, redact_text=redactor.redact_text),
            before_sweep=self._count_errors,
            policy=policy,
            tell_lost=self._tell_lost,
        )
        _pipelines.add(self)

    def start_session(self, name: str, correlation_id: str | None) -> Session:
        """Opens a session, after marking those that died with their process as interrupted."""
        self._keep(self._mark_interrupted, "sessions that were interrupted are told later")
        redact = self.emitter.redact_text
        session = Session(
            new_session_id(),
            redact(text_of(name)),
            None if correlation_id is None else redact(text_of(correlation_id)),
            self._clock.now_ns(),
            self._clock.monotonic(),
        )
        self.sessions.add(session)
        self._keep(lambda: self._note_open(session), f"session {session.session_id} would not be told as interrupted")
        attributes = {"operation": "started", "name": session.name, "correlation_id": session.correlation_id}
        self.emitter.emit("session", Severity.INFO, attributes, session_id=session.session_id)
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
        state, session_id = self._state.open_sessions, session.session_id
        self._keep(lambda: state.remove(session_id, ended_ns), f"session {session_id} may be told as interrupted")
        return summary

    def renew_after_fork(self) -> None:
        """In a forked child: what must not come from the parent."""
        self.sessions.renew_after_fork()
        self.dispatcher.renew_after_fork()
        self.ticker.renew_after_fork()

    def _notify(self) -> None:
        self.dispatcher.notify()
        try:
            self.ticker.notify()
        except RuntimeError as exc:  # no new threads at the very end of a process: the next run tells
            _log.warning("errors are not summed up any more in this process (%s)", exc)

    def _note_open(self, session: Session) -> None:
        """Before its first event: a session that was told of and not noted would never end."""
        presence, journal = self._state.presence.name(), self._writer.current or ""
        self._state.open_sessions.add(
            OpenSession(session.session_id, session.name, session.started_ns, journal, presence, session.correlation_id)
        )

    def _mark_interrupted(self) -> None:
        sessions, now_ns = self._state.open_sessions, self._clock.now_ns()
        for session in sessions.all():
            if not self._has_died(session):
                continue
            with self._state.transaction():  # told and noted together, and by one of several processes only
                if sessions.remove(session.session_id, now_ns):
                    self._tell_interrupted(session)
        sessions.forget(now_ns - int(self._policy.retention_seconds) * SECOND)

    def _has_died(self, session: OpenSession) -> bool:
        if session.presence:
            return not self._state.presence.lives(session.presence)
        return self._folder.writer_is_gone(session.journal)

    def _tell_interrupted(self, session: OpenSession) -> None:
        attributes = {
            "operation": "interrupted",
            "name": session.name,
            "correlation_id": session.correlation_id,
            "started_ns": session.started_ns,
        }
        self.emitter.emit("session", Severity.WARNING, attributes, session_id=session.session_id)

    def _tell_lost(self, sink: str, lost: int) -> None:
        message = f"{lost:,} events were deleted before sinks.{sink} had taken them"
        error = EventError("retention", message, code="BW3011")
        self.emitter.emit("error", Severity.ERROR, {"sink": sink, "lost": lost}, error=error)

    def _count_errors(self) -> None:
        """Before journals are deleted. Raises ``TimeoutError`` while another process keeps us from it."""
        if not self.digest.collect(COUNT_SECONDS):
            raise TimeoutError("another process is counting errors")

    def _keep(self, action: Callable[[], object], otherwise: str) -> None:
        """A job never fails because of what is noted about its session."""
        try:
            action()
        except (BuswayError, OSError, sqlite3.Error) as exc:
            _log.warning("state.db could not be written (%s): %s", type(exc).__name__, otherwise)


def _renew_all() -> None:
    for pipeline in list(_pipelines):
        pipeline.renew_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
