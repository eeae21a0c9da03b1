"""The built-in sink ``ledger``: the queryable history of the installation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from busway.contracts.events import Event
from busway.contracts.plugins import PluginContext
from busway.contracts.sinks import Delivery
from busway.events.ledger_schema import LEDGER_DB, LEDGER_MIGRATIONS
from busway.events.ledger_writer import write_events
from busway.hookspecs import hookimpl
from busway.stores.process_database import ProcessDatabase

__all__ = ["LedgerSink", "busway_event_sink"]


class LedgerSink:
    """Writes batches to ``ledger.db``, which is opened by the first of them."""

    batch_size = 500
    scope = "installation"
    receives = frozenset({"events", "digests"})

    def __init__(self, state_dir: Path) -> None:
        self._database = ProcessDatabase(state_dir / LEDGER_DB, LEDGER_MIGRATIONS)

    def deliver(self, events: list[Event]) -> Delivery:
        """One transaction for the batch."""
        write_events(self._database, events)
        return Delivery.done(events)

    def close(self) -> None:
        """Closes the database."""
        self._database.close()


@hookimpl
def busway_event_sink(context: PluginContext[Any]) -> LedgerSink:
    """The ledger of the state folder."""
    return LedgerSink(context.state_dir)
