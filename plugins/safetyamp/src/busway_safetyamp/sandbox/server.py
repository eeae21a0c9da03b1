"""The sandbox of SafetyAmp: an account that answers on loopback."""

from __future__ import annotations

from busway.contracts.clock import Clock, SystemClock
from busway_safetyamp.sandbox.api import PageLimit, SafetyAmpApi
from busway_safetyamp.sandbox.faults import Faults
from busway_safetyamp.sandbox.ledger import WriteLedger
from busway_safetyamp.sandbox.limiter import CallLimiter, RetryAfter
from busway_safetyamp.sandbox.listener import StandIn
from busway_safetyamp.sandbox.world import World

__all__ = ["SANDBOX_FQDN", "SANDBOX_TOKEN", "Sandbox"]

SANDBOX_TOKEN = "sandbox-token-for-loopback-only"
SANDBOX_FQDN = "sandbox.example.test"


class Sandbox(StandIn):
    """A SafetyAmp account behind HTTP on 127.0.0.1, in a daemon thread of this process.

    ``quota`` calls per ``period`` seconds are allowed, None lifts the limit; ``port`` 0 takes any free one.
    A test writes ``with Sandbox(world) as sandbox:`` and talks to :attr:`url` with :attr:`token`.
    """

    def __init__(
        self,
        world: World,
        *,
        quota: int | None = 60,
        period: float = 60.0,
        token: str = SANDBOX_TOKEN,
        port: int = 0,
        clock: Clock | None = None,
        retry_after: RetryAfter = RetryAfter.INTEGER,
        page_limit: PageLimit = PageLimit(),  # noqa: B008 - frozen
    ) -> None:
        self.world = world
        self.token = token
        self.fqdn = SANDBOX_FQDN
        self.faults = Faults(world.resources)
        self.limiter = CallLimiter(quota, period, clock or SystemClock(), retry_after)
        self._api = SafetyAmpApi(world, token=token, limiter=self.limiter, faults=self.faults, page_limit=page_limit)
        super().__init__(self._api, port=port)

    @property
    def ledger(self) -> WriteLedger:
        """What was written."""
        return self.world.ledger

    @property
    def calls(self) -> int:
        """How many calls of the API were answered, whatever the answer."""
        return sum(self._api.answers.values())

    @property
    def answers(self) -> dict[int, int]:
        """Calls by the status they were answered with."""
        return self._api.answers
