"""What the ledger is told, by whichever of its ways an event gets there."""

from __future__ import annotations

from busway.events.policy import EventPolicy
from busway.events.session_names import SessionNames
from busway.events.sink_route import SinkRoute
from busway.stores.state import StateStore

__all__ = ["LEDGER", "ledger_route"]

LEDGER = "ledger"
"""The name of the sink."""


def ledger_route(policy: EventPolicy | None, state: StateStore) -> SinkRoute:
    """The route that ``policy`` has for the ledger; without a policy it is told everything."""
    return SinkRoute(LEDGER, (policy or EventPolicy()).route(LEDGER), SessionNames(state))
