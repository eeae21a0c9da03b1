"""The JSON Schema (draft 2020-12) of ``busway.toml`` and of every setting, for editors and for checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from busway.configuration.declarations import Declaration
from busway.configuration.file_check import POLICIES
from busway.configuration.values import shown
from busway.contracts.settings import Settings
from busway.plugins.kinds import BUILT_INS, KINDS

__all__ = ["DIALECT", "settings_schema", "toml_schema"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PLUGIN = r"^[A-Za-z0-9][A-Za-z0-9._-]*(@[A-Za-z0-9][A-Za-z0-9._-]*)?$"
_OWNED = ("data", "sync", "events", "schedule", "service")
_OWN_WORDS = frozenset({"title", "env", "vaulted", "default", "description"})
"""Keywords of pydantic's answer that say nothing here: names of Python, and what stands under ``x-busway``."""


def toml_schema(
    declarations: Iterable[Declaration],
    *,
    plugins: Mapping[str, Iterable[str]] | None = None,
    tables: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """The schema of a whole ``busway.toml``; that of the settings is under ``$defs/settings``.

    :param plugins: names of installed plugins by kind, for completion; others are allowed as well.
    :param tables: schemas of the tables whose words others define, such as ``data`` and ``sync``.
    """
    others = tables or {}
    return {
        "$schema": DIALECT,
        "title": "busway.toml",
        "description": "A deployment of Busway. Written by `busway config schema`.",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "app": {
                "description": "Name of the deployment, the first part of cache keys.",
                "type": "string",
                "pattern": r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$",
                "default": "busway",
            },
            "plugins": _plugins(plugins or {}),
            "settings": {"$ref": "#/$defs/settings"},
            **{name: dict(others.get(name, {"type": "object"})) for name in _OWNED},
        },
        "$defs": {"settings": settings_schema(declarations)},
    }


def settings_schema(declarations: Iterable[Declaration]) -> dict[str, Any]:
    """The schema of ``[settings]``: every setting with its type, default, documentation, class and owner.

    Nothing is required there, since any setting may come from another layer: ``x-busway`` says what must be set.
    """
    by_model: dict[type[Settings], dict[str, Any]] = {}
    properties: dict[str, Any] = {}
    for declaration in declarations:
        fields = by_model.setdefault(declaration.model, _fields_of(declaration.model))
        properties[declaration.name] = _setting(declaration, fields[declaration.field])
    return {
        "description": "The lowest layer above the defaults, under environment names.",
        "type": "object",
        "additionalProperties": False,
        "properties": dict(sorted(properties.items())),
    }


class _Generator(GenerateJsonSchema):
    """Pydantic's generator, quiet about types it has no words for: they are text in every layer."""

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> dict[str, Any]:
        return {"type": "string"}

    def default_schema(self, schema: Any) -> dict[str, Any]:
        return self.generate_inner(schema["schema"])  # defaults are taken from the declaration, masked


def _fields_of(model: type[Settings]) -> dict[str, Any]:
    """Schema of each field, by its Python name; what it refers to stands in its place."""
    whole = model.model_json_schema(by_alias=False, schema_generator=_Generator)
    definitions = whole.get("$defs", {})
    return {name: _inlined(field, definitions) for name, field in whole["properties"].items()}


def _inlined(node: Any, definitions: Mapping[str, Any], inside: tuple[str, ...] = ()) -> Any:
    if isinstance(node, list):
        return [_inlined(element, definitions, inside) for element in node]
    if not isinstance(node, dict):
        return node
    name = str(node.get("$ref", "")).rpartition("/")[2]
    if name in inside:
        return {}  # a type that contains itself cannot be written out
    if name in definitions:
        own = {key: value for key, value in node.items() if key != "$ref"}
        return {**_inlined(definitions[name], definitions, (*inside, name)), **own}
    return {key: _inlined(value, definitions, inside) for key, value in node.items()}


def _setting(declaration: Declaration, field: Mapping[str, Any]) -> dict[str, Any]:
    schema = {key: value for key, value in field.items() if key not in _OWN_WORDS}
    schema = {"description": declaration.doc, **_as_written(schema)}
    if declaration.is_secret:
        schema["writeOnly"] = True
    elif not declaration.required and declaration.default is not None:
        schema["default"] = shown(declaration.default)
    schema["x-busway"] = {
        "class": declaration.setting_class.value,
        "owner": declaration.owner,
        "required": declaration.required,
    }
    return schema


def _as_written(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of what is written: nothing is null there, a list may be text with commas, a mapping is JSON text."""
    if "anyOf" in schema:
        options = [option for option in schema["anyOf"] if option.get("type") != "null"]
        rest = {key: value for key, value in schema.items() if key != "anyOf"}
        schema = {**rest, **options[0]} if len(options) == 1 else {**rest, "anyOf": options}
    if schema.get("type") == "array":
        return {"anyOf": [schema, {"type": "string"}]}
    if schema.get("type") == "object":
        return {"type": "string", "contentMediaType": "application/json", "contentSchema": schema}
    return schema


def _plugins(installed: Mapping[str, Iterable[str]]) -> dict[str, Any]:
    kinds = {kind: _picks(kind, sorted({*BUILT_INS[kind], *installed.get(kind, ())})) for kind in KINDS}
    policy = {
        "description": "Whether the deployment can do without a plugin: sinks are optional, all others required.",
        "type": "object",
        "propertyNames": {"pattern": f"^({'|'.join(KINDS)})(\\..+)?$"},
        "additionalProperties": {
            "anyOf": [{"enum": list(POLICIES)}, {"type": "object", "additionalProperties": {"enum": list(POLICIES)}}]
        },
    }
    return {
        "description": "Which plugins are used; the order of a list is the order of precedence and of calls.",
        "type": "object",
        "additionalProperties": False,
        "properties": {**kinds, "policy": policy},
    }


def _picks(kind: str, names: list[str]) -> dict[str, Any]:
    pick = {"anyOf": [{"enum": names}, {"type": "string", "pattern": _PLUGIN}]} if names else {"type": "string"}
    schema: dict[str, Any] = {"type": "array", "items": pick, "uniqueItems": True}
    return {**schema, "default": list(BUILT_INS[kind])} if BUILT_INS[kind] else schema
