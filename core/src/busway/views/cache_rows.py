"""Levels, names and entries as rows, the same for people and for ``--json``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from busway.redaction.markers import marker
from busway.views.cache_names import name_of_row, policies_of

if TYPE_CHECKING:
    from busway.app import App
    from busway.plugins.report import PluginStatus

__all__ = ["cache_stats", "entry_rows", "in_process", "level_rows", "name_rows"]

Row = Mapping[str, Any]

HIDDEN = marker("sensitive")
"""In place of a key of a sensitive domain: it may be an address or a number of a person."""
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def in_process(app: App) -> dict[str, bool]:
    """Level to whether it is inside this process, so that no other one sees it; those that were built, in order."""
    return {one.name: bool(getattr(one.object, "holds_entries", False)) for one in app.objects("caches")}


def cache_stats(app: App) -> dict[str, Any]:
    """Whether each level answers, and what is cached. Reads every entry."""
    entries = app.data.keys()  # asks every level, so that what is told about them is known
    levels = level_rows(app, entries)
    return {
        "degraded": any(row["state"] != "up" for row in levels),
        "levels": levels,
        "names": name_rows(app, entries),
    }


def level_rows(app: App, entries: Sequence[Row]) -> list[dict[str, Any]]:
    """One row for each selected level, in order. ``entries`` is what the levels answered just now.

    ``entries`` and ``bytes`` are ``None`` where they are not known: of a level that is away, and of memory, which each
    process has for itself.
    """
    inside, away = in_process(app), app.levels_away()
    takes_sensitive = {row["level"]: row["takes_sensitive"] for row in app.data.stats()["levels"]}
    rows = []
    for status in _selected(app):
        name = status.name
        known = name in inside and not inside[name] and name not in away
        sizes = [row["size"] or 0 for row in entries if row["level"] == name]
        rows.append(
            {
                "level": name,
                "state": "away" if name in away else "up" if name in inside else "failed",
                "why": away.get(name, "") if name in inside else status.cause,
                "in_process": inside.get(name),
                "takes_sensitive": takes_sensitive.get(name),
                "entries": len(sizes) if known else None,
                "bytes": sum(sizes) if known else None,
                "distribution": status.distribution,
                "version": status.version,
            }
        )
    return rows


def name_rows(app: App, entries: Sequence[Row]) -> list[dict[str, Any]]:
    """One row for each domain and entity: its entries, each counted once, over all levels."""
    by_name: dict[str, list[Row]] = {}
    for row in entries:
        by_name.setdefault(str(name_of_row(row)), []).append(row)
    policies = policies_of(app)
    return [
        {"name": name, "sensitive": policies.of(name_of_row(rows[0])).sensitive, **_summary(rows)}
        for name, rows in sorted(by_name.items())
    ]


def entry_rows(app: App, entries: Sequence[Row]) -> list[dict[str, Any]]:
    """One row for each entry and level, by key, then in the order of the levels."""
    policies, redact = policies_of(app), app.redactor.redact_text
    rows = sorted(entries, key=lambda row: row["key"])  # stable: levels stay in order
    hidden = [policies.of(name_of_row(row)).sensitive for row in rows]
    return [
        {**row, "key": _shown_key(row["key"]) if hide else redact(_encodable(row["key"]))}
        for row, hide in zip(rows, hidden, strict=True)
    ]


def _shown_key(key: str) -> str:
    """``domain:entity:key`` of a sensitive domain; the key of an only value says nothing of anybody."""
    domain, entity, written = key.split(":", 2)
    return key if written == "_" else f"{domain}:{entity}:{HIDDEN}"


def _summary(rows: Sequence[Row]) -> dict[str, Any]:
    levels: dict[str, int] = {}
    freshest: dict[str, float] = {}
    for row in rows:
        levels[row["level"]] = levels.get(row["level"], 0) + 1
        freshest[row["key"]] = max(row["fresh_for_seconds"], freshest.get(row["key"], float("-inf")))
    fresh = sum(left > 0 for left in freshest.values())
    ages = [row["age_seconds"] for row in rows]
    return {
        "entries": len(freshest),
        "fresh": fresh,
        "stale": len(freshest) - fresh,
        "bytes": sum(row["size"] or 0 for row in rows),
        "newest_age_seconds": min(ages),
        "oldest_age_seconds": max(ages),
        "levels": levels,
    }


def _selected(app: App) -> list[PluginStatus]:
    app.objects("caches")
    return sorted((one for one in app.plugins.statuses() if one.kind == "caches" and one.order), key=lambda s: s.order)


def _encodable(text: str) -> str:
    """Keys may hold what UTF-8 has no form for."""
    return _SURROGATE.sub(lambda found: ascii(found[0])[1:-1], text)
