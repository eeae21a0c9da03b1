"""Values between a layer and a model: text made ready for a type, typed values made ready to be shown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import Annotated, Any, get_args, get_origin

from pydantic_core import to_jsonable_python

from busway.contracts.settings import MASK, Secret

__all__ = ["TextForm", "length_class", "prepared", "shown", "shown_text", "text_form"]

_SEQUENCES = (list, tuple, set, frozenset)
_URL_PASSWORD = re.compile(r"(://[^/\s:@]*):[^@\s/]+@")
_LENGTHS = ((8, "under 8"), (16, "8 to 15"), (40, "16 to 39"))


class TextForm(Enum):
    """What must be done to a text before pydantic can make a value of it."""

    AS_IS = auto()
    """Text and secrets: blanks belong to them."""
    TRIMMED = auto()
    """Numbers, truth values and all else that is no text: blanks around them mean nothing."""
    LISTED = auto()
    """Lists, tuples and sets: JSON (``["a", "b"]``) or separated by commas (``a, b``)."""
    JSON = auto()
    """Mappings."""


def text_form(annotation: Any) -> TextForm:
    """The form for a field of this type."""
    types = set(_plain_types(annotation))
    if types.intersection(_SEQUENCES):
        return TextForm.LISTED
    if dict in types:
        return TextForm.JSON
    return TextForm.AS_IS if str in types or Secret in types else TextForm.TRIMMED


def prepared(value: Any, form: TextForm) -> Any:
    """``value`` as a layer holds it, ready for pydantic. What cannot be made ready is left for it to refuse."""
    if form is TextForm.AS_IS or not isinstance(value, str):
        return value
    text = value.strip()
    if form is TextForm.LISTED:
        parts = _from_json(text) if text.startswith("[") else [part.strip() for part in text.split(",")]
        return [part for part in parts if part != ""] if isinstance(parts, list) else parts
    return _from_json(text) if form is TextForm.JSON else text


def _plain_types(annotation: Any) -> Iterator[Any]:
    """The classes an annotation allows at its top level: ``list[str] | None`` gives ``list`` and ``NoneType``."""
    origin = get_origin(annotation)
    if origin is None or origin in (*_SEQUENCES, dict):
        yield origin or annotation
        return
    arguments = get_args(annotation)
    for argument in arguments[:1] if origin is Annotated else arguments:
        # A Literal has its values here, and is text exactly when they are.
        yield from _plain_types(argument) if not isinstance(argument, str | int | bytes) else (type(argument),)


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def shown(value: Any) -> Any:
    """``value`` for JSON: secrets masked, and so are passwords in URLs."""
    plain = to_jsonable_python(value, fallback=str)
    return _without_passwords(plain)


def shown_text(value: Any) -> str:
    """``value`` for a terminal; text as it is, everything else as JSON."""
    plain = shown(value)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def _without_passwords(value: Any) -> Any:
    if isinstance(value, str):
        return _URL_PASSWORD.sub(rf"\1:{MASK}@", value)
    if isinstance(value, list):
        return [_without_passwords(element) for element in value]
    if isinstance(value, dict):
        return {key: _without_passwords(element) for key, element in value.items()}
    return value


def length_class(value: str) -> str:
    """How long a secret is, roughly: enough to see a cut or empty one, too little to help a guesser."""
    return next((text for limit, text in _LENGTHS if len(value) < limit), "40 characters or more")
