"""One request to come: its id, its body, and the events in it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from busway.contracts.events import Event

__all__ = ["MAX_BODY_BYTES", "Message", "message_id", "traceparent"]

MAX_BODY_BYTES = 20_000
"""The specification recommends less than 20 kB."""


@dataclass(frozen=True, slots=True)
class Message:
    """The same events give the same id and the same bytes."""

    events: tuple[Event, ...]
    body: bytes

    @property
    def id(self) -> str:
        """The value of ``webhook-id``."""
        return message_id(self.events)

    @property
    def event_ids(self) -> tuple[str, ...]:
        """The ids of its events, in order."""
        return tuple(event.event_id for event in self.events)


def message_id(events: Iterable[Event]) -> str:
    """Follows from the ids of the events, so that a repeat is recognised; without dots, which join what is signed."""
    return "msg_" + hashlib.sha256("\n".join(event.event_id for event in events).encode()).hexdigest()[:40]


def traceparent(events: Iterable[Event]) -> str:
    """The W3C header that names the session of ``events`` as a trace; empty when it is none, or more than one."""
    sessions = {event.session_id for event in events}
    session = sessions.pop() if len(sessions) == 1 else None
    return f"00-{_trace_id(session)}-{_span_id(session)}-01" if session else ""


def _trace_id(session_id: str) -> str:
    """The session id itself where it is a UUID, so that a person finds one by the other."""
    text = session_id.replace("-", "").lower()
    if len(text) == 32 and set(text) <= set("0123456789abcdef") and set(text) != {"0"}:
        return text
    return hashlib.blake2b(session_id.encode("utf-8", "replace"), digest_size=16).hexdigest()


def _span_id(session_id: str) -> str:
    return hashlib.blake2b(session_id.encode("utf-8", "replace"), digest_size=8, person=b"span").hexdigest()
