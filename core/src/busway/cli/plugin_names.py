"""Plugins by the names people give them: ``email``, ``sinks.email``, or the distribution."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from busway.errors import UsageError

if TYPE_CHECKING:
    from busway.cli.plugin_rows import PluginRow

__all__ = ["rows_named"]


def rows_named(rows: Sequence[PluginRow], name: str, where: str) -> list[PluginRow]:
    """The rows that ``name`` means. Raises ``UsageError`` BW1006 with the nearest name, or what to install."""
    found = [row for row in rows if name in (row.resolved.name, row.full_name, row.resolved.distribution)]
    if not found:
        raise _unknown(rows, name, where)
    return found


def _unknown(rows: Sequence[PluginRow], name: str, where: str) -> UsageError:
    from busway.plugins.known import COMMANDS, PLUGINS

    first_party = {known: distribution for (_, known), distribution in PLUGINS.items()} | COMMANDS
    first_party |= {f"{kind}.{known}": distribution for (kind, known), distribution in PLUGINS.items()}
    first_party |= {distribution: distribution for distribution in PLUGINS.values()}
    if name in first_party:
        install = f"pip install {first_party[name]}"
        return UsageError("BW1006", f"the plugin {name!r} is not installed", where=where, fix=install)
    names = [(row.resolved.name, row.full_name, row.resolved.distribution) for row in rows]
    installed = [known for each in names for known in each if known]
    near = _nearest(name, [*installed, *first_party])
    fix = f"did you mean {near}? {where} {near}" if near in installed else ""
    if near and not fix:
        fix = f"did you mean {near}? pip install {first_party[near]}"
    return UsageError("BW1006", f"there is no plugin {name!r}", where=where, fix=fix or "busway plugins list")


def _nearest(name: str, candidates: Iterable[str]) -> str:
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, list(dict.fromkeys(candidates)), 1)), "")
