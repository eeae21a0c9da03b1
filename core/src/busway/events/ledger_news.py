"""Tells that a damaged ledger was rebuilt: with an event, as everything that people should know."""

from __future__ import annotations

from pathlib import Path

from busway.contracts.clock import Clock
from busway.contracts.events import Severity
from busway.events.ids import new_event_id
from busway.events.journal import JournalWriter
from busway.events.ledger_database import Rebuilt
from busway.metrics.registry import Metrics
from busway.stores.state_dir import JOURNAL

__all__ = ["CODE", "tell_rebuilt"]

CODE = "BW3041"


def tell_rebuilt(state_dir: Path, clock: Clock, rebuilt: Rebuilt) -> None:
    """Journals an error event. A sink cannot emit, so the event gets a journal file of its own."""
    writer = JournalWriter(state_dir / JOURNAL, clock, threads=False)
    counter = Metrics().counter("busway_events_emitted_total", "Events emitted.", severity="error")
    writer.append(_record(clock, rebuilt), counter, sync=True)
    writer.close()


def _record(clock: Clock, rebuilt: Rebuilt) -> dict[str, object]:
    return {
        "event_id": new_event_id(),
        "timestamp": clock.now_ns(),
        "severity": int(Severity.ERROR),
        "category": "error",
        "entity_type": None,
        "entity_id": None,
        "session_id": None,
        "attributes": {"operation": "ledger_rebuilt", "set_aside": rebuilt.set_aside.name, "events": rebuilt.events},
        "error": {"kind": "ledger", "message": f"{CODE}: {rebuilt}", "type": "", "code": CODE},
    }
