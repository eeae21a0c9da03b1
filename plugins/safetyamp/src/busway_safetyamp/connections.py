"""The client and the database of one application, shared by its jobs and opened at first use."""

from __future__ import annotations

import threading
import weakref
from functools import cached_property
from typing import TYPE_CHECKING, cast

from busway.contracts.plugins import PluginContext
from busway_safetyamp.settings import SafetyAmpSettings
from busway_safetyamp.today import today_in

if TYPE_CHECKING:
    import httpx

    from busway_safetyamp.client import SafetyAmpClient
    from busway_safetyamp.vista import VistaSource

__all__ = ["Connections"]


class Connections:
    """Builds what talks to SafetyAmp and Vista, once.

    What was opened is closed by :meth:`close`, and at the latest when this object or the process goes.
    A test may inject the HTTP transport as ``context.doubles["http_transport"]``.
    """

    def __init__(self, context: PluginContext[SafetyAmpSettings]) -> None:
        self.settings = context.settings
        self._context = context
        self._lock = threading.RLock()
        self._closers: list[weakref.finalize[..., Connections]] = []

    @property
    def safetyamp(self) -> SafetyAmpClient:
        """The client of the target."""
        with self._lock:
            return self._safetyamp

    @property
    def vista(self) -> VistaSource:
        """The source."""
        with self._lock:
            return self._vista

    def close(self) -> None:
        """Gives back what was opened; may be called when nothing was."""
        for closer in self._closers:
            closer()

    @cached_property
    def _safetyamp(self) -> SafetyAmpClient:
        from busway_safetyamp.client import SafetyAmpClient
        from busway_safetyamp.http import SafetyAmpHttp
        from busway_safetyamp.limiter import Limiter

        settings, clock = self.settings, self._context.clock
        http = SafetyAmpHttp(
            settings,
            limiter=Limiter(settings.rate_limit_calls, settings.rate_limit_period, clock),
            clock=clock,
            transport=cast("httpx.BaseTransport | None", self._context.doubles.get("http_transport")),
        )
        self._closers.append(weakref.finalize(self, http.close))
        return SafetyAmpClient(http, page_size=settings.page_size)

    @cached_property
    def _vista(self) -> VistaSource:
        from busway_safetyamp.vista import VistaSource
        from busway_safetyamp.vista_database import VistaDatabase

        database = VistaDatabase(self.settings.vista_url, self._context.root)
        self._closers.append(weakref.finalize(self, database.close))
        return VistaSource(database, self.settings, today_in(self._context.clock, self.settings.timezone))
