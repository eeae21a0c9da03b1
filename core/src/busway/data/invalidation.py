"""Invalidation: what a key or pattern stands for, and taking it out of every level.

=========================  ===============================================================================
text                       what it means
=========================  ===============================================================================
``vista``                  every entity of the domain
``vista.employees``        every entry of the entity
``vista.employees/E1``     the one entry with the key ``E1``
``vista:*:E1*``            a shell pattern over ``domain:entity:key``, keys as their caller wrote them
=========================  ===============================================================================

Unescaped ``*``, ``?`` or ``[`` make a pattern; a backslash before them (or before a backslash) takes them literally.
Of a key too long to be stored as it is, patterns see the beginning (120 characters of its encoded form) and a hash.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from busway.data.generations import Generations
from busway.data.levels import Levels
from busway.data.names import (
    NO_ENTITY,
    KeySchema,
    Name,
    escape_glob,
    glob_regex,
    invalid_name,
    parse_name,
    quote_key,
)
from busway.data.single_flight import SingleFlight

__all__ = ["Invalidator", "Target", "parse_target", "search_for"]

_SPECIAL = re.compile(r"(?<!\\)(?:\\\\)*[*?\[]")
_ESCAPE = re.compile(r"\\([*?\[\]\\])")


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be invalidated: exactly one of the three is given, ``key`` together with ``name``."""

    name: Name | None = None
    key: str | None = None
    pattern: str = ""


def parse_target(text: str) -> Target:
    """Reads the grammar above. Raises ``UsageError`` BW2001 for what it does not know."""
    if not isinstance(text, str) or not text:
        raise invalid_name("nothing to invalidate is named", fix="name a domain, domain.entity or domain.entity/key")
    special = _SPECIAL.search(text)
    if special is not None:
        _refuse_hopeless(text, text[: special.start()])
        return Target(pattern=text)
    name, slash, key = text.partition("/")
    return Target(parse_name(name), _ESCAPE.sub(r"\1", key) if slash else None)


def _refuse_hopeless(pattern: str, literal: str) -> None:
    """``vista.employees/*`` would match nothing for ever, and its writer would never learn it."""
    if ":" not in literal and re.search(r"[./]", literal):
        raise invalid_name(
            f"{pattern[:80]!r} can match nothing",
            fix=f"a pattern is written over domain:entity:key, here {re.sub(r'[./]', ':', pattern[:80])}",
        )


class Invalidator:
    """Takes entries out of every level, and makes sure that none comes back from a load under way.

    A domain or entity gets a new generation: one stamp, whatever the levels hold, which makes every entry stored
    before it invalid on all of them and for all processes. Keys and patterns are removed one by one and counted.
    """

    def __init__(self, schema: KeySchema, levels: Levels, generations: Generations, flights: SingleFlight) -> None:
        self._schema = schema
        self._levels = levels
        self._generations = generations
        self._flights = flights
        levels.on_removed(lambda full_key: self._flights.detach(full_key.__eq__))

    def invalidate(self, text: str) -> int:
        """The number of entries made invalid, each counted once however many levels had it.

        Exact for keys and patterns. For a domain or entity it is the number this process knew of, and 1 where it knew
        of none although others may have stored some.
        """
        target = parse_target(text)
        if target.name is None:
            return self._levels.delete_matching(*self._search(target.pattern))
        if target.key is not None:
            return self._exactly(self._schema.full_key(target.name, target.key))
        return self._whole(target.name)

    def _exactly(self, full_key: str) -> int:
        self._flights.detach(full_key.__eq__)
        return int(self._levels.delete(full_key))

    def _whole(self, name: Name) -> int:
        self._generations.bump(name)
        entity = "" if name.entity == NO_ENTITY else f"{name.entity}:"
        prefix = f"{self._schema.prefix}{name.domain}:{entity}"
        # Nobody else is to wait for a load whose result is invalid already.
        self._flights.detach(lambda full_key: full_key.startswith(prefix))
        return self._levels.forget(name) or int(self._levels.shared)

    def _search(self, pattern: str) -> tuple[str, Callable[[str], bool]]:
        """Loads are cut loose before the search: what they store afterwards, they take back themselves."""
        search = search_for(self._schema, pattern)
        self._flights.detach(search[1])
        return search


def search_for(schema: KeySchema, pattern: str) -> tuple[str, Callable[[str], bool]]:
    """A pattern over ``domain:entity:key`` as a shell pattern over full keys, and what tells which of them it means.

    The pattern is written over readable keys and the stored ones are encoded, so the levels are asked for a prefix
    and the pattern itself is applied to what they have.
    """
    wanted = glob_regex(pattern).match
    return (
        escape_glob(schema.prefix + _scan_prefix(pattern)) + "*",
        lambda full_key: full_key.startswith(schema.prefix) and wanted(schema.readable(full_key)) is not None,
    )


def _scan_prefix(pattern: str) -> str:
    """What every matching key begins with, in its stored form: it keeps a scan of a large level short."""
    special = _SPECIAL.search(pattern)
    literal = _ESCAPE.sub(r"\1", pattern[: special.start()] if special else pattern)
    parts = literal.split(":", 2)
    if len(parts) < 3:
        return literal
    # The ~ of a hashed id is not encoded, that of a written key is: neither may decide.
    return f"{parts[0]}:{parts[1]}:{quote_key(parts[2].partition('~')[0])}"
