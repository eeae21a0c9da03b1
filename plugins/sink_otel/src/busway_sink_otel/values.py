"""JSON values as OTLP attributes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

__all__ = ["any_value", "attributes"]

LARGEST = 2**63 - 1


def attributes(values: Mapping[str, Any]) -> list[KeyValue]:
    """The values that are not ``None``, in order of their names."""
    return [KeyValue(key=key, value=any_value(value)) for key, value in sorted(values.items()) if value is not None]


def any_value(value: Any) -> AnyValue:
    """One value; what OTLP has no type for becomes text."""
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int) and -LARGEST <= value <= LARGEST:
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, Mapping):
        return AnyValue(kvlist_value=KeyValueList(values=attributes({str(k): v for k, v in value.items()})))
    if isinstance(value, list | tuple):
        return AnyValue(array_value=ArrayValue(values=_each(value)))
    return AnyValue(string_value="" if value is None else str(value))


def _each(values: Iterable[Any]) -> list[AnyValue]:
    return [any_value(value) for value in values]
