"""From names to entry points: which installed plugin a selected name means, or why none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from busway.plugins.index import CONTRACT, Index, IndexEntry
from busway.plugins.kinds import BUILT_INS
from busway.plugins.known import PLUGINS, suggestion
from busway.plugins.report import PluginStatus
from busway.plugins.selection import Pick, Selection

__all__ = ["CORE", "Resolution", "canonical", "resolve", "status_of"]

CORE = "busway"
"""The distribution that provides the built-ins."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """One selected name with the entry point it means; `entry` is None when the status says why there is none."""

    status: PluginStatus
    entry: IndexEntry | None = None


def resolve(index: Index, selection: Selection, kind: str) -> list[Resolution]:
    """Every pick of `kind`, in configured order. Imports nothing of any plugin."""
    seen: set[str] = set()
    resolved: list[Resolution] = []
    for order, pick in enumerate(selection.of(kind), start=1):
        blank = PluginStatus(kind, pick.name, "selected", order, required=pick.required, origin=pick.origin)
        resolved.append(_twice(blank) if pick.name in seen else _resolve_one(index, pick, blank))
        seen.add(pick.name)
    return resolved


def status_of(entry: IndexEntry, status: PluginStatus) -> PluginStatus:
    """`status` with the provenance of `entry`."""
    return replace(
        status,
        distribution=entry.distribution,
        version=entry.version,
        contract=entry.contract,
        entry_point=entry.value,
    )


def _resolve_one(index: Index, pick: Pick, blank: PluginStatus) -> Resolution:
    offers = [entry for entry in index.entries(blank.kind) if entry.name == pick.name]
    if pick.name in BUILT_INS[blank.kind]:
        return _built_in(pick, blank, offers)
    if pick.distribution:
        offers = [entry for entry in offers if _same(entry.distribution, pick.distribution)]
    owners = {entry.distribution for entry in offers}
    if len(owners) > 1:
        return _ambiguous(blank, offers)
    if offers:
        return Resolution(status_of(offers[0], blank), offers[0])
    return _incompatible(index, pick, blank) or _missing(index, pick, blank)


def _built_in(pick: Pick, blank: PluginStatus, offers: Sequence[IndexEntry]) -> Resolution:
    own = next((entry for entry in offers if entry.distribution == CORE), None)
    if pick.distribution and not _same(pick.distribution, CORE):
        wanted = next((entry for entry in offers if _same(entry.distribution, pick.distribution)), None)
        named = status_of(wanted, blank) if wanted else replace(blank, distribution=pick.distribution)
        return _failed(
            named,
            code="BW1313",
            cause=f'"{pick.name}" is a built-in of {CORE}, and no other distribution can take its name',
            remedy=f'select "{pick.name}" without a distribution, or ask {pick.distribution} for another name',
        )
    if own is None:
        return _missing_named(blank, CORE, f"the installation of {CORE} has lost its entry points", [])
    return Resolution(status_of(own, blank), own)


def _ambiguous(blank: PluginStatus, offers: Sequence[IndexEntry]) -> Resolution:
    owners = [f"{entry.distribution} {entry.version} ({entry.value})" for entry in offers]
    choices = " or ".join(f'"{blank.name}@{entry.distribution}"' for entry in offers)
    named = replace(
        blank,
        state="ambiguous",
        distribution=", ".join(entry.distribution for entry in offers),
        version=", ".join(entry.version for entry in offers),
        entry_point=", ".join(entry.value for entry in offers),
    )
    return _failed(
        named,
        code="BW1303",
        cause=f"{' and '.join(owners)} both offer it",
        remedy=f"choose one in plugins.{blank.kind}: write {choices}",
    )


def _incompatible(index: Index, pick: Pick, blank: PluginStatus) -> Resolution | None:
    for entry in index.incompatible(blank.kind):
        if entry.name == pick.name and (not pick.distribution or _same(entry.distribution, pick.distribution)):
            named = replace(status_of(entry, blank), state="incompatible")
            return _failed(named, code="BW1302", cause=incompatible_cause(entry), remedy=incompatible_remedy(entry))
    return None


def incompatible_cause(entry: IndexEntry) -> str:
    """Why `entry` cannot be used."""
    if not entry.contract:
        return (
            f"it is declared in the group busway.{entry.kind} without a contract version or in version 0, this core "
            f"reads busway.v{CONTRACT}.{entry.kind}; it was not imported"
        )
    return f"it speaks plugin contract v{entry.contract}, this core speaks v{CONTRACT}; it was not imported"


def incompatible_remedy(entry: IndexEntry) -> str:
    """The side that is behind is the one to upgrade."""
    if entry.contract > CONTRACT:
        return f"pip install -U {CORE}   (or install an earlier release of {entry.distribution})"
    return f"pip install -U {entry.distribution}"


def _missing(index: Index, pick: Pick, blank: PluginStatus) -> Resolution:
    installed = index.entries(blank.kind)
    if pick.distribution:
        others = [entry.distribution for entry in installed if entry.name == pick.name]
        offered = f"; {', '.join(others)} offers it" if others else ""
        cause = f'no installed distribution {pick.distribution} offers "{pick.name}"{offered}'
        fix = f"pip install {pick.distribution}"
        if others:
            fix += f', or select "{pick.name}@{others[0]}"'
        return _failed(
            replace(blank, state="missing", distribution=pick.distribution), code="BW1301", cause=cause, remedy=fix
        )
    distribution = PLUGINS.get((blank.kind, pick.name), "")
    cause = f'no installed distribution offers "{pick.name}" in the group busway.v{CONTRACT}.{blank.kind}'
    return _missing_named(blank, distribution, cause, [entry.name for entry in installed])


def _missing_named(blank: PluginStatus, distribution: str, cause: str, installed: Sequence[str]) -> Resolution:
    return _failed(
        replace(blank, state="missing", distribution=distribution),
        code="BW1301",
        cause=cause,
        remedy=suggestion(blank.kind, blank.name, installed),
    )


def _twice(blank: PluginStatus) -> Resolution:
    return _failed(
        blank,
        code="BW1314",
        cause=f'plugins.{blank.kind} has "{blank.name}" more than once, and a plugin has one place in the order',
        remedy=f'remove one "{blank.name}" from plugins.{blank.kind}',
    )


def _failed(status: PluginStatus, *, code: str, cause: str, remedy: str) -> Resolution:
    state = "failed" if status.state == "selected" else status.state
    return Resolution(replace(status, state=state, code=code, cause=cause, remedy=remedy))


def _same(one: str, other: str) -> bool:
    """Distribution names are equal when they are so to pip: case and the choice of `-_.` do not matter."""
    return canonical(one) == canonical(other)


def canonical(name: str) -> str:
    """`name` without what people mistake in names: case, and the choice of `-_.`."""
    return re.sub(r"[-_.]+", "-", name).lower()
