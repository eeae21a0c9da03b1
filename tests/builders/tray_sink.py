"""An event sink that keeps every rule of the contract, and the register of those that break one."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from busway.contracts.events import Event
from busway.contracts.sinks import Delivery
from busway.errors import UnreachableError

KEY = "synthetic-key-of-the-tray"


@dataclass
class Tray:
    """The receiver of the specimens."""

    lines: list[tuple[str, str]] = field(default_factory=list)
    """Id and text of what it took, in order."""
    room: int | None = None
    """How many events it still takes before it asks to wait; ``None`` = all."""
    away: bool = False
    silent: bool = False
    slow: bool = False

    def ids(self) -> list[str]:
        return [name for name, _ in self.lines]

    def text(self) -> str:
        return "\n".join(text for _, text in self.lines)


class TraySink:
    """A sink that keeps every rule."""

    batch_size: Any = 6
    scope: Any = "installation"
    receives: Any = frozenset({"events", "digests"})

    def __init__(self, tray: Tray) -> None:
        self.tray = tray
        self.calls = self.closed = self.failed = 0
        self.thread = threading.current_thread()

    def deliver(self, events: list[Event]) -> Delivery:
        self.calls += 1
        if self.closed:
            raise RuntimeError("the sink is closed")
        if self.tray.away or self.tray.silent:
            self.failed += 1
            raise self.outage()
        return self.hand_over(events)

    def hand_over(self, events: list[Event]) -> Delivery:
        delivered: list[Event] = []
        rejected: dict[str, str] = {}
        for event in events:
            if event.attributes.get("poison"):
                rejected[event.event_id] = "nobody takes that"
            elif self.tray.room == 0:
                return Delivery.partial(delivered, rejected=rejected, retry_after_seconds=1.0)
            else:
                self.put(event)
                delivered.append(event)
        return Delivery.partial(delivered, rejected=rejected)

    def put(self, event: Event) -> None:
        self.tray.room = None if self.tray.room is None else self.tray.room - 1
        self.tray.lines.append((event.event_id, self.text_of(event)))

    def text_of(self, event: Event) -> str:
        return json.dumps([event.event_id, event.category, event.entity_id, dict(event.attributes)])

    def outage(self) -> UnreachableError:
        return UnreachableError("TEST01", "the tray is away", fix="put it back")

    def close(self) -> None:
        self.closed += 1


class AtomicTraySink(TraySink):
    """Another one: it takes a batch as a whole, or nothing of it."""

    atomic: Any = True

    def hand_over(self, events: list[Event]) -> Delivery:
        good = [event for event in events if not event.attributes.get("poison")]
        if self.tray.room is not None and self.tray.room < len(good):
            return Delivery.retry_after(1.0)
        return super().hand_over(events)


@dataclass(frozen=True)
class Specimen:
    """A sink that fails ``check``, and no other."""

    check: str
    sink: type[TraySink]


SPECIMENS: list[Specimen] = []


def breaks(check: str) -> Callable[[type[TraySink]], type[TraySink]]:
    """Enters a specimen."""

    def enter(made: type[TraySink]) -> type[TraySink]:
        SPECIMENS.append(Specimen(f"test_{check}", made))
        return made

    return enter
