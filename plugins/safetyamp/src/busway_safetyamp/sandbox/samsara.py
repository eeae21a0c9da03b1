"""The sandbox of Samsara: a fleet that answers on loopback."""

from __future__ import annotations

from busway.contracts.clock import Clock, SystemClock
from busway_safetyamp.sandbox.faults import Faults
from busway_safetyamp.sandbox.fleet import Fleet
from busway_safetyamp.sandbox.limiter import CallLimiter, RetryAfter
from busway_safetyamp.sandbox.listener import StandIn
from busway_safetyamp.sandbox.samsara_api import SamsaraApi

__all__ = ["SAMSARA_TOKEN", "SamsaraSandbox"]

SAMSARA_TOKEN = "samsara-token-for-loopback-only"


class SamsaraSandbox(StandIn):
    """A fleet behind HTTP on 127.0.0.1. ``quota`` calls per ``period`` seconds are allowed, None lifts the limit."""

    def __init__(
        self,
        fleet: Fleet,
        *,
        quota: int | None = 25,
        period: float = 1.0,
        token: str = SAMSARA_TOKEN,
        port: int = 0,
        clock: Clock | None = None,
        retry_after: RetryAfter = RetryAfter.FRACTIONAL,
    ) -> None:
        self.fleet = fleet
        self.token = token
        self.faults = Faults(("vehicles", "drivers"))
        self.limiter = CallLimiter(quota, period, clock or SystemClock(), retry_after)
        self._api = SamsaraApi(fleet, token=token, limiter=self.limiter, faults=self.faults)
        super().__init__(self._api, port=port)

    @property
    def answers(self) -> dict[int, int]:
        """Calls by the status they were answered with."""
        return self._api.answers
