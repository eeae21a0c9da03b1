"""The sandbox of Microsoft Entra ID: sign-in and directory that answer on loopback, over HTTPS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from busway.contracts.clock import Clock, SystemClock
from busway.contracts.records import Record
from busway_safetyamp.sandbox.faults import Faults
from busway_safetyamp.sandbox.graph_api import Application, GraphApi
from busway_safetyamp.sandbox.limiter import CallLimiter, RetryAfter
from busway_safetyamp.sandbox.listener import StandIn
from busway_safetyamp.sandbox.tls import Certificate

__all__ = ["GraphSandbox"]

_TENANT = "11111111-2222-4333-8444-555555555555"
_CLIENT = "66666666-7777-4888-8999-000000000000"
_SECRET = "graph-secret-for-loopback-only"


class GraphSandbox(StandIn):
    """A directory behind HTTPS on 127.0.0.1. Whoever talks to it has to trust :attr:`authority`.

    Raises ``UsageError`` BW8008 where the package that makes certificates is not installed.

    :param users: as :func:`busway_safetyamp.sandbox.directory.directory_users` makes them.
    """

    def __init__(
        self,
        users: Sequence[Record],
        *,
        application: Application | None = None,
        quota: int | None = None,
        period: float = 10.0,
        port: int = 0,
        clock: Clock | None = None,
        retry_after: RetryAfter = RetryAfter.INTEGER,
        certificate: Certificate | None = None,
    ) -> None:
        certificate = certificate or Certificate.make()
        self.users = users
        self.application = application or Application(_TENANT, _CLIENT, _SECRET)
        self.authority = certificate.authority
        """In PEM form."""
        self.faults = Faults(("users", "token", "discovery"))
        limiter = CallLimiter(quota, period, clock or SystemClock(), retry_after)
        self._api = GraphApi(users, self.application, limiter=limiter, faults=self.faults)
        super().__init__(self._api, port=port, tls=certificate.context)

    def start(self) -> Self:
        """Listens and answers from now on. Raises ``UsageError`` BW8004 when the port is taken."""
        super().start()
        self._api.address = self.url
        return self

    @property
    def answers(self) -> dict[int, int]:
        """Calls by the status they were answered with."""
        return self._api.answers
