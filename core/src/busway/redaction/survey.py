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

__all__ = ["MAX_DEPTH", "MAX_NODES", "PLAIN", "Survey", "survey"]

MAX_DEPTH = 32
MAX_NODES = 100_000
"""Values within one value; small ones that refer to each other can stand for billions."""

PLAIN = frozenset((int, float, bool, type(None), datetime, date, time, timedelta, Decimal, UUID))
"""Types whose values say nothing that rules are about."""
CONTAINERS = frozenset((dict, list, tuple))


class Survey(NamedTuple):
    """What the quick look found."""

    texts: list[str]
    """Every text that is not hidden for its key."""
    has_keys: bool
    """Whether a key calls for a change."""


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
            return None if any(len(text) > MAX_TEXT for text in texts) else Survey(texts, has_keys)
        if nodes > MAX_NODES:
            return None
        level = below
    return None
