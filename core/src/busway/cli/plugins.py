"""``busway plugins``: what is installed, selected, loaded, broken. Imports no third-party code."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import click

from busway.cli.invocation import invocation_of
from busway.cli.output import emit_result, json_option, print_table, style
from busway.cli.text import duration
from busway.errors import UsageError

if TYPE_CHECKING:
    from busway.plugins.recorded import RecordedPlugin
    from busway.plugins.report import PluginState, PluginStatus

__all__ = ["plugins", "statuses_of"]

STATE_COLOURS = {"ready": "green", "selected": "green", "installed": None, "degraded": "yellow"}


@click.group()
def plugins() -> None:
    """Plugins: installed, selected, in which order, and what is wrong with them."""


def statuses_of(ctx: click.Context, *, refresh: bool = False) -> list[PluginStatus]:
    """Every plugin as index, selection and the last recorded load know it; nothing is imported."""
    from busway.plugins.index import load_index
    from busway.plugins.listing import list_statuses
    from busway.plugins.recorded import recorded_load

    stage = invocation_of(ctx).boot()
    recorded = recorded_load(stage.state_dir)
    rows = list_statuses(load_index(refresh=refresh), stage.selection)
    return [_as_recorded(row, recorded.get((row.kind, row.name)), time.time_ns()) for row in rows]


def _as_recorded(row: PluginStatus, last: RecordedPlugin | None, now_ns: int) -> PluginStatus:
    """The row with the outcome of its last load, while the same version is installed."""
    if row.state != "selected" or last is None or (last.distribution, last.version) != (row.distribution, row.version):
        return row
    age = duration(last.age_seconds(now_ns))
    cause = f"{last.cause} ({age} ago)" if last.cause else ""
    state = cast("PluginState", last.state)
    return replace(row, state=state, load_seconds=last.load_seconds, code=last.code, cause=cause, remedy=last.remedy)


@plugins.command("list")
@click.option("--refresh", is_flag=True, help="Look at every installed distribution again.")
@json_option
@click.pass_context
def list_(ctx: click.Context, refresh: bool, as_json: bool) -> None:
    """Every plugin by kind and order. The state is that of the last load; nothing is imported now."""
    rows = statuses_of(ctx, refresh=refresh)
    emit_result("busway.plugins/1", [row.as_dict() for row in rows], as_json=as_json, text=lambda: _print(rows))


@plugins.command("show")
@click.argument("name")
@json_option
@click.pass_context
def show(ctx: click.Context, name: str, as_json: bool) -> None:
    """All that is known of the plugin NAME (``email`` or ``sinks.email``)."""
    rows = [row for row in statuses_of(ctx) if name in (row.name, f"{row.kind}.{row.name}", row.distribution)]
    if not rows:
        raise UsageError(
            "BW1006", f"there is no plugin {name!r}", where="busway plugins show", fix="busway plugins list"
        )

    def text() -> None:
        for row in rows:
            click.echo(style(f"{row.kind}.{row.name}", bold=True))
            for label, value in row.as_dict().items():
                if value and label not in ("kind", "name"):
                    click.echo(f"  {label.replace('_', ' '):<14}{value}")

    emit_result("busway.plugin/1", [row.as_dict() for row in rows], as_json=as_json, text=text)


def _print(rows: Sequence[PluginStatus]) -> None:
    table: list[tuple[Any, ...]] = []
    for row in rows:
        note = row.cause if not row.remedy else f"{row.cause}  fix: {row.remedy}" if row.cause else row.remedy
        owner = f"{row.distribution} {row.version}".strip() or "-"
        table.append((row.kind, row.order or "-", row.name, row.state, owner, note))
    print_table(("KIND", "ORDER", "NAME", "STATE", "DISTRIBUTION", "NOTE"), table, right={1})
