"""Why a value was refused, told without the value: pydantic's words, and types in words of people."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic_core import ErrorDetails

from busway.contracts.settings import Secret

__all__ = ["found_type", "mismatch", "reason_of", "wanted_type"]

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


_FOUND: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "true or false"),
    (int, "a whole number"),
    (float, "a number"),
    (str, "text"),
    (list, "a list"),
    (Mapping, "a table"),
    (datetime.datetime, "a date with a time"),
    (datetime.date, "a date"),
    (datetime.time, "a time"),
)
_WANTED: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    Secret: "text",
    dict: "JSON",
    list: "a list",
    tuple: "a list",
    set: "a list",
    frozenset: "a list",
}
_LISTS = (list, tuple, set, frozenset)
_FITTING: dict[str, frozenset[str]] = {
    "a number": frozenset({"a whole number", "text"}),
    "a whole number": frozenset({"text"}),
    "true or false": frozenset({"a whole number", "text"}),
    "a list": frozenset({"text"}),
    "JSON": frozenset({"text"}),
}
"""What else may be written for a type: text is read as in the environment."""


def found_type(value: object) -> str:
    """What a value of ``busway.toml`` is, in words: ``a whole number``."""
    return next((words for kind, words in _FOUND if isinstance(value, kind)), type(value).__name__)


def wanted_type(annotation: Any) -> str:
    """What a setting of this type is written as, in words: ``a whole number``, ``one of dev, staging``."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return wanted_type(arguments[0])
    if origin is Literal:
        return f"one of {', '.join(map(str, arguments))}"
    if origin is dict or origin in _LISTS:
        return _WANTED[origin]
    options = [wanted_type(one) for one in arguments if one is not type(None)]
    return " or ".join(dict.fromkeys(options)) if options else _WANTED.get(annotation, "text")


def mismatch(value: object, annotation: Any) -> str:
    """``found a whole number, wanted text``; empty when ``value`` could be meant for the type."""
    found, wanted = found_type(value), wanted_type(annotation)
    options = {"text" if one.startswith("one of ") else one for one in wanted.split(" or ")} | {wanted}
    fits = found in options or any(found in _FITTING.get(option, ()) for option in options)
    return "" if fits else f"found {found}, wanted {wanted}"
