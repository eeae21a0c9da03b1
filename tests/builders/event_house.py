"""A state folder and managers on it, with their real parts: journal, state, log and ledger on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from busway.contracts.clock import Clock, SystemClock
from busway.contracts.events import Event
from busway.contracts.sinks import Delivery, EventSink
from busway.events.ledger_sink import LedgerSink
from busway.events.log_sink import LogSink
from busway.events.manager import EventManager
from busway.events.policy import EventPolicy
from busway.events.worker_parts import WorkerParts
from busway.metrics.registry import Metrics
from busway.redaction.redactor import Redactor
from busway.stores.state import StateStore

__all__ = ["CANARY", "Collector", "House", "audit"]

CANARY = "canary-9f3c2a1b-secret"


class Collector:
    batch_size = 10

    def __init__(self, receives: frozenset[str] = frozenset({"events"})) -> None:
        self.receives = receives
        self.events: list[Event] = []
        self.closed = 0

    def deliver(self, events: list[Event]) -> Delivery:
        self.events += events
        return Delivery.done(events)

    def close(self) -> None:
        self.closed += 1


class House:
    """A state folder, and managers on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._opened: list[tuple[EventManager, StateStore]] = []

    def open(
        self,
        *sinks: tuple[str, EventSink],
        policy: EventPolicy | None = None,
        metrics: Metrics | None = None,
        parts: WorkerParts | None = None,
        clock: Clock | None = None,
    ) -> EventManager:
        state = StateStore(self.folder)
        manager = EventManager.open(
            self.folder,
            sinks=sinks or self.built_in(),
            redactor=Redactor([CANARY]),
            clock=clock or SystemClock(),
            metrics=metrics or Metrics(),
            state=state,
            policy=policy,
            parts=parts,
        )
        self._opened.append((manager, state))
        return manager

    def built_in(self) -> list[tuple[str, EventSink]]:
        return [("log", LogSink(self.folder / "audit.log")), ("ledger", LedgerSink(self.folder))]

    def journals(self) -> list[Path]:
        return sorted((self.folder / "journal").iterdir())

    def dies(self, manager: EventManager) -> None:
        """What the operating system does when the process of a manager dies."""
        state = next(state for one, state in self._opened if one is manager)
        manager._pipeline._writer.close()
        state.presence.close()

    def close(self) -> None:
        for manager, state in self._opened:
            manager.close(1.0)
            state.close()


def audit(house: House) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (house.folder / "audit.log").read_text().splitlines()]
