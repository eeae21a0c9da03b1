"""The quick look at a value: is everything in it of the common kinds, under ordinary keys?

Most events need no redaction. This walk judges their keys by memory and gathers their texts, to be looked at as one.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from busway.redaction.key_verdicts import KeyVerdicts
from busway.redaction.text_rules import MAX_TEXT

__all__ = ["MAX_CHARS", "MAX_DEPTH", "MAX_NODES", "PLAIN", "Survey", "is_plain", "survey"]

MAX_DEPTH = 32
MAX_NODES = 100_000
"""Values within one value; small ones that refer to each other can stand for billions."""
MAX_CHARS = 4_000_000
"""Characters within one value, for the same reason; texts beyond are not shown."""

PLAIN = frozenset((int, float, bool, type(None), datetime, date, time, timedelta, Decimal, UUID))
"""Types whose values say nothing that rules are about."""
CONTAINERS = frozenset((dict, list, tuple))
JSON_TYPES = frozenset((str, int, float, bool, type(None), datetime, date, time, UUID))
"""Types that JSON has, or that are written without a character that would have to be escaped."""
SMALL = 500
"""Values within one value that is looked at as JSON; their texts may be shared, and each is written out."""


class Survey(NamedTuple):
    """What the quick look found."""

    texts: list[str]
    """Every text that is not hidden for its key."""
    has_keys: bool
    """Whether a key calls for a change."""


def is_plain(root: dict[Any, Any], verdicts: KeyVerdicts) -> bool:
    """Whether ``root`` is small, made of what JSON has, and no key in it calls for a change: texts need a look still.

    This is in the path of every event. As few containers as there may be levels are certainly not nested too deeply.
    """
    if len(root) > SMALL or not (verdicts.ordinary.issuperset(root) or verdicts.all_ordinary(root)):
        return False
    containers: list[Collection[Any]] = []
    for item in root.values():
        if type(item) not in JSON_TYPES:
            containers.append(item)  # noqa: PERF401 - a comprehension is one call more, and most often finds nothing
    return not containers or _are_plain(containers, verdicts)


def _are_plain(containers: list[Collection[Any]], verdicts: KeyVerdicts) -> bool:
    """The same for what is below; ``containers`` grows by what is found in them."""
    nodes = 0
    for node in containers:
        kind = type(node)
        if kind not in CONTAINERS:
            return False
        nodes += len(node)
        if nodes > SMALL or len(containers) > MAX_DEPTH:
            return False
        items = node
        if type(node) is dict:
            if not (verdicts.ordinary.issuperset(node) or verdicts.all_ordinary(node)):
                return False
            items = node.values()
        containers += [item for item in items if type(item) not in JSON_TYPES]
    return True


def survey(root: Any, verdicts: KeyVerdicts) -> Survey | None:
    """Looks at ``root``; ``None`` when it holds something unusual and has to be walked thoroughly."""
    texts: list[str] = []
    seen_before, add_text = verdicts.ordinary.issuperset, texts.append
    has_keys, nodes, level = False, 0, [root]
    for _ in range(MAX_DEPTH + 1):
        below: list[Any] = []
        for node in level:
            nodes += len(node)
            items: Collection[Any] = node
            if type(node) is dict:
                items = node.values()
                if not (seen_before(node) or verdicts.all_ordinary(node)):
                    has_keys, items = True, verdicts.shown_values(node)
            for item in items:
                kind = type(item)
                if kind is str:
                    add_text(item)
                elif kind in CONTAINERS:
                    below.append(item)
                elif kind not in PLAIN:
                    return None
        if not below:
            sizes = list(map(len, texts))
            return None if sizes and (max(sizes) > MAX_TEXT or sum(sizes) > MAX_CHARS) else Survey(texts, has_keys)
        if nodes > MAX_NODES:
            return None
        level = below
    return None
