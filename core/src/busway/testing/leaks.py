"""Whether a text that people read tells a value that it must not tell."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from busway.errors import BuswayError

__all__ = ["LEAST", "everything_told", "tells", "words_of"]

LEAST = 3
"""Characters from which on a value is looked for; shorter ones are in any text."""


RESERVED = frozenset({"example", "test", "invalid", "localhost"})
"""Names that RFC 2606 keeps for documents and tests: synthetic people are called so, and so are their servers."""


def tells(text: str, values: Iterable[str]) -> bool:
    """Whether one of ``values`` is in ``text``, or in ``text`` without its capitals, as a whole word."""
    both = f"{text}\n{text.casefold()}"
    return any(re.search(rf"(?<!\w){re.escape(value)}(?!\w)", both) for value in values if len(value) >= LEAST)


def words_of(*values: Any) -> set[str]:
    """Every text and number in ``values``: whole, also without its capitals, and word by word as it is written.

    Single words keep their capitals, because "1 Main Street" is not told by "PRAGMA main".
    """
    found: set[str] = set()
    for value in _scalars(values):
        text = str(value).strip()
        found.update((text, text.casefold(), *text.split()))
    return {word for word in found if len(word) >= LEAST and word.casefold() not in RESERVED}


def everything_told(error: BaseException) -> str:
    """All that anybody may come to see of ``error``: its text, its traceback, its problems, and the errors behind it.

    Behind it are also those that ``from None`` hides: reporters of errors send them along.
    """
    parts: list[str] = []
    behind: BaseException | None = error
    while behind is not None:
        parts += [repr(behind), *traceback.format_exception(behind)]
        if isinstance(behind, BuswayError):
            parts += [behind.render(), *map(str, behind.problems), str(getattr(behind, "fields", ""))]
        behind = behind.__cause__ or behind.__context__
    return "\n".join(parts)


def _scalars(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        value = value.values()
    elif isinstance(value, bool) or value is None:
        return
    elif not isinstance(value, (list, tuple, set, frozenset)):
        yield value
        return
    for inner in value:
        yield from _scalars(inner)
