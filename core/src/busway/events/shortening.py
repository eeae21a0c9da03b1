"""Records that are too long for a line, made shorter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

__all__ = ["shortened"]


class Measure(NamedTuple):
    """How much is left of each part."""

    text: int
    """Characters."""
    items: int
    """Of a list or a mapping."""
    depth: int


MEASURES = (Measure(8_192, 1_000, 12), Measure(1_024, 200, 8), Measure(256, 50, 5), Measure(64, 12, 3))
"""Tried in this order; the last keeps any record far below the limit."""
SUPPLIED = ("attributes", "error", "entity_type", "entity_id", "category")
"""The fields of a record that can be long."""
KEY = "[cut]"


def shortened(record: dict[str, Any], limit: int) -> bytes:
    """``record`` (read from JSON) as JSON of at most ``limit`` bytes; markers say how much was cut where."""
    shorter = record
    for measure in MEASURES:
        shorter = {name: _cut(item, measure, 0) if name in SUPPLIED else item for name, item in record.items()}
        body = orjson.dumps(shorter)
        if len(body) <= limit:
            return body
    return orjson.dumps({**shorter, "attributes": {KEY: "all of it"}})


def _cut(value: Any, measure: Measure, depth: int) -> Any:
    if isinstance(value, str):
        return _cut_text(value, measure.text)
    if isinstance(value, (dict, list)):
        if depth >= measure.depth:
            return f"[cut: {len(value):,} items]" if value else value
        return _cut_mapping(value, measure, depth) if isinstance(value, dict) else list(_items(value, measure, depth))
    return value


def _cut_mapping(value: dict[str, Any], measure: Measure, depth: int) -> dict[str, Any]:
    kept = {
        _cut_text(key, measure.text): _cut(item, measure, depth + 1)
        for key, item in list(value.items())[: measure.items]
    }
    return {**kept, KEY: f"{len(value) - len(kept):,} more"} if len(kept) < len(value) else kept


def _items(value: list[Any], measure: Measure, depth: int) -> Iterator[Any]:
    for item in value[: measure.items]:
        yield _cut(item, measure, depth + 1)
    if len(value) > measure.items:
        yield f"[cut: {len(value) - measure.items:,} more]"


def _cut_text(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]} [cut: {len(text) - most:,} more characters]"
