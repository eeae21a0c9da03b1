"""How each client is put together from the settings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, cast

from busway.contracts.plugins import PluginContext
from busway_safetyamp.remote.caller import ATTEMPTS
from busway_safetyamp.remote.retries import Retries
from busway_safetyamp.remote.trust import trust
from busway_safetyamp.remote.wire import ATTEMPT_SECONDS, READ_SECONDS, Wire, WireOptions
from busway_safetyamp.settings import SafetyAmpSettings
from busway_safetyamp.today import today_in

if TYPE_CHECKING:
    import ssl

    import httpx

    from busway_safetyamp.client import SafetyAmpClient
    from busway_safetyamp.graph.client import GraphClient
    from busway_safetyamp.http import SafetyAmpHttp
    from busway_safetyamp.samsara.client import SamsaraClient
    from busway_safetyamp.vista.source import VistaSource

__all__ = ["Clients", "Manner"]


@dataclass(frozen=True, slots=True)
class Manner:
    """How long a client tries."""

    attempts: int
    """Of one read. A write is sent once: the engine tries it again, within one budget for all writes of a job."""
    retry_seconds: float
    read_seconds: float = READ_SECONDS
    attempt_seconds: float = ATTEMPT_SECONDS

    @classmethod
    def of_a_run(cls, settings: SafetyAmpSettings) -> Manner:
        """For jobs: patiently."""
        return cls(ATTEMPTS, settings.retry_budget_seconds)


class Clients:
    """Builds clients; connects to nothing.

    A test may inject the HTTP transport as ``context.doubles["http_transport"]``.
    """

    def __init__(self, context: PluginContext[SafetyAmpSettings]) -> None:
        self._context = context
        self._settings = context.settings

    def safetyamp(self, manner: Manner) -> SafetyAmpClient:
        """The client of the target."""
        from busway_safetyamp.client import SafetyAmpClient
        from busway_safetyamp.paging import Pages

        settings, http = self._settings, self.safetyamp_http(manner)
        pages = Pages(http, settings.page_size, confirm=settings.confirm_last_page)
        return SafetyAmpClient(http, pages, site_code_field=settings.site_code_field)

    def safetyamp_http(self, manner: Manner) -> SafetyAmpHttp:
        """The calls to the target."""
        from busway_safetyamp.http import SafetyAmpHttp, safetyamp_headers, safetyamp_turns

        settings = self._settings
        wire = self._wire(settings.domain, manner, safetyamp_headers(settings))
        return SafetyAmpHttp(
            settings,
            wire,
            turns=safetyamp_turns(settings, self._context.limiter),
            retries=self._retries(manner),
            write_retries=self._retries(replace(manner, attempts=1)),
        )

    def graph(self, manner: Manner) -> GraphClient:
        """The client of the directory."""
        from busway_safetyamp.graph.client import GraphClient
        from busway_safetyamp.graph.token import GraphToken

        settings, retries = self._settings, self._retries(manner)
        token = GraphToken(settings, self._wire(settings.graph_authority, manner), retries)
        return GraphClient(settings, self._wire(settings.graph_domain, manner), token, retries)

    def samsara(self, manner: Manner) -> SamsaraClient:
        """The client of the fleet."""
        from busway_safetyamp.samsara.account import samsara_turns
        from busway_safetyamp.samsara.client import SamsaraClient

        settings = self._settings
        turns = samsara_turns(settings, self._context.limiter)
        wire = self._wire(settings.samsara_domain, manner)
        return SamsaraClient(settings, wire, turns=turns, retries=self._retries(manner))

    def vista(self) -> VistaSource:
        """The source."""
        from busway_safetyamp.vista.database import VistaDatabase
        from busway_safetyamp.vista.source import VistaSource

        context, settings = self._context, self._settings
        database = VistaDatabase(settings.vista_url, context.root, context.sql_connection_string)
        return VistaSource(database, settings, today_in(context.clock, settings.timezone))

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        return trust(self._settings.ca_file, self._context.root)

    def _wire(self, address: str, manner: Manner, headers: dict[str, str] | None = None) -> Wire:
        transport = cast("httpx.BaseTransport | None", self._context.doubles.get("http_transport"))
        options = WireOptions(
            transport=transport, read_seconds=manner.read_seconds, attempt_seconds=manner.attempt_seconds
        )
        if address.startswith("https:") and transport is None:
            options = replace(options, trust=self._trust)
        return Wire(address, headers or {}, self._context.clock, options)

    def _retries(self, manner: Manner) -> Retries:
        return Retries(attempts=manner.attempts, budget_seconds=manner.retry_seconds, clock=self._context.clock)
