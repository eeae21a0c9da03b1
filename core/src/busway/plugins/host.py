"""The plugin host: loads, asks and builds the selected plugins of all kinds, and reports on every one of them."""

from __future__ import annotations

from collections.abc import Callable

from busway.contracts.health import HealthCheck
from busway.contracts.settings import Settings
from busway.errors import PluginError, Problem
from busway.plugins.claims import Claims
from busway.plugins.health import collect_checks
from busway.plugins.index import Index
from busway.plugins.kind_host import BuiltPlugin, KindHost, LoadedPlugin, MakeContext
from busway.plugins.kinds import KINDS
from busway.plugins.listing import unselected_statuses
from busway.plugins.loading import Imports
from busway.plugins.report import PluginStatus
from busway.plugins.resolution import resolve
from busway.plugins.selection import Selection

__all__ = ["BuiltPlugin", "LoadedPlugin", "MakeContext", "PluginHost"]

TIMEOUT_SECONDS = 10.0
"""For each import and each factory."""


class PluginHost:
    """Hosts the plugins of one application.

    A plugin that fails is set aside with its cause and remedy, and the others go on; `require` then decides
    whether the application may. Nothing that was not selected is imported.

    :param redact: applied to the text of a plugin's exceptions before it is kept.
    """

    def __init__(
        self,
        index: Index,
        selection: Selection,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        redact: Callable[[str], str] = str,
    ) -> None:
        self._index = index
        self._selection = selection
        imports, claims = Imports(timeout_seconds), Claims()
        self._kinds = {
            kind: KindHost(
                kind, resolve(index, selection, kind), imports, claims, timeout_seconds=timeout_seconds, redact=redact
            )
            for kind in KINDS
        }

    def load(self, kind: str) -> None:
        """Import and register the selected plugins of `kind`; the second call does nothing."""
        self._kinds[kind].loaded()

    def loaded(self, kind: str) -> list[LoadedPlugin]:
        """The plugins of `kind` that can be used so far, in configured order."""
        return self._kinds[kind].loaded()

    def settings_models(self, kind: str) -> list[tuple[str, str, type[Settings]]]:
        """Name, distribution and settings model of each plugin of `kind` that declares one.

        A module that serves two kinds appears under both, with the same model.
        """
        return [(plugin.name, plugin.distribution, model) for plugin, model in self._kinds[kind].models()]

    def build(self, kind: str, make_context: MakeContext) -> list[BuiltPlugin]:
        """Build the plugins of `kind` and return those that could be built, in configured order."""
        return self._kinds[kind].build(make_context)

    def health_checks(self, make_context: MakeContext) -> list[tuple[LoadedPlugin, HealthCheck]]:
        """The checks of every plugin loaded so far. A plugin that fails to name its checks gets one that says so."""
        return collect_checks([kind for kind in self._kinds.values() if kind.is_loaded], make_context)

    def statuses(self) -> list[PluginStatus]:
        """Every plugin of every kind: the selected ones in order, then what else is installed."""
        rows: list[PluginStatus] = []
        for kind, host in self._kinds.items():
            rows += host.statuses
            rows += unselected_statuses(self._index, kind, resolve(self._index, self._selection, kind))
        return rows

    def problems(self) -> list[Problem]:
        """What is wrong with required plugins: one problem for each, followed by the settings that caused it."""
        failed = [status for status in self.statuses() if status.failed and status.required]
        return [problem for status in failed for problem in (status.problem(), *status.details)]

    def optional_failures(self) -> list[PluginStatus]:
        """Optional plugins that cannot be used; the application goes on without them."""
        return [status for status in self.statuses() if status.failed and not status.required]

    def require(self) -> None:
        """Raise `PluginError` (BW1301 to BW1314) with all problems at once when a required plugin has failed."""
        problems = self.problems()
        if problems:
            raise PluginError.of(problems)
