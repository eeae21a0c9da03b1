"""Finding out where a value comes from."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from busway.configuration.declarations import Declaration
from busway.configuration.explanation import Explanation, Place
from busway.configuration.layers import DEFAULT, TOML, Found, Layers
from busway.configuration.reader import calling_module
from busway.configuration.resolver import Resolver
from busway.configuration.sections import Sections
from busway.configuration.values import length_class, shown
from busway.contracts.secrets import SecretSource
from busway.errors import BuswayError, Problem

__all__ = ["explain"]


@dataclass(slots=True)
class _Survey:
    """The part each layer has, as it is found out."""

    winner: Place | None = None
    shadowed: list[Place] = field(default_factory=list)
    not_set: list[Place] = field(default_factory=list)
    not_asked: list[Place] = field(default_factory=list)
    failed: list[Place] = field(default_factory=list)
    problem: Problem | None = None


def explain(
    declaration: Declaration, resolver: Resolver, sections: Sections, *, ask_vaults: bool = False
) -> Explanation:
    """What is known about one setting.

    The winner is resolved as for anybody who reads it. Below it, vaults are asked only with ``ask_vaults``.
    A source that cannot answer is part of the explanation, not an exception.
    """
    survey = _Survey()
    found = _resolve(declaration, resolver, survey)
    _survey_sources(declaration, resolver.layers, found, survey, ask_vaults=ask_vaults)
    _survey_file(declaration, resolver.layers, found, survey)
    value = None if declaration.is_secret or survey.problem else _value(declaration, sections, survey)
    if found is not None:
        survey.winner = _winner(declaration, found, resolver)
    elif declaration.required:
        survey.problem = survey.problem or sections.complaints.missing(declaration)
    elif survey.problem is None and declaration.default is not None:
        survey.winner = Place(DEFAULT, "")
    return Explanation(
        name=declaration.name,
        setting_class=declaration.setting_class.value,
        owner=declaration.owner,
        type=declaration.type,
        required=declaration.required,
        default=shown(declaration.default) if not declaration.is_secret else None,
        doc=declaration.doc,
        is_set=found is not None,
        value=value,
        length=length_class(str(found.value)) if found is not None and declaration.is_secret else "",
        winner=survey.winner,
        shadowed=tuple(survey.shadowed),
        not_set=tuple(survey.not_set),
        not_asked=tuple(survey.not_asked),
        failed=tuple(survey.failed),
        problem=survey.problem,
    )


def _resolve(declaration: Declaration, resolver: Resolver, survey: _Survey) -> Found | None:
    try:
        return resolver.resolve(declaration, reader=calling_module)
    except BuswayError as error:
        survey.problem = error.problem
        return None


def _value(declaration: Declaration, sections: Sections, survey: _Survey) -> object:
    try:
        return shown(sections.value(declaration))
    except BuswayError as error:
        survey.problem = error.problem
        return None


def _survey_sources(
    declaration: Declaration, layers: Layers, found: Found | None, survey: _Survey, *, ask_vaults: bool
) -> None:
    below = False
    for name, source in layers.sources_for(declaration):
        place = Place(name, source.locate(declaration.name))
        if found is not None and name == found.layer:
            below = True
        elif below and not (source.serves_settings or ask_vaults):
            survey.not_asked.append(place)
        elif found is not None and not below:
            # Above the winner: it was asked when the value was resolved, and did not have it.
            survey.not_set.append(place)
        else:
            _ask(declaration.name, name, source, survey)


def _ask(name: str, layer: str, source: SecretSource, survey: _Survey) -> None:
    place = source.locate(name)
    try:
        value = source.fetch(name)
    except BuswayError as error:
        why = error.problem.why.partition("\n")[0]
        note = f"{error.code}: {error.problem.what}{f' ({why})' if why else ''}"
        survey.failed.append(Place(layer, place, note=note))
        return
    if value is not None and value.value:
        survey.shadowed.append(Place(layer, value.where or place, value.version, expires_at_ns=value.expires_at_ns))
    else:
        survey.not_set.append(Place(layer, place))


def _survey_file(declaration: Declaration, layers: Layers, found: Found | None, survey: _Survey) -> None:
    held = layers.in_file(declaration.name)
    if held is not None and (found is None or found.layer != TOML):
        survey.shadowed.append(Place(TOML, held.place))


def _winner(declaration: Declaration, found: Found, resolver: Resolver) -> Place:
    place = Place(found.layer, found.place, found.version, expires_at_ns=found.expires_at_ns)
    remembered = resolver.remembered(declaration.name)
    # Environment and files have their values at hand; when one was looked up says nothing to anybody.
    near = found.layer in (TOML, *(name for name, source in resolver.layers.sources if source.serves_settings))
    if near or remembered is None or math.isinf(remembered.fresh_until):
        return place
    now, trouble = resolver.now(), remembered.trouble
    fresh = max(0.0, remembered.fresh_until - now)
    note = f"stale: {trouble.code}: {trouble.what}" if trouble is not None else ""
    return replace(place, age_seconds=now - remembered.read_at, fresh_seconds=fresh, note=note)
