"""Declarations: what can be set, under which name, and who owns it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from busway.configuration.busway_names import PREFIX
from busway.configuration.nearest import nearest
from busway.configuration.values import TextForm, text_form
from busway.contracts.settings import SettingClass, Settings, env_name, setting_class
from busway.errors import ConfigurationError, Problem

__all__ = ["CORE", "Catalog", "Declaration", "declarations_of"]

CORE = "busway"
"""Owner of the core's own settings: its distribution."""
_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
_MODULES = re.compile(r"\b(?:[a-z_][A-Za-z0-9_]*\.)+")
_KEPT = "__busway_declarations__"


@dataclass(frozen=True)
class Declaration:
    """One setting as its owner declared it.

    It has no slots because it keeps what follows from its type: every load asks for that once per setting.
    """

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

    @cached_property
    def text_form(self) -> TextForm:
        """How text from a layer is made ready for its type."""
        return text_form(self.info.annotation)

    @cached_property
    def may_be_vaulted(self) -> bool:
        """Whether sources that serve no ordinary settings are asked for it."""
        return self.setting_class is not SettingClass.PLAIN

    @cached_property
    def is_secret(self) -> bool:
        """Whether its value is never shown."""
        return self.setting_class is SettingClass.SECRET


def _kept(model: type[Settings], owner: str, fields: Mapping[str, FieldInfo]) -> tuple[Declaration, ...] | None:
    """The declarations worked out before; pydantic puts another ``fields`` in place when it builds a model anew."""
    for_owner, for_fields, declarations = model.__dict__.get(_KEPT, ("", None, None))
    return declarations if for_owner == owner and for_fields is fields else None


def declarations_of(model: type[Settings], owner: str) -> tuple[Declaration, ...]:
    """What ``model`` declares, in the order of its fields; worked out once per model.

    Raises ``ConfigurationError`` BW1105 for a field without a usable environment name.
    """
    fields = model.model_fields
    kept = _kept(model, owner, fields)
    if kept is not None:
        return kept
    problems = [problem for field, info in fields.items() for problem in _misnamed(model, field, info, owner)]
    if problems:
        raise ConfigurationError.of(problems)
    declared = tuple(_declaration(model, field, info, owner) for field, info in fields.items())
    if not any(info.default_factory for info in fields.values()):
        # Kept by the model itself: declarations refer to their model, and would keep it alive in any dictionary of
        # ours, a weak one too. What a factory makes may differ each time and is asked for each time.
        setattr(model, _KEPT, (owner, fields, declared))
    return declared


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
    if isinstance(annotation, type) and not hasattr(annotation, "__args__"):
        return annotation.__name__
    if get_origin(annotation) is Literal:
        return " | ".join(map(str, get_args(annotation)))
    return _MODULES.sub("", str(annotation))


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
        self._owners: dict[type[Settings], str] = {}

    def add(self, models: Iterable[tuple[str, type[Settings]]]) -> None:
        """Adds the declarations of each ``(owner, model)``; a model that is known already is passed over.

        Raises ``ConfigurationError`` BW1105 with every conflict, and then adds nothing: a name means one thing.
        """
        by_name, by_model, owners = dict(self._by_name), dict(self._models), dict(self._owners)
        problems: list[Problem] = []
        for owner, model in models:
            if model in by_model:
                continue
            owners[model] = owner
            declared = by_model[model] = declarations_of(model, owner)
            problems += [_conflict(by_name[new.name], new) for new in declared if new.name in by_name]
            by_name.update((new.name, new) for new in declared)
        if problems:
            raise ConfigurationError.of(problems)
        self._by_name, self._models, self._owners = by_name, by_model, owners

    def find(self, name: str) -> Declaration | None:
        """The declaration of ``name``, or ``None``."""
        return self._by_name.get(name)

    def of_model(self, model: type[Settings]) -> tuple[Declaration, ...] | None:
        """The declarations of ``model``; ``None`` when it was never added."""
        return self._models.get(model)

    def owner_of(self, model: type[Settings]) -> str:
        """The distribution that declares ``model``, which may have no setting at all; the core's for an unknown one."""
        return self._owners.get(model, CORE)

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
