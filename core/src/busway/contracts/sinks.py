"""Event sinks: receivers of events, and what they answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from busway.contracts.events import Event

__all__ = ["Delivery", "EventSink", "SinkTraits"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a batch. Events named in neither field stay pending and come again, with the same ids."""

    delivered: frozenset[str] = frozenset()
    """Ids that arrived."""
    rejected: Mapping[str, str] = field(default_factory=dict)
    """Ids that can never be delivered, with the reason: they go to this sink's dead letters."""
    retry_after_seconds: float | None = None
    """Seconds to wait before the rest is tried again; ``None`` leaves that to the core's back-off."""

    @classmethod
    def done(cls, events: Iterable[Event]) -> Delivery:
        """All of them arrived."""
        return cls(frozenset(event.event_id for event in events))

    @classmethod
    def partial(
        cls,
        delivered: Iterable[Event],
        *,
        rejected: Mapping[str, str] | None = None,
        retry_after_seconds: float | None = None,
    ) -> Delivery:
        """Some arrived, some never will, the rest comes again."""
        return cls(frozenset(event.event_id for event in delivered), dict(rejected or {}), retry_after_seconds)

    @classmethod
    def retry_after(cls, seconds: float) -> Delivery:
        """None arrived; the receiver asked to wait."""
        return cls(retry_after_seconds=seconds)

    @classmethod
    def reject(cls, events: Iterable[Event], reason: str) -> Delivery:
        """None of them can ever be delivered."""
        return cls(rejected={event.event_id: reason for event in events})


@runtime_checkable
class EventSink(Protocol):
    """A receiver of events.

    The core calls it from one thread of its own, in batches, in order, at least once per event. Threads,
    retries, back-off, redaction, dead letters and counting are the core's business. An exception from
    :meth:`deliver` means that nothing of the batch is known to have arrived.

    Optional class attributes, read through :class:`SinkTraits`: ``batch_size``, ``scope``, ``receives``,
    ``atomic``.
    """

    def deliver(self, events: list[Event]) -> Delivery:
        """Hands the batch over and says what became of it. May block up to 30 s."""
        ...

    def close(self) -> None:
        """Gives connections back; called once, after the last delivery."""
        ...


@dataclass(frozen=True, slots=True)
class SinkTraits:
    """The optional attributes of a sink, with their defaults."""

    batch_size: int = 100
    """Events per delivery, at most."""
    scope: Literal["process", "installation"] = "installation"
    """``process``: only events of its own process (a log). ``installation``: all, from one process at a time."""
    receives: frozenset[str] = frozenset({"events"})
    """``events``, ``digests`` or both."""
    atomic: bool = False
    """The sink takes a batch as a whole and in its order, or nothing of it. Its batches may hold several events of one
    record; any other sink is handed the second of a record when the first is settled."""

    @classmethod
    def of(cls, sink: object) -> SinkTraits:
        """What ``sink`` declares."""
        return cls(
            batch_size=max(1, int(getattr(sink, "batch_size", 100))),
            scope="process" if getattr(sink, "scope", "installation") == "process" else "installation",
            receives=frozenset(getattr(sink, "receives", ("events",))),
            atomic=getattr(sink, "atomic", False) is True,
        )
