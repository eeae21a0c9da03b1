"""The state behind a configuration manager: everything that was opened together."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from busway.configuration.boot import Boot
from busway.configuration.complaints import Complaints
from busway.configuration.core_settings import CoreSettings, SqlSettings
from busway.configuration.declarations import CORE, Catalog
from busway.configuration.layers import Layers
from busway.configuration.resolver import Resolver
from busway.configuration.sections import Sections, Verdict
from busway.contracts.clock import Clock
from busway.contracts.secrets import SecretSource
from busway.contracts.settings import Settings
from busway.errors import Problem

__all__ = ["ConfigState"]


@dataclass(slots=True)
class ConfigState:
    """One opened configuration. Managers share it; nobody else holds it."""

    boot: Boot
    catalog: Catalog
    layers: Layers
    resolver: Resolver
    sections: Sections
    complete: bool
    """Whether every owner of settings is known, so that a name nobody declared is a mistake."""
    optional: frozenset[type[Settings]] = frozenset()
    """Models of plugins the deployment can do without: what is wrong there makes nothing invalid."""

    @classmethod
    def open(
        cls,
        boot: Boot,
        sources: Sequence[tuple[str, SecretSource]],
        models: Sequence[tuple[str, type[Settings]]],
        clock: Clock,
        *,
        complete: bool,
        optional: Collection[type[Settings]] = (),
    ) -> ConfigState:
        """Nothing is read here. Raises ``ConfigurationError`` BW1105 for declarations in conflict."""
        catalog = Catalog()
        catalog.add([(CORE, CoreSettings), (CORE, SqlSettings), *models])
        layers = Layers(boot, sources)
        resolver = Resolver(layers, clock)
        sections = Sections(catalog, resolver, Complaints(layers, catalog))
        return cls(boot, catalog, layers, resolver, sections, complete and not boot.safe, frozenset(optional))

    def add(self, models: Sequence[tuple[str, type[Settings]]], *, complete: bool) -> None:
        """Adds the models of owners that became known later. Raises like :meth:`open`."""
        self.catalog.add(models)
        self.complete = self.complete and complete

    def problems(self, verdicts: dict[type[Settings], Verdict]) -> list[Problem]:
        """Everything that is wrong, each thing once."""
        needed = [verdict for model, verdict in verdicts.items() if model not in self.optional]
        found = [problem for verdict in needed for problem in verdict.problems]
        if self.complete:
            found += self.sections.complaints.unknown_keys()
        found += self.sections.complaints.unread_own_names()
        return list(dict.fromkeys(found))
