"""The clients of one application: built at first use, shared by its jobs and health checks, closed once."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from busway.contracts.plugins import PluginContext
from busway_safetyamp.clients import Clients, Manner
from busway_safetyamp.settings import SafetyAmpSettings

if TYPE_CHECKING:
    from busway_safetyamp.client import SafetyAmpClient
    from busway_safetyamp.graph.client import GraphClient
    from busway_safetyamp.graph.enrichment import Enrichment
    from busway_safetyamp.samsara.client import SamsaraClient
    from busway_safetyamp.vista.source import VistaSource

__all__ = ["Connections"]


class Connections:
    """What talks to SafetyAmp, Vista, Microsoft Graph and Samsara, each built once and connected at first use.

    What was opened is closed by :meth:`close`, and at the latest when this object or the process goes.

    :param manner: how long clients try; as jobs do unless something else is said.
    """

    _alive: ClassVar[weakref.WeakValueDictionary[int, Connections]] = weakref.WeakValueDictionary()

    @classmethod
    def of(cls, context: PluginContext[SafetyAmpSettings]) -> Connections:
        """Those of the application that ``context`` comes from: jobs and health checks share one database pool.

        The host hands every hook the same settings, and connections keep theirs alive, so identity tells them apart.
        """
        found = cls._alive.get(id(context.settings))
        if found is None:
            found = cls._alive[id(context.settings)] = cls(context)
        return found

    def __init__(self, context: PluginContext[SafetyAmpSettings], manner: Manner | None = None) -> None:
        self.settings = context.settings
        self._clients = Clients(context)
        self._manner = manner or Manner.of_a_run(context.settings)
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

    @property
    def graph(self) -> GraphClient:
        """The client of the directory."""
        with self._lock:
            return self._graph

    @property
    def samsara(self) -> SamsaraClient:
        """The client of the fleet."""
        with self._lock:
            return self._samsara

    def enrichment(self, note: Callable[[str], None]) -> Enrichment:
        """The e-mail addresses of the directory, read now, as ``SAFETYAMP_ENRICHMENT`` says.

        :param note: receives one sentence for each thing a person should know.
        """
        from busway_safetyamp.graph.directory import Directory
        from busway_safetyamp.graph.enrichment import Enrichment

        settings, zeros = self.settings, self.settings.graph_ignore_leading_zeros

        def load() -> Directory:
            upn = settings.graph_upn_fallback
            return Directory.of(self.graph.users(), upn_fallback=upn, ignore_leading_zeros=zeros)

        return Enrichment.read(settings.enrichment, load, note, ignore_leading_zeros=zeros)

    def close(self) -> None:
        """Gives back what was opened; may be called when nothing was."""
        for closer in self._closers:
            closer()

    @cached_property
    def _safetyamp(self) -> SafetyAmpClient:
        client = self._clients.safetyamp(self._manner)
        self._closes_with(client.close)
        return client

    @cached_property
    def _vista(self) -> VistaSource:
        source = self._clients.vista()
        self._closes_with(source.close)
        return source

    @cached_property
    def _graph(self) -> GraphClient:
        client = self._clients.graph(self._manner)
        self._closes_with(client.close)
        return client

    @cached_property
    def _samsara(self) -> SamsaraClient:
        client = self._clients.samsara(self._manner)
        self._closes_with(client.close)
        return client

    def _closes_with(self, close: Callable[[], None]) -> None:
        self._closers.append(weakref.finalize(self, close))
