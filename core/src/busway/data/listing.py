"""Listing: the entries on the levels, for people who want to know what there is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from busway.data.decision import NANOSECONDS
from busway.data.invalidation import parse_target, search_for
from busway.data.levels import Levels
from busway.data.names import NO_ENTITY, KeySchema, escape_glob

__all__ = ["list_entries"]


def list_entries(levels: Levels, schema: KeySchema, text: str, now_ns: int) -> Iterator[dict[str, Any]]:
    """One row per entry and level of what ``text`` stands for, in the grammar of ``invalidate``.

    ``key`` is ``domain:entity:key`` as its caller wrote it; ``fresh_for_seconds`` is below 0 for what is stale;
    ``size`` is bytes as stored, ``None`` in memory. Raises ``UsageError`` BW2001.
    """
    shell, matches = search_for(schema, _as_pattern(text))
    for entry in levels.entries(shell):
        if matches(entry.key):
            yield {
                "key": schema.readable(entry.key),
                "level": entry.level,
                "age_seconds": (now_ns - entry.created_at_ns) / NANOSECONDS,
                "fresh_for_seconds": (entry.fresh_until_ns - now_ns) / NANOSECONDS,
                "size": entry.size,
            }


def _as_pattern(text: str) -> str:
    target = parse_target(text)
    if target.name is None:
        return target.pattern
    domain, entity = target.name.domain, target.name.entity
    if target.key is not None:
        return f"{domain}:{entity}:{escape_glob(target.key)}"
    return f"{domain}:*" if entity == NO_ENTITY else f"{domain}:{entity}:*"
