"""The layers a value can come from, highest first: secret sources in their order, then ``[settings]`` of the file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from busway.configuration.boot import Boot
from busway.configuration.busway_names import PREFIX
from busway.configuration.declarations import Declaration
from busway.configuration.env_source import EnvSource
from busway.configuration.held_source import again
from busway.contracts.secrets import SecretSource, SecretValue
from busway.errors import BuswayError, UnreachableError

__all__ = ["DEFAULT", "TOML", "Answer", "Failed", "Found", "Layers", "Outcome", "found_in"]

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
    not_before_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """A layer that could not answer."""

    layer: str
    error: BuswayError
    """Without its causes, which may hold what the layer read."""


Answer = Found | Failed | None
"""What the layers said to a name: a value, that one of them could not answer, or nothing anywhere."""
Outcome = Found | BuswayError | None
"""The same for those who want a value, and do not care which layer failed."""


class Layers:
    """Asks the layers in their order. Keeps nothing.

    An empty text counts as not set on every layer. A source that fails hides the layers below it: the value there
    may not be the one that is meant.
    """

    def __init__(self, boot: Boot, sources: Sequence[tuple[str, SecretSource]]) -> None:
        self.deployment = boot.deployment
        self._sources = tuple(sources)
        self._serving = tuple(one for one in self._sources if one[1].serves_settings)
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
        return self._sources if declaration.may_be_vaulted else self._serving

    def listable(self) -> tuple[tuple[str, SecretSource], ...]:
        """The sources that can be searched for misspelt names without asking a remote."""
        return self._serving

    def first(self, declaration: Declaration) -> Answer:
        """The value of the highest layer that has it; sources below are not asked."""
        for layer, source in self.sources_for(declaration):
            try:
                value = source.fetch(declaration.name)
            except BuswayError as error:
                return Failed(layer, again(error))
            if value is not None and value.value:
                return found_in(layer, value)
        return self.in_file(declaration.name)

    def in_file(self, name: str) -> Found | None:
        """The value under ``[settings]``."""
        value = self.deployment.table("settings").get(name)
        return None if value is None or value == "" else Found(TOML, self.deployment.where("settings", name), value)

    def first_of_each(self, declarations: Iterable[Declaration]) -> dict[str, Answer]:
        """The same for many settings, with one question to each source."""
        waiting = {declaration.name: declaration for declaration in declarations}
        sources_for = {name: self.sources_for(declaration) for name, declaration in waiting.items()}
        answers: dict[str, Answer] = {}
        for layer, source in (*self._own_sources, *self._sources):
            asked = [one for one in waiting if (layer, source) in sources_for[one]]
            for name, answer in _ask_many(layer, source, asked).items():
                answers[name] = answer
                del waiting[name]
        answers.update((name, self.in_file(name)) for name in waiting)
        return answers


def found_in(layer: str, value: SecretValue) -> Found:
    """What the source ``layer`` answered."""
    return Found(layer, value.where, value.value, value.version, value.expires_at_ns, value.not_before_ns)


def _ask_many(layer: str, source: SecretSource, names: Sequence[str]) -> dict[str, Found | Failed]:
    """What ``source`` has of ``names``; for those it could not answer, the reason."""
    if not names:
        return {}
    try:
        answers = source.fetch_many(names)
    except UnreachableError as error:
        return dict.fromkeys(names, Failed(layer, again(error)))
    except BuswayError:
        # One refused name must not spoil the answer for the others.
        return _ask_one_by_one(layer, source, names)
    wanted = frozenset(names)
    return {name: _answer(layer, answer) for name, answer in answers.items() if name in wanted and _is_answer(answer)}


def _is_answer(answer: SecretValue | BuswayError) -> bool:
    return isinstance(answer, BuswayError) or bool(answer.value)


def _answer(layer: str, answer: SecretValue | BuswayError) -> Found | Failed:
    return Failed(layer, again(answer)) if isinstance(answer, BuswayError) else found_in(layer, answer)


def _ask_one_by_one(layer: str, source: SecretSource, names: Sequence[str]) -> dict[str, Found | Failed]:
    answers: dict[str, Found | Failed] = {}
    for name in names:
        try:
            value = source.fetch(name)
        except BuswayError as error:
            answers[name] = Failed(layer, again(error))
        else:
            answers.update({name: found_in(layer, value)} if value is not None and value.value else {})
    return answers
