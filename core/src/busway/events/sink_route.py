"""Which events a sink is told."""

from __future__ import annotations

from busway.contracts.events import Event
from busway.events.audience import is_addressed
from busway.events.policy import Route
from busway.events.session_names import SessionNames

__all__ = ["SinkRoute"]


class SinkRoute:
    """The route of one sink, applied to events of whatever process."""

    def __init__(self, sink: str, route: Route, sessions: SessionNames) -> None:
        self._sink = sink
        self._route = route
        self._sessions = sessions

    def takes(self, event: Event) -> bool:
        """Whether the sink is told ``event``. A session whose job is not known (any more) counts as told."""
        self._sessions.learn(event)
        if event.category == "digest" and not is_addressed(self._sink, event.attributes):
            return False
        job = self._sessions.name_of(event.session_id) if self._route.jobs else None
        return self._route.takes(event.category, event.severity, job)
