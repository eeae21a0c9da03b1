"""The listing of all plugins, from metadata alone: nothing of a third party is imported for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from busway.plugins.index import Index, IndexEntry
from busway.plugins.kinds import BUILT_INS, KINDS
from busway.plugins.report import PluginStatus
from busway.plugins.resolution import (
    CORE,
    Resolution,
    canonical,
    incompatible_cause,
    incompatible_remedy,
    resolve,
    status_of,
)
from busway.plugins.selection import Selection

__all__ = ["list_statuses", "unselected_statuses"]


def list_statuses(index: Index, selection: Selection) -> list[PluginStatus]:
    """Every plugin of every kind: the selected ones in their order, then whatever else is installed."""
    rows: list[PluginStatus] = []
    for kind in KINDS:
        resolved = resolve(index, selection, kind)
        rows += [resolution.status for resolution in resolved]
        rows += unselected_statuses(index, kind, resolved)
    return rows


def unselected_statuses(index: Index, kind: str, resolved: Iterable[Resolution]) -> list[PluginStatus]:
    """What is installed of `kind` beside the `resolved` picks: not selected, shadowed or of another contract."""
    chosen = {each.entry.name: each.entry for each in resolved if each.entry is not None}
    named = {(each.status.name, each.status.distribution) for each in resolved}
    installed = index.entries(kind)
    rows = [
        _unselected(entry, chosen.get(entry.name), installed)
        for entry in installed
        if entry is not chosen.get(entry.name)
    ]
    rows += [
        _incompatible(entry) for entry in index.incompatible(kind) if (entry.name, entry.distribution) not in named
    ]
    return rows


def _unselected(entry: IndexEntry, chosen: IndexEntry | None, installed: Sequence[IndexEntry]) -> PluginStatus:
    row = status_of(entry, PluginStatus(entry.kind, entry.name, "installed"))
    if entry.name in BUILT_INS[entry.kind] and entry.distribution != CORE:
        return replace(
            row,
            state="shadowed",
            code="BW1313",
            cause=f'"{entry.name}" is a built-in of {CORE}, and no other distribution can take its name',
            remedy=f"pip uninstall {entry.distribution}   (or ask its authors for another name)",
        )
    if chosen is not None:
        return replace(
            row,
            state="shadowed",
            cause=f"{chosen.distribution} {chosen.version} is selected under this name",
            remedy=f'select "{entry.name}@{entry.distribution}" to use this one instead',
        )
    twin = _twin(entry, installed)
    if twin is not None:
        cause = f'its name differs from "{twin.name}" of {twin.distribution} only in case or in the choice of - and _'
        return replace(row, cause=cause)
    return row


def _twin(entry: IndexEntry, installed: Sequence[IndexEntry]) -> IndexEntry | None:
    """Another plugin whose name a person would take for that of `entry`."""
    alike = (other for other in installed if canonical(other.name) == canonical(entry.name))
    return next((other for other in alike if other.name != entry.name), None)


def _incompatible(entry: IndexEntry) -> PluginStatus:
    return replace(
        status_of(entry, PluginStatus(entry.kind, entry.name, "incompatible")),
        code="BW1302",
        cause=incompatible_cause(entry),
        remedy=incompatible_remedy(entry),
    )
