"""The layers a value can come from, highest first: secret sources in their order, then ``[settings]`` of the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from busway.configuration.boot import Boot
from busway.configuration.busway_names import PREFIX
from busway.configuration.declarations import Declaration
from busway.configuration.env_source import EnvSource
from busway.contracts.secrets import SecretSource, SecretValue
from busway.errors import BuswayError, UnreachableError

__all__ = ["DEFAULT", "TOML", "Found", "Layers", "Outcome"]

TOML = "toml"
DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Found:
    """A value as a layer holds it, before it has a type."""

    layer: str
    """Name of the source, or ``toml``."""
    place: str
    """Where in the layer, for people."""
    value: Any = field(repr=False)
    version: str = ""
    expires_at_ns: int | None = None


Outcome = Found | BuswayError | None
"""What asking for a name came to: a value, a source that could not answer, or nothing anywhere."""


class Layers:
    """Asks the layers in their order. Keeps nothing.

    An empty text counts as not set on every layer. A source that fails hides the layers below it: the value there
    may not be the one that is meant.
    """

    def __init__(self, boot: Boot, sources: Sequence[tuple[str, SecretSource]]) -> None:
        self.deployment = boot.deployment
        self._sources = tuple(sources)
        # The core read its own names before there were sources, so no source may change them afterwards.
        self._own_sources: tuple[tuple[str, SecretSource], ...] = (("env", EnvSource(boot.environ)),)

    @property
    def sources(self) -> tuple[tuple[str, SecretSource], ...]:
        """The sources with their names, in order."""
        return self._sources

    def sources_for(self, declaration: Declaration) -> tuple[tuple[str, SecretSource], ...]:
        """The sources that may have this setting: vaults only for what may be vaulted."""
        if declaration.name.startswith(PREFIX):
            return self._own_sources
        return tuple(one for one in self._sources if one[1].serves_settings or declaration.may_be_vaulted)

    def listable(self) -> tuple[tuple[str, SecretSource], ...]:
        """The sources that can be searched for misspelt names without asking a remote."""
        return tuple(one for one in self._sources if one[1].serves_settings)

    def first(self, declaration: Declaration) -> Found | None:
        """The value of the highest layer that has it; sources below are not asked. Raises what a source raises."""
        for name, source in self.sources_for(declaration):
            value = source.fetch(declaration.name)
            if value is not None and value.value:
                return _found(name, value)
        return self.in_file(declaration.name)

    def in_file(self, name: str) -> Found | None:
        """The value under ``[settings]``."""
        value = self.deployment.table("settings").get(name)
        return None if value is None or value == "" else Found(TOML, self.deployment.where("settings", name), value)

    def first_of_each(self, declarations: Iterable[Declaration]) -> dict[str, Outcome]:
        """The same for many settings, with one question to each source."""
        waiting = {declaration.name: declaration for declaration in declarations}
        outcomes: dict[str, Outcome] = {}
        for name, source in (*self._own_sources, *self._sources):
            asked = [one for one, declaration in waiting.items() if (name, source) in self.sources_for(declaration)]
            outcomes.update(_ask_many(name, source, asked))
            waiting = {one: declaration for one, declaration in waiting.items() if one not in outcomes}
        outcomes.update((name, self.in_file(name)) for name in waiting)
        return outcomes


def _found(layer: str, value: SecretValue) -> Found:
    return Found(layer, value.where, value.value, value.version, value.expires_at_ns)


def _ask_many(layer: str, source: SecretSource, names: Sequence[str]) -> dict[str, Outcome]:
    """What ``source`` has of ``names``; for those it could not answer, the reason."""
    if not names:
        return {}
    try:
        answers = source.fetch_many(names)
    except UnreachableError as error:
        return dict.fromkeys(names, error)
    except BuswayError:
        # One refused name must not spoil the answer for the others.
        return _ask_one_by_one(layer, source, names)
    return {name: _outcome(layer, answer) for name, answer in answers.items() if name in names and _answered(answer)}


def _answered(answer: SecretValue | BuswayError) -> bool:
    return isinstance(answer, BuswayError) or bool(answer.value)


def _outcome(layer: str, answer: SecretValue | BuswayError) -> Found | BuswayError:
    return answer if isinstance(answer, BuswayError) else _found(layer, answer)


def _ask_one_by_one(layer: str, source: SecretSource, names: Sequence[str]) -> dict[str, Outcome]:
    outcomes: dict[str, Outcome] = {}
    for name in names:
        try:
            value = source.fetch(name)
        except BuswayError as error:
            outcomes[name] = error
        else:
            outcomes.update({name: _found(layer, value)} if value is not None and value.value else {})
    return outcomes
