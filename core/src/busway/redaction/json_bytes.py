"""Redacted values as JSON."""

from __future__ import annotations

from enum import Enum
from typing import Any

import orjson

__all__ = ["json_bytes"]

LARGEST = 2**63


def json_bytes(value: Any) -> bytes:
    """``value``, which must have been redacted, as UTF-8 JSON; what JSON cannot hold is written as text."""
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)
    except (TypeError, ValueError, RecursionError):
        return orjson.dumps(_printable(value))


def _printable(value: Any) -> Any:
    """The slow way, for lone surrogates and integers beyond 64 bits. No deeper than redaction lets a value be."""
    if isinstance(value, Enum):
        return _printable(value.value)
    if isinstance(value, dict):
        return {_text(str(key)): _printable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_printable(item) for item in value]
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int) and abs(value) < LARGEST:
        return int(value)
    return _text(str(value))


def _text(value: str) -> str:
    return value.encode("utf-8", "replace").decode()
