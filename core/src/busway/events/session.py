"""Sessions: one run of one job, which events belong to."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from busway.errors import UsageError

__all__ = ["COUNTED", "Session", "Sessions"]

COUNTED = ("created", "updated", "deleted", "skipped", "errors")


@dataclass(slots=True, eq=False)
class Session:
    """One open session of this process."""

    session_id: str
    name: str
    correlation_id: str | None
    started_ns: int
    started: float
    """Monotonic seconds, for its duration."""
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTED, 0))
    ended: bool = False


class Sessions:
    """The open sessions of this process: by id from any thread, or the innermost one a thread has started."""

    def __init__(self) -> None:
        self._by_id: dict[str, Session] = {}
        self._lock = threading.Lock()
        self._own = threading.local()

    def renew_after_fork(self) -> None:
        """In a forked child: the lock may have been held by a thread that is not there any more."""
        self._lock = threading.Lock()

    def add(self, session: Session) -> None:
        """Opens ``session``, innermost in this thread."""
        with self._lock:
            self._by_id[session.session_id] = session
        self._stack().append(session)

    def find(self, session_id: str | None) -> Session | None:
        """The session with this id, or for ``None`` the innermost of this thread, if there is one.

        :raises UsageError: BW3001 no session with this id is open here.
        """
        if session_id is not None:
            found = self._by_id.get(session_id)
            if found is None:
                raise _not_open(f"no session {session_id} is open in this process")
            return found
        stack = self._stack()
        while stack and stack[-1].ended:  # ended by its id, possibly in another thread
            stack.pop()
        return stack[-1] if stack else None

    def count(self, session: Session, what: str) -> None:
        """Counts one of :data:`COUNTED`."""
        with self._lock:
            session.counts[what] += 1

    def end(self, session_id: str | None) -> Session:
        """Closes the session that :meth:`find` finds. Raises ``UsageError`` (BW3001) when there is none."""
        session = self.find(session_id)
        if session is None:
            raise _not_open("this thread has no open session")
        with self._lock:
            if self._by_id.pop(session.session_id, None) is None:
                raise _not_open(f"session {session.session_id} has just been ended by another thread")
            session.ended = True
        return session

    def _stack(self) -> list[Session]:
        stack: list[Session] | None = getattr(self._own, "stack", None)
        if stack is None:
            stack = self._own.stack = []
        return stack


def _not_open(what: str) -> UsageError:
    return UsageError(
        "BW3001",
        what,
        where="event_manager",
        why="it was never started here, or it has ended",
        fix="pass the id that start_sync() returned, once, before end_sync()",
    )
