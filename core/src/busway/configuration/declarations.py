"""Declarations: what can be set, under which name, and who owns it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from busway.configuration.busway_names import PREFIX
from busway.configuration.nearest import nearest
from busway.contracts.settings import SettingClass, Settings, env_name, setting_class
from busway.errors import ConfigurationError, Problem

__all__ = ["CORE", "Catalog", "Declaration", "declarations_of"]

CORE = "busway"
"""Owner of the core's own settings: its distribution."""
_NAME = re.compile(r"[A-Z][A-Z0-9_]*")


@dataclass(frozen=True, slots=True)
class Declaration:
    """One setting as its owner declared it."""

    name: str
    """Its environment name, such as ``REDIS_HOST``: what it is called everywhere outside Python."""
    owner: str
    """The distribution that declares it."""
    model: type[Settings]
    field: str
    """Name of the field of ``model``."""
    type: str
    """The type in Python's words."""
    default: Any
    """The value when no layer has one; ``None`` when it is required."""
    required: bool
    doc: str
    setting_class: SettingClass

    @property
    def info(self) -> FieldInfo:
        """The field of the model."""
        return self.model.model_fields[self.field]

    @property
    def may_be_vaulted(self) -> bool:
        """Whether sources that serve no ordinary settings are asked for it."""
        return self.setting_class is not SettingClass.PLAIN

    @property
    def is_secret(self) -> bool:
        """Whether its value is never shown."""
        return self.setting_class is SettingClass.SECRET


def declarations_of(model: type[Settings], owner: str) -> list[Declaration]:
    """What ``model`` declares, in the order of its fields.

    Raises ``ConfigurationError`` BW1105 for a field without a usable environment name.
    """
    problems = [
        problem for field, info in model.model_fields.items() for problem in _misnamed(model, field, info, owner)
    ]
    if problems:
        raise ConfigurationError.of(problems)
    return [_declaration(model, field, info, owner) for field, info in model.model_fields.items()]


def _declaration(model: type[Settings], field: str, info: FieldInfo, owner: str) -> Declaration:
    required = info.is_required()
    return Declaration(
        name=env_name(info),
        owner=owner,
        model=model,
        field=field,
        type=_type_text(info.annotation),
        default=None if required else info.get_default(call_default_factory=True, validated_data={}),
        required=required,
        doc=" ".join((info.description or "").split()),
        setting_class=setting_class(info),
    )


def _type_text(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return " | ".join(map(str, get_args(annotation)))
    text = annotation.__name__ if isinstance(annotation, type) and not _parameters(annotation) else str(annotation)
    return re.sub(r"\b(?:[a-z_][A-Za-z0-9_]*\.)+", "", text)


def _parameters(annotation: Any) -> tuple[Any, ...]:
    return getattr(annotation, "__args__", ())


def _misnamed(model: type[Settings], field: str, info: FieldInfo, owner: str) -> Iterator[Problem]:
    name = env_name(info)
    place = f"{owner}: {model.__qualname__}.{field}"
    if not _NAME.fullmatch(name):
        what = f"{name!r} is not a usable name for a setting" if name else "a setting is declared without a name"
        why = "a name has capital letters, digits and '_' only, and starts with a letter"
        yield Problem("BW1105", what, place, why, 'declare the field with setting(..., env="REDIS_HOST", doc="...")')
    elif name.startswith(PREFIX) and owner != CORE:
        why = f"names that start with {PREFIX} belong to the core"
        yield Problem("BW1105", f"{owner} may not declare {name}", place, why, "give the setting another name")


class Catalog:
    """All declarations known so far, by name."""

    def __init__(self) -> None:
        self._by_name: dict[str, Declaration] = {}
        self._models: dict[type[Settings], tuple[Declaration, ...]] = {}

    def add(self, models: Iterable[tuple[str, type[Settings]]]) -> None:
        """Adds the declarations of each ``(owner, model)``; a model that is known already is passed over.

        Raises ``ConfigurationError`` BW1105 with every conflict, and then adds nothing: a name means one thing.
        """
        by_name, by_model = dict(self._by_name), dict(self._models)
        problems: list[Problem] = []
        for owner, model in models:
            if model in by_model:
                continue
            declared = declarations_of(model, owner)
            by_model[model] = tuple(declared)
            problems += [_conflict(by_name[new.name], new) for new in declared if new.name in by_name]
            by_name.update((new.name, new) for new in declared)
        if problems:
            raise ConfigurationError.of(problems)
        self._by_name, self._models = by_name, by_model

    def find(self, name: str) -> Declaration | None:
        """The declaration of ``name``, or ``None``."""
        return self._by_name.get(name)

    def of_model(self, model: type[Settings]) -> tuple[Declaration, ...] | None:
        """The declarations of ``model``; ``None`` when it was never added."""
        return self._models.get(model)

    def nearest(self, name: str) -> str:
        """The declared name most like ``name``; empty when none is like it."""
        return nearest(name, self._by_name)

    @property
    def models(self) -> tuple[type[Settings], ...]:
        """Every model, in the order it was added."""
        return tuple(self._models)

    def __iter__(self) -> Iterator[Declaration]:
        return iter(tuple(self._by_name.values()))

    def __len__(self) -> int:
        return len(self._by_name)


def _conflict(first: Declaration, second: Declaration) -> Problem:
    places = [f"{one.owner}: {one.model.__qualname__}.{one.field}" for one in (first, second)]
    return Problem(
        "BW1105",
        f"{second.name} is declared twice, by {first.owner} and by {second.owner}",
        " and ".join(places),
        "one name would mean two things",
        "deselect one of the two in busway.toml under [plugins], or rename the setting in one of them",
    )
