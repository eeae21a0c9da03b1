"""JSON values as OTLP attributes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

__all__ = ["any_value", "attributes"]

LARGEST = 2**63 - 1
MAX_DEPTH = 24
"""A parser of protobuf refuses more than 100 levels, and a mapping takes three; deeper values are sent as JSON text."""


def attributes(values: Mapping[str, Any], depth: int = 0) -> list[KeyValue]:
    """The values that are not ``None``, in order of their names."""
    return [
        KeyValue(key=key, value=any_value(value, depth)) for key, value in sorted(values.items()) if value is not None
    ]


def any_value(value: Any, depth: int = 0) -> AnyValue:
    """One value; what OTLP has no type for becomes text."""
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int) and -LARGEST <= value <= LARGEST:
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, Mapping | list | tuple) and depth >= MAX_DEPTH:
        return AnyValue(string_value=json.dumps(value, default=str))
    if isinstance(value, Mapping):
        return AnyValue(kvlist_value=KeyValueList(values=attributes({str(k): v for k, v in value.items()}, depth + 1)))
    if isinstance(value, list | tuple):
        return AnyValue(array_value=ArrayValue(values=_each(value, depth + 1)))
    return AnyValue(string_value="" if value is None else str(value))


def _each(values: Iterable[Any], depth: int) -> list[AnyValue]:
    return [any_value(value, depth) for value in values]
