"""The digest: errors since the last one, counted, as one event for people."""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from busway.contracts.clock import Clock
from busway.contracts.events import Severity
from busway.events.ids import new_event_id
from busway.events.journal_line import decode_line
from busway.events.journal_reader import JournalFolder
from busway.stores.error_groups import ErrorGroup
from busway.stores.file_lock import file_lock
from busway.stores.state import StateStore
from busway.stores.state_dir import LOCKS

__all__ = ["Digest"]

READER = "#digest"
"""Name of its cursors; no sink can be called that."""
NAMESPACE = "digest"
MAX_GROUPS = 50
ERROR = b'"category":"error"'

_VARIABLE = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|\d+")


class Digest:
    """Counts errors from the journals and sends the counts.

    Each error is counted once, whatever dies in between: groups and cursors move in one transaction, and a digest
    is stored with its event id before it is emitted, so that one cut short goes out again under the same id.
    """

    def __init__(
        self, folder: JournalFolder, state: StateStore, clock: Clock, write: Callable[[dict[str, Any]], bool]
    ) -> None:
        self._folder = folder
        self._state = state
        self._clock = clock
        self._write = write
        self._lock = state.state_dir / LOCKS / "digest.lock"

    def collect(self) -> None:
        """Counts the errors journalled since the last call."""
        with file_lock(self._lock):
            self._collect()

    def send(self) -> dict[str, Any] | None:
        """Emits a digest of the errors since the last one; ``None`` when there were none."""
        with file_lock(self._lock):
            self._collect()
            unsent: dict[str, Any] | None = self._state.get(NAMESPACE, "unsent")
            content = unsent or self._compose()
            if content is None:
                return None
            if self._write(_record(content)):
                self._state.put(NAMESPACE, "unsent", None)
            return content

    def _collect(self) -> None:
        groups: dict[str, ErrorGroup] = {}
        offsets = self._state.cursors.of(READER)
        moved: dict[str, int] = {}
        for file in self._folder.files():
            for end, raw in self._folder.raw_lines(file, offsets.get(file, 0)):
                moved[file] = end
                if ERROR in raw:
                    _count(groups, decode_line(raw))
        if moved:
            with self._state.transaction():
                self._state.error_groups.add(groups.values())
                self._state.cursors.advance(READER, moved)

    def _compose(self) -> dict[str, Any] | None:
        with self._state.transaction():
            groups = self._state.error_groups.take()
            if not groups:
                return None
            now = self._clock.now_ns()
            content = {
                "event_id": new_event_id(),
                "since_ns": self._state.get(NAMESPACE, "last", {}).get("until_ns") or min(g.first_ns for g in groups),
                "until_ns": now,
                "errors": sum(group.count for group in groups),
                "groups": [_shown(group) for group in groups[:MAX_GROUPS]],
                "more_groups": max(0, len(groups) - MAX_GROUPS),
            }
            self._state.put(NAMESPACE, "unsent", content)
            self._state.put(NAMESPACE, "last", {"until_ns": now, "event_id": content["event_id"]})
        return content


def _count(groups: dict[str, ErrorGroup], record: dict[str, Any] | None) -> None:
    if record is None or record.get("category") != "error" or not record.get("error"):
        return
    error, at = record["error"], record["timestamp"]
    key = _fingerprint(error["kind"], error["message"], record["entity_type"])
    known = groups.get(key)
    count, first = (known.count, known.first_ns) if known else (0, at)
    message = known.message if known else error["message"]
    groups[key] = ErrorGroup(key, error["kind"], message, record["entity_type"], count + 1, min(first, at), at)


def _fingerprint(kind: str, message: str, entity_type: str | None) -> str:
    """The same for messages that differ in numbers and ids only."""
    text = "\0".join((kind, entity_type or "", _VARIABLE.sub("#", message)))
    return blake2b(text.encode(), digest_size=8).hexdigest()


def _shown(group: ErrorGroup) -> dict[str, Any]:
    return {
        "kind": group.kind,
        "message": group.message,
        "entity_type": group.entity_type,
        "count": group.count,
        "first_ns": group.first_ns,
        "last_ns": group.last_ns,
    }


def _record(content: dict[str, Any]) -> dict[str, Any]:
    return {
        "event_id": content["event_id"],
        "timestamp": content["until_ns"],
        "severity": int(Severity.WARNING),
        "category": "digest",
        "entity_type": None,
        "entity_id": None,
        "session_id": None,
        "attributes": {key: value for key, value in content.items() if key != "event_id"},
        "error": None,
    }
