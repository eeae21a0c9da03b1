"""A state folder with journals that a test writes line by line, and the digest that reads them."""

from __future__ import annotations

import itertools
import weakref
from pathlib import Path
from typing import Any

from builders.manual_clock import ManualClock
from busway.events.digest import Digest
from busway.events.ids import new_event_id
from busway.events.journal_line import encode_line
from busway.events.journal_reader import JournalFolder
from busway.events.policy import EventPolicy, Route
from busway.stores.open_sessions import OpenSession
from busway.stores.state import StateStore
from busway.stores.state_dir import JOURNAL

__all__ = ["ErrorJournal", "error_record"]


def error_record(message: str, at_ns: int = 0, **more: Any) -> dict[str, Any]:
    """The journal record of an error."""
    error = {"kind": more.pop("kind", "sync"), "message": message, "type": "", "code": more.pop("code", "")}
    return {
        "event_id": new_event_id(),
        "timestamp": at_ns,
        "severity": 17,
        "category": "error",
        "entity_type": "employee",
        "entity_id": None,
        "session_id": None,
        "attributes": {},
        "error": error,
        **more,
    }


class ErrorJournal:
    """Errors go in by :meth:`error`; what digests were journalled comes out of :meth:`sent`."""

    def __init__(self, folder: Path, *, clock: ManualClock | None = None, **policy: Any) -> None:
        self.state = StateStore(folder)
        weakref.finalize(self, self.state.close)  # for tests that make several
        self.folder = JournalFolder(self.state.state_dir / JOURNAL)
        self.clock = clock or ManualClock()
        self.policy = EventPolicy(**policy)
        self.name = "1-1.jsonl"
        self._jobs = itertools.count()

    def open(self, **receives: frozenset[str]) -> Digest:
        """A digest as a new process would have it."""
        return Digest(self.folder, self.state, self.clock, self.write, self.policy, receives)

    def write(self, record: dict[str, Any]) -> bool:
        """Appends a line."""
        with (self.folder.path / self.name).open("ab") as file:
            file.write(encode_line(record))
        return True

    def error(self, message: str, times: int = 1, **more: Any) -> None:
        """Journals an error ``times`` times."""
        for _ in range(times):
            self.write(error_record(message, self.clock.now_ns(), **more))

    def session(self, job: str) -> str:
        """A session of ``job``."""
        session_id = f"session-{next(self._jobs)}"
        self.state.open_sessions.add(OpenSession(session_id, job, 0, self.name))
        return session_id

    def sent(self, kind: str | None = None) -> list[dict[str, Any]]:
        """The digests in the journals, of one kind or all."""
        lines = [line.record for file in self.folder.files() for line in self.folder.lines(file) if line.record]
        found = [{"event_id": one["event_id"], **one["attributes"]} for one in lines if one["category"] == "digest"]
        return [one for one in found if kind in (None, one["kind"])]

    @staticmethod
    def route(**how: Any) -> Route:
        """A route."""
        return Route(**how)
