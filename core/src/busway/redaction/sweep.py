"""The thorough walk through a value, which replaces what must not be shown."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from operator import is_
from pathlib import PurePath
from typing import Any

from busway.redaction import markers as marks
from busway.redaction.key_verdicts import PLAIN_KEYS, KeyVerdicts
from busway.redaction.markers import Markers
from busway.redaction.survey import CONTAINERS, MAX_DEPTH, MAX_NODES, PLAIN
from busway.redaction.text_rules import MAX_TEXT

__all__ = ["Sweep"]

ABSENT = (None, True, False)
_KEPT: dict[type, Callable[[Any], Any]] = {
    int: lambda value: int.__add__(value, 0),
    float: lambda value: float.__add__(value, 0.0),
    datetime: datetime.isoformat,
    date: date.isoformat,
    time: time.isoformat,
    timedelta: timedelta.__str__,
    Decimal: Decimal.__str__,
}
"""What a subclass of a plain type becomes, by the methods of that type: its own may do and say anything."""


class Sweep:
    """One pass over one value. What needs no change is kept as it is, anything else is copied.

    :param text: redacts one text.
    :param failed: counts what could not be redacted and returns the marker for it.
    """

    def __init__(
        self, verdicts: KeyVerdicts, markers: Markers, text: Callable[[str], str], failed: Callable[[], str]
    ) -> None:
        self._verdicts = verdicts
        self._markers = markers
        self._text = text
        self._failed = failed
        self._left = MAX_NODES

    def redacted(self, value: Any, depth: int = 0) -> Any:
        """``value`` without what must not be shown; a marker where that cannot be found out."""
        if type(value) in PLAIN:
            return value
        try:
            return self._text(value) if type(value) is str else self._structure(value, depth)
        except Exception:
            # Whatever a foreign object raises when it is looked at, its message may hold what we hide.
            return self._failed()

    def _structure(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if depth >= MAX_DEPTH and kind in CONTAINERS:
            return marks.DEPTH
        if kind is dict:
            return self._mapping(value, depth)
        if kind is list or kind is tuple:
            return self._sequence(value, depth)
        return self._other(value, depth)

    def _other(self, value: Any, depth: int) -> Any:
        if isinstance(value, (str, bytes, bytearray, memoryview, Enum, PurePath, BaseException)):
            return self._texts(value, depth)
        for kind, plain in _KEPT.items():
            if isinstance(value, kind):
                return plain(value)
        if depth >= MAX_DEPTH:
            return marks.DEPTH
        if isinstance(value, (list, tuple, set, frozenset)):
            return self._collection(value, depth)
        if isinstance(value, Mapping):
            return self._mapping(dict(value), depth)
        if is_dataclass(value) and not isinstance(value, type):
            return self._mapping({field.name: getattr(value, field.name) for field in fields(value)}, depth)
        # The text of an unknown object is whatever its author chose to put there.
        return marks.OBJECT

    def _texts(self, value: Any, depth: int) -> Any:
        """What stands for a text, as text; itself where that is the same."""
        if isinstance(value, Enum):
            redacted = self.redacted(value.value, depth + 1)
            return value if redacted == value.value else redacted
        if isinstance(value, str):
            plain = str.__str__(value)
            redacted = self._text(plain)
            return value if redacted == plain and type(value).__str__ is str.__str__ else redacted
        if isinstance(value, PurePath):
            return self._text(str(value))
        if isinstance(value, BaseException):
            return f"{type(value).__name__}: {self._text(str(value))}"
        # Cut before it is decoded: what follows will not be shown anyway.
        return self._text(bytes(value[: 8 * MAX_TEXT]).decode("utf-8", "backslashreplace"))

    def _collection(self, value: Collection[Any], depth: int) -> Any:
        names = getattr(type(value), "_fields", None)
        if names is not None and isinstance(value, tuple):
            return self._mapping(dict(zip(names, value, strict=False)), depth)
        return self._all(list(value), depth)

    def _sequence(self, value: list[Any] | tuple[Any, ...], depth: int) -> Any:
        redacted = self._all(value, depth)
        if all(map(is_, redacted, value)):
            return value
        return redacted if type(value) is list else tuple(redacted)

    def _all(self, items: Collection[Any], depth: int) -> list[Any]:
        self._left -= len(items)
        if self._left < 0:
            return [marks.TOO_MANY]
        text, below, out = self._text, depth + 1, []
        for item in items:
            kind = type(item)
            if kind is str:
                out.append(text(item))
            elif kind in PLAIN:
                out.append(item)
            else:
                out.append(self.redacted(item, below))
        return out

    def _mapping(self, value: dict[Any, Any], depth: int) -> dict[Any, Any]:
        if not self._verdicts.all_ordinary(value):
            return self._judged(value, depth)
        redacted = self._all(value.values(), depth)
        if self._left < 0:
            return {marks.TOO_MANY: len(value)}
        return value if all(map(is_, redacted, value.values())) else dict(zip(value, redacted, strict=True))

    def _judged(self, value: dict[Any, Any], depth: int) -> dict[Any, Any]:
        """A mapping in which some keys or what is below them must not be shown."""
        self._left -= len(value)
        if self._left < 0:
            return {marks.TOO_MANY: len(value)}
        changed = False
        copy: dict[Any, Any] = {}
        for key, item in value.items():
            new_key, rule = self._key(key, depth)
            new_item = self.redacted(item, depth + 1) if rule is None else self._hidden(rule, item)
            changed = changed or new_item is not item or new_key is not key
            copy[new_key if new_key == key else _free(new_key, copy, value)] = new_item
        return copy if changed else value

    def _key(self, key: Any, depth: int) -> tuple[Any, str | None]:
        """The key as it may be shown, and the rule that hides its value."""
        if type(key) in PLAIN_KEYS:
            return key, None
        text = key if type(key) is str else self._key_text(key, depth)
        verdict = self._verdicts.of(text)
        return (text, None) if verdict is None else (text if verdict.key == text else verdict.key, verdict.rule)

    def _key_text(self, key: Any, depth: int) -> str:
        """JSON has no other keys than text; made here, from what is known to be redacted."""
        shown = self.redacted(key, depth + 1)
        return shown if type(shown) is str else str(shown.value if isinstance(shown, Enum) else shown)

    def _hidden(self, rule: str, item: Any) -> Any:
        if any(item is absent for absent in ABSENT):
            return item
        try:
            return self._markers.of(rule, item)
        except Exception:
            return self._failed()


def _free(key: Any, *taken: Mapping[Any, Any]) -> Any:
    """``key``, or with a number when another key became the same: no value is lost for its key."""
    number, free = 1, key
    while any(free in one for one in taken):
        number += 1
        free = f"{key} ({number})"
    return free
