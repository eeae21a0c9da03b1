"""A judge of values by JSON Schema, for the words that our schemas use; an unknown word is an error of the schema."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

__all__ = ["Refusal", "refusals"]

_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
    "null": type(None),
}
_SILENT = frozenset(
    {
        *("$schema", "$defs", "title", "description", "default", "format", "writeOnly", "x-busway"),
        *("contentMediaType", "contentSchema", "components"),
    }
)
"""Words that allow every value."""


class Refusal(NamedTuple):
    """What a schema does not allow."""

    path: str
    word: str


def refusals(schema: Mapping[str, Any], value: Any) -> list[Refusal]:
    """Everything in ``value`` that ``schema`` does not allow."""
    return list(_judge(schema, value, "", schema))


def _judge(schema: Mapping[str, Any], value: Any, path: str, root: Mapping[str, Any]) -> Iterator[Refusal]:
    for word, given in schema.items():
        if word == "$ref":
            target: Any = root
            for part in given.removeprefix("#/").split("/"):
                target = target[part]
            yield from _judge(target, value, path, root)
        elif word == "anyOf":
            if all(list(_judge(option, value, path, root)) for option in given):
                yield Refusal(path, word)
        elif word in ("properties", "additionalProperties", "propertyNames", "items"):
            yield from _inside(schema, word, value, path, root)
        elif word not in _SILENT and not _ALLOWS[word](given, value):
            yield Refusal(path, word)


def _inside(schema: Mapping[str, Any], word: str, value: Any, path: str, root: Mapping[str, Any]) -> Iterator[Refusal]:
    if isinstance(value, list) and word == "items":
        for at, element in enumerate(value):
            yield from _judge(schema["items"], element, f"{path}.{at}", root)
    if not isinstance(value, dict) or word == "items":
        return
    for name, inner in value.items():
        place = f"{path}.{name}".lstrip(".")
        known = name in schema.get("properties", {})
        if word == "properties" and known:
            yield from _judge(schema["properties"][name], inner, place, root)
        elif word == "propertyNames":
            yield from (Refusal(place, word) for _ in _judge(schema[word], name, place, root))
        elif word == "additionalProperties" and not known and schema[word] is False:
            yield Refusal(place, word)
        elif word == "additionalProperties" and not known and schema[word] is not True:
            yield from _judge(schema[word], inner, place, root)


def _is_type(name: str, value: Any) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    return isinstance(value, _TYPES[name])


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_ALLOWS: dict[str, Any] = {
    "type": _is_type,
    "required": lambda names, value: not isinstance(value, dict) or set(names) <= set(value),
    "enum": lambda options, value: value in options,
    "const": lambda constant, value: value == constant,
    "pattern": lambda pattern, value: not isinstance(value, str) or re.search(pattern, value) is not None,
    "minLength": lambda least, value: not isinstance(value, str) or len(value) >= least,
    "maxLength": lambda most, value: not isinstance(value, str) or len(value) <= most,
    "minimum": lambda least, value: not _number(value) or value >= least,
    "maximum": lambda most, value: not _number(value) or value <= most,
    "exclusiveMinimum": lambda least, value: not _number(value) or value > least,
    "exclusiveMaximum": lambda most, value: not _number(value) or value < most,
    "minItems": lambda least, value: not isinstance(value, list) or len(value) >= least,
    "uniqueItems": lambda on, value: not on or not isinstance(value, list) or len(set(map(str, value))) == len(value),
}
