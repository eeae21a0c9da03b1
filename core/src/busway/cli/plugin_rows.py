"""Plugins and commands as the index, the selection and the last recorded load know them; nothing is imported."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from busway.cli.invocation import invocation_of

if TYPE_CHECKING:
    import click

    from busway.plugins.index import CommandEntry
    from busway.plugins.recorded import RecordedPlugin
    from busway.plugins.report import PluginState, PluginStatus

__all__ = ["COMMANDS", "PluginListing", "PluginRow", "read_listing"]

COMMANDS = "commands"
"""Shown in the column of kinds, though commands are neither selected nor ordered."""


@dataclass(frozen=True, slots=True)
class PluginRow:
    """One plugin or command, with what is recorded of it."""

    resolved: PluginStatus
    """As the index and the selection know it, without the record."""
    record: RecordedPlugin | None = None
    """The last load of the version that is installed now."""
    age_seconds: float | None = None
    """Since that load."""

    @property
    def status(self) -> PluginStatus:
        """With the outcome of the last load, as long as the plugin is selected."""
        last = self.record
        if last is None or self.resolved.state != "selected":
            return self.resolved
        return replace(
            self.resolved,
            state=cast("PluginState", last.state),
            load_seconds=last.load_seconds,
            code=last.code,
            cause=last.cause,
            remedy=last.remedy,
            notes=last.notes,
        )

    @property
    def full_name(self) -> str:
        """``sinks.email``."""
        return f"{self.resolved.kind}.{self.resolved.name}"

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``: the status, and when it was last loaded."""
        loaded_at = None
        if self.record is not None:
            loaded_at = datetime.fromtimestamp(self.record.time_ns // 1_000_000_000, tz=UTC).isoformat()
        return {**self.status.as_dict(), "loaded_at": loaded_at, "age_seconds": self.age_seconds}


@dataclass(frozen=True, slots=True)
class PluginListing:
    """Everything that is installed or selected, and what could not be read."""

    rows: tuple[PluginRow, ...]
    unreadable: tuple[str, ...]
    """One sentence for each distribution whose plugins are not known."""

    @property
    def selected(self) -> list[PluginRow]:
        """The selected plugins of every kind, in order."""
        return [row for row in self.rows if row.resolved.order]


def read_listing(ctx: click.Context, *, refresh: bool = False) -> PluginListing:
    """The plugins of the deployment at hand, then the commands of plugins.

    :param refresh: look at every installed distribution again.
    """
    from busway.plugins.index import load_index
    from busway.plugins.listing import list_statuses
    from busway.plugins.recorded import recorded_load

    stage = invocation_of(ctx).boot()
    index = load_index(refresh=refresh)
    recorded = recorded_load(stage.state_dir)
    now_ns = time.time_ns()
    rows = [
        _with_record(status, recorded.get((status.kind, status.name)), now_ns)
        for status in list_statuses(index, stage.selection)
    ]
    rows += [PluginRow(status) for status in _commands(index.commands())]
    return PluginListing(tuple(rows), tuple(f"{one.reason} ({one.path})" for one in index.unreadable()))


def _with_record(status: PluginStatus, last: RecordedPlugin | None, now_ns: int) -> PluginRow:
    """What is recorded of another version says nothing about the one that is installed."""
    if last is None or not last.is_of(status):
        return PluginRow(status)
    return PluginRow(status, last, last.age_seconds(now_ns))


def _commands(entries: Sequence[CommandEntry]) -> Iterator[PluginStatus]:
    from busway.cli.root import BUILT_IN
    from busway.plugins.report import PluginStatus

    for entry in entries:
        row = PluginStatus(
            COMMANDS,
            entry.name,
            "installed",
            distribution=entry.distribution,
            version=entry.version,
            entry_point=entry.value,
        )
        owners = sorted({other.distribution for other in entries if other.name == entry.name})
        if entry.name in BUILT_IN:
            yield _shadowed(row)
        else:
            yield _ambiguous(row, owners) if len(owners) > 1 else row


def _shadowed(row: PluginStatus) -> PluginStatus:
    return replace(
        row,
        state="shadowed",
        code="BW1313",
        cause=f'"{row.name}" is a command of busway itself, and no distribution can take its name',
        remedy=f"pip uninstall {row.distribution}   (or ask its authors for another name)",
    )


def _ambiguous(row: PluginStatus, owners: Iterable[str]) -> PluginStatus:
    return replace(
        row,
        state="ambiguous",
        code="BW1012",
        cause=f"{' and '.join(owners)} both offer it, so it does not run",
        remedy=" or ".join(f"pip uninstall {owner}" for owner in owners),
    )
