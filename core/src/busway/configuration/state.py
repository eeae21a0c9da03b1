"""The state behind a configuration manager: everything that was opened together."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from busway.configuration.attributes import SettingAttributes
from busway.configuration.boot import Boot
from busway.configuration.complaints import Complaints
from busway.configuration.core_settings import CoreSettings, SecretSettings, SqlSettings
from busway.configuration.declarations import CORE, Catalog
from busway.configuration.dotenv_source import DotenvSource
from busway.configuration.env_source import EnvSource
from busway.configuration.flag_settings import FlagSettings
from busway.configuration.held_source import HeldSource
from busway.configuration.layers import Layers
from busway.configuration.resolver import Resolver
from busway.configuration.sections import Sections, Verdict
from busway.configuration.transitions import Transitions
from busway.contracts.clock import Clock
from busway.contracts.secrets import SecretSource
from busway.contracts.settings import Settings
from busway.errors import BuswayError, Problem

__all__ = ["ConfigState"]


@dataclass(slots=True)
class ConfigState:
    """One opened configuration. Managers share it; nobody else holds it."""

    boot: Boot
    catalog: Catalog
    layers: Layers
    resolver: Resolver
    sections: Sections
    transitions: Transitions
    attributes: SettingAttributes
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
        catalog.add([(CORE, CoreSettings), (CORE, SecretSettings), (CORE, SqlSettings), (CORE, FlagSettings), *models])
        transitions = Transitions()
        layers = Layers(boot, [(name, _held(name, source, clock, transitions)) for name, source in sources])
        resolver = Resolver(layers, clock, lambda: _secret_settings(sections), transitions)
        sections = Sections(catalog, resolver, Complaints(layers, catalog))
        return cls(
            boot,
            catalog,
            layers,
            resolver,
            sections,
            transitions,
            SettingAttributes(catalog),
            complete and not boot.safe,
            frozenset(optional),
        )

    def add(self, models: Sequence[tuple[str, type[Settings]]], *, complete: bool) -> None:
        """Adds the models of owners that became known later. Raises like :meth:`open`."""
        self.catalog.add(models)
        self.attributes.add(self.catalog)
        self.complete = self.complete and complete

    def problems(self, verdicts: dict[type[Settings], Verdict]) -> list[Problem]:
        """Everything that is wrong, each thing once."""
        needed = [verdict for model, verdict in verdicts.items() if model not in self.optional]
        found = [problem for verdict in needed for problem in verdict.problems]
        if self.complete:
            found += self.sections.complaints.unknown_keys()
        found += self.sections.complaints.unread_own_names()
        return list(dict.fromkeys(found))


def _held(name: str, source: SecretSource, clock: Clock, transitions: Transitions) -> SecretSource:
    """The source with negative caching; the core's own read memory and a file, and have no outages."""
    return source if isinstance(source, EnvSource | DotenvSource) else HeldSource(name, source, clock, transitions.add)


def _secret_settings(sections: Sections) -> SecretSettings:
    """The limits of secrets, or the defaults while one of them is wrong: that is among the problems, and no reason
    to hand out no secret."""
    try:
        settings = sections.get(SecretSettings)
    except BuswayError:
        return SecretSettings()
    return settings if isinstance(settings, SecretSettings) else SecretSettings()
