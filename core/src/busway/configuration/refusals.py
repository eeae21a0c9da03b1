"""Why pydantic refused a value, told without the value."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic_core import ErrorDetails

__all__ = ["reason_of"]

_TYPES_WITHOUT_INPUT = frozenset(
    {
        "bool_parsing",
        "bool_type",
        "bytes_type",
        "date_from_datetime_inexact",
        "date_from_datetime_parsing",
        "date_past",
        "date_type",
        "datetime_from_date_parsing",
        "datetime_parsing",
        "datetime_type",
        "decimal_parsing",
        "decimal_type",
        "dict_type",
        "enum",
        "finite_number",
        "float_parsing",
        "float_type",
        "frozen_set_type",
        "greater_than",
        "greater_than_equal",
        "int_from_float",
        "int_parsing",
        "int_parsing_size",
        "int_type",
        "less_than",
        "less_than_equal",
        "list_type",
        "literal_error",
        "missing",
        "multiple_of",
        "path_type",
        "set_type",
        "string_pattern_mismatch",
        "string_too_long",
        "string_too_short",
        "string_type",
        "string_unicode",
        "time_parsing",
        "time_type",
        "time_delta_parsing",
        "time_delta_type",
        "too_long",
        "too_short",
        "tuple_type",
        "url_parsing",
        "url_scheme",
        "url_type",
        "uuid_type",
    }
)
"""Kinds of error whose message is made from the declaration alone."""

_WINDOW = 6


def reason_of(error: ErrorDetails, values: Iterable[Any]) -> str:
    """The message of ``error``; for messages an owner's check wrote, only if it repeats none of ``values``."""
    message = re.sub(r"^(?:Value|Assertion) (?:error|failed), ", "", error["msg"])
    if error["type"] in _TYPES_WITHOUT_INPUT or not any(_discloses(message, str(value)) for value in values):
        return message
    return "its owner's check refused it, with a message that repeats the value and is therefore not shown"


def _discloses(message: str, value: str) -> bool:
    """Whether ``message`` has ``value`` in it, or six characters of it in a row."""
    if len(value) < _WINDOW:
        return bool(value) and re.search(rf"(?<!\w){re.escape(value)}(?!\w)", message) is not None
    return any(value[at : at + _WINDOW] in message for at in range(len(value) - _WINDOW + 1))
