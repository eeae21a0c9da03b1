"""How each client is put together from the settings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, cast

from busway.contracts.plugins import PluginContext
from busway_safetyamp.remote.caller import ATTEMPTS
from busway_safetyamp.remote.patience import Patience
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
    retry_seconds: float
    quota_wait_seconds: float
    read_seconds: float = READ_SECONDS
    attempt_seconds: float = ATTEMPT_SECONDS

    @classmethod
    def of_a_run(cls, settings: SafetyAmpSettings) -> Manner:
        """For jobs: patiently."""
        return cls(ATTEMPTS, settings.retry_budget_seconds, settings.quota_wait_seconds)


class Clients:
    """Builds clients; connects to nothing.

    A test may inject the HTTP transport as ``context.doubles["http_transport"]``.
    """

    def __init__(self, context: PluginContext[SafetyAmpSettings]) -> None:
        self._context = context
        self._settings = context.settings
        self.patience = Patience(context.clock)
        """How all of them wait."""

    def safetyamp(self, manner: Manner) -> SafetyAmpClient:
        """The client of the target."""
        from busway_safetyamp.client import SafetyAmpClient
        from busway_safetyamp.paging import Pages

        settings, http = self._settings, self.safetyamp_http(manner)
        pages = Pages(http, settings.page_size, confirm=settings.confirm_last_page)
        return SafetyAmpClient(http, pages, site_code_field=settings.site_code_field)

    def safetyamp_http(self, manner: Manner) -> SafetyAmpHttp:
        """The calls to the target."""
        from busway_safetyamp.http import SafetyAmpHttp, safetyamp_headers, safetyamp_pacer

        settings = self._settings
        wire = self._wire(settings.domain, manner, safetyamp_headers(settings))
        pacer = safetyamp_pacer(
            settings, self._context.coordinator, self.patience, budget_seconds=manner.quota_wait_seconds
        )
        return SafetyAmpHttp(settings, wire, pacer=pacer, retries=self._retries(manner))

    def graph(self, manner: Manner) -> GraphClient:
        """The client of the directory."""
        from busway_safetyamp.graph.client import GraphClient
        from busway_safetyamp.graph.token import GraphToken

        settings, retries = self._settings, self._retries(manner)
        token = GraphToken(settings, self._wire(settings.graph_authority, manner), retries)
        return GraphClient(settings, self._wire(settings.graph_domain, manner), token, retries)

    def samsara(self, manner: Manner) -> SamsaraClient:
        """The client of the fleet."""
        from busway_safetyamp.samsara.account import samsara_pacer
        from busway_safetyamp.samsara.client import SamsaraClient

        settings = self._settings
        pacer = samsara_pacer(
            settings, self._context.coordinator, self.patience, budget_seconds=manner.quota_wait_seconds
        )
        return SamsaraClient(
            settings, self._wire(settings.samsara_domain, manner), pacer=pacer, retries=self._retries(manner)
        )

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
        return Retries(attempts=manner.attempts, budget_seconds=manner.retry_seconds, patience=self.patience)
