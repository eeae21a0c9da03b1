"""Values that survive being stored: plain JSON, proved by a round trip."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson

from busway.errors import UsageError

__all__ = ["copy_json", "to_json"]

_OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
_SHOWN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,40}\Z")
DEEPEST = 200


def to_json(value: Any, name: str) -> tuple[bytes, Any]:
    """The JSON of ``value`` and the value read back from it, which shares nothing with the original.

    Reading it back and comparing is the check that it is JSON: orjson writes tuples, NaN and UUIDs without a word,
    and a cache that turns them into something else on one level and not on another is worse than one that refuses.
    It also costs less than a walk through the value in Python.

    Raises ``UsageError`` BW2003 naming the type and the path of what is not JSON.
    """
    try:
        body = orjson.dumps(value, option=_OPTIONS)
    except (TypeError, RecursionError) as error:
        raise _not_json(value, name) from error
    plain = orjson.loads(body)
    if plain != value:
        raise _not_json(value, name)
    return body, plain


def copy_json(value: Any) -> Any:
    """A deep copy of a value :func:`to_json` has let through; several times faster than ``copy.deepcopy``."""
    return orjson.loads(orjson.dumps(value))


def _not_json(value: Any, name: str) -> UsageError:
    path, kind = next(_foreign(value, "$", 0), ("$", type(value).__name__))
    return UsageError(
        "BW2003",
        f"the value for {name} is not JSON: {kind} at {path}",
        where=path,
        why="cached values are stored as JSON, so that every level gives the same value back",
        fix="turn it into str, int, float, bool, None, list or dict with text keys before it is cached",
    )


def _foreign(value: Any, path: str, depth: int) -> Iterator[tuple[str, str]]:
    """Path and type of everything in ``value`` that is not JSON, in order."""
    if depth > DEEPEST:
        yield f"{path[:80]}…", "nesting deeper than 200"
    elif isinstance(value, dict):
        for key, member in value.items():
            if not isinstance(key, str):
                yield path, f"a key of type {type(key).__name__}"
            yield from _foreign(member, path + _step(key), depth + 1)
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _foreign(member, f"{path}[{index}]", depth + 1)
    elif not _round_trips(value):
        yield path, _kind(value)


def _step(key: object) -> str:
    """Keys that are no field names may be data about people and are not shown."""
    return f".{key}" if isinstance(key, str) and _SHOWN_KEY.match(key) else "[…]"


def _round_trips(value: Any) -> bool:
    try:
        return bool(orjson.loads(orjson.dumps(value, option=_OPTIONS)) == value)
    except (TypeError, ValueError):
        return False


def _kind(value: Any) -> str:
    if isinstance(value, float):
        return "float that is not finite"
    if isinstance(value, str):
        return "str that is not valid Unicode"
    if isinstance(value, int):
        return "int of more than 64 bits"
    return type(value).__name__
