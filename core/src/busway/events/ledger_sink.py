"""The built-in sink ``ledger``: the queryable history of the installation."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from busway.contracts.clock import Clock, SystemClock
from busway.contracts.events import Event
from busway.contracts.plugins import PluginContext
from busway.contracts.sinks import Delivery
from busway.events.ledger_database import LedgerDatabase, Rebuilt
from busway.events.ledger_news import tell_rebuilt
from busway.events.ledger_retention import LedgerRetention
from busway.events.ledger_writer import insert_events
from busway.events.policy import EventPolicy
from busway.hookspecs import hookimpl

__all__ = ["LedgerSink", "busway_event_sink"]

_log = logging.getLogger("busway.events")


class LedgerSink:
    """Writes batches to ``ledger.db``, which is opened by the first of them, and forgets what is too old.

    Without a policy nothing is too old.
    """

    batch_size = 500
    scope = "installation"
    receives = frozenset({"events", "digests"})
    atomic = True

    def __init__(self, state_dir: Path, clock: Clock | None = None, policy: EventPolicy | None = None) -> None:
        clock = clock or SystemClock()
        self._state_dir = state_dir
        self._clock = clock
        self._database = LedgerDatabase(state_dir, clock, self._rebuilt, policy)
        self._retention = LedgerRetention(self._database, clock, policy.ledger_seconds if policy else None)

    def follow(self, policy: EventPolicy) -> None:
        """Keeps history for as long as ``policy`` says; the manager calls it, who knows the policy."""
        self._database.policy = policy
        self._retention.keep_seconds = policy.ledger_seconds

    def deliver(self, events: list[Event]) -> Delivery:
        """One transaction for the batch."""
        self._database.write(lambda connection: insert_events(connection, events))
        self._retention.apply()
        return Delivery.done(events)

    def close(self) -> None:
        """Closes the database."""
        self._database.close()

    def _rebuilt(self, rebuilt: Rebuilt) -> None:
        _log.warning("%s", rebuilt)
        tell_rebuilt(self._state_dir, self._clock, rebuilt)


@hookimpl
def busway_event_sink(context: PluginContext[Any]) -> LedgerSink:
    """The ledger of the state folder."""
    return LedgerSink(context.state_dir, context.clock)
