"""The time between two hourly digests, as the installation knows it."""

from __future__ import annotations

from typing import Any

from busway.stores.state import StateStore

__all__ = ["DigestPeriod"]

NAMESPACE = "digest"


class DigestPeriod:
    """It begins with the first error after a digest and ends with the next one. Times are nanoseconds.

    Every method that writes is called inside the transaction of what it belongs to.
    """

    def __init__(self, state: StateStore) -> None:
        self._state = state
        self.due_ns: int | None = None
        """When its digest is due, as it was when somebody last looked; ``None`` when nothing waits."""

    @property
    def until_ns(self) -> int | None:
        """Where the last one ended."""
        found: int | None = self._state.get(NAMESPACE, "until")
        return found

    def begin(self, now: int) -> None:
        """An error was counted; the first one begins the period."""
        if self._started() is None:
            self._state.put(NAMESPACE, "started", now)

    def due(self, seconds: float) -> int | None:
        """When a period of ``seconds`` ends; ``None`` when none has begun."""
        started = self._started()
        self.due_ns = None if started is None else started + int(seconds * 1e9)
        return self.due_ns

    def not_after(self, now: int) -> None:
        """A clock that was set back would let the period last for longer than it may."""
        started = self._started()
        if started is not None and started > now:
            self._state.put(NAMESPACE, "started", now)

    def first_messages(self, audience: str) -> int:
        """How often ``audience`` was told something at once in this period."""
        return int(self._firsts().get(audience, 0))

    def sent(self, audience: str, record: dict[str, Any]) -> None:
        """Notes a digest for ``audience``."""
        kind, at = record["attributes"]["kind"], record["timestamp"]
        self._state.put(NAMESPACE, f"last:{audience}", {"event_id": record["event_id"], "kind": kind, "at_ns": at})
        if kind == "first":
            self._state.put(NAMESPACE, "firsts", {**self._firsts(), audience: self.first_messages(audience) + 1})

    def last(self, audience: str) -> dict[str, Any] | None:
        """The last digest for ``audience``: ``event_id``, ``kind``, ``at_ns``."""
        found: dict[str, Any] | None = self._state.get(NAMESPACE, f"last:{audience}")
        return found

    def end(self, now: int) -> None:
        """Its digest was composed."""
        for key in ("started", "firsts"):
            self._state.put(NAMESPACE, key, None)
        self._state.put(NAMESPACE, "until", now)
        self.due_ns = None

    def _started(self) -> int | None:
        found: int | None = self._state.get(NAMESPACE, "started")
        return found

    def _firsts(self) -> dict[str, int]:
        found: dict[str, int] = self._state.get(NAMESPACE, "firsts", {})
        return found
