"""Ids of events and sessions: UUIDv7, so that they sort by the time they were made."""

from __future__ import annotations

from uuid_utils import uuid7

__all__ = ["new_event_id", "new_session_id"]


def new_event_id() -> str:
    """A fresh id, 36 characters."""
    return str(uuid7())


new_session_id = new_event_id
