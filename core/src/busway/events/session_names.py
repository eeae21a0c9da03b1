"""The names of sessions, which are those of their jobs."""

from __future__ import annotations

from busway.contracts.events import Event
from busway.stores.state import StateStore

__all__ = ["SessionNames"]

REMEMBERED = 2000
"""Sessions at once; the oldest are forgotten, and looked up again when need be."""


class SessionNames:
    """Session id to name, of sessions of this and of other processes.

    A name is learned from the event that starts its session. Who begins to read behind that event finds it in the
    state, where it stays for as long as events of the session can be in a journal.
    """

    def __init__(self, state: StateStore) -> None:
        self._state = state
        self._known: dict[str, str | None] = {}

    def learn(self, event: Event) -> None:
        """Takes note of the start of a session."""
        name = event.attributes.get("name")
        if event.category == "session" and event.session_id is not None and isinstance(name, str):
            self._remember(event.session_id, name)

    def name_of(self, session_id: str | None) -> str | None:
        """The name; ``None`` for no session, and for one that nobody knows any more."""
        if session_id is None:
            return None
        if session_id not in self._known:
            self._remember(session_id, self._state.open_sessions.name_of(session_id))
        return self._known.get(session_id)

    def _remember(self, session_id: str, name: str | None) -> None:
        while len(self._known) >= REMEMBERED:
            self._known.pop(next(iter(self._known)), None)
        self._known[session_id] = name
