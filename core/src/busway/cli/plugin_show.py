"""``busway plugins show``: everything that is known of one plugin, its settings included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import click

from busway.cli.invocation import invocation_of
from busway.cli.output import emit_result, json_option, style
from busway.cli.plugin_check import checker_of
from busway.cli.plugin_names import rows_named
from busway.cli.plugin_rows import COMMANDS, PluginRow, read_listing
from busway.cli.plugin_view import COLOURS, age_text, load_text, note_lines, owner_text, print_noted_table

if TYPE_CHECKING:
    from busway.plugins.checking import CheckedPlugin
    from busway.plugins.report import PluginSetting

__all__ = ["show"]

SHOW_SECONDS = 10.0
"""A person waits: an answer that takes longer is of no use, and the record has one."""


@dataclass(frozen=True, slots=True)
class ShownSettings:
    """The settings of a plugin, and how they are known."""

    declared: tuple[PluginSetting, ...] | None
    """None when they are not known."""
    source: str
    """``plugin`` when it was asked now, ``record`` for the last load, empty when neither could tell."""
    problem: str = ""
    """Why it could not be asked now."""


@click.command("show")
@click.argument("name")
@json_option
@click.pass_context
def show(ctx: click.Context, name: str, as_json: bool) -> None:
    """All that is known of the plugin NAME (``email``, ``sinks.email`` or a distribution).

    Its settings are asked for in a child process, so that a broken plugin cannot do harm here. When that fails,
    or with ``--safe``, they are those of the last record, and it says so.
    """
    rows = rows_named(read_listing(ctx).rows, name, ctx.command_path)
    shown = list(zip(rows, _settings(ctx, rows), strict=True))

    def text() -> None:
        for at, (row, settings) in enumerate(shown):
            click.echo("" if at else None, nl=bool(at))
            _print(row, settings)

    emit_result("busway.plugin/1", [_as_dict(*one) for one in shown], as_json=as_json, text=text)


def _settings(ctx: click.Context, rows: Sequence[PluginRow]) -> list[ShownSettings | None]:
    """For each row; None for what has no settings, which are commands and what is not installed."""
    safe = invocation_of(ctx).safe
    installed = [row for row in rows if row.resolved.kind != COMMANDS and row.resolved.version]
    asked = [row for row in installed if not safe or row.resolved.distribution == "busway"]
    answers = dict(zip(asked, checker_of(ctx, SHOW_SECONDS).ask_settings([one.resolved for one in asked]), strict=True))
    return [_shown(row, answers.get(row)) if row in installed else None for row in rows]


def _shown(row: PluginRow, answer: CheckedPlugin | None) -> ShownSettings:
    if answer is not None and answer.settings is not None:
        return ShownSettings(answer.settings, "plugin")
    problem = answer.status.cause if answer is not None else "--safe imports nothing of a third party"
    recorded = row.record.settings if row.record is not None else None
    return ShownSettings(recorded, "record" if recorded is not None else "", problem)


def _as_dict(row: PluginRow, settings: ShownSettings | None) -> dict[str, Any]:
    declared = settings.declared if settings is not None else None
    return {
        **row.as_dict(),
        "settings": None if declared is None else [asdict(setting) for setting in declared],
        "settings_from": settings.source if settings is not None else "",
        "settings_problem": settings.problem if settings is not None else "",
    }


def _print(row: PluginRow, settings: ShownSettings | None) -> None:
    status = row.status
    click.echo(f"{style(row.full_name, bold=True)}   {style(status.state, fg=COLOURS.get(status.state))}")
    for label, value in _facts(row):
        click.echo(f"  {label:<14}{value}")
    for line in note_lines(status):
        click.echo(f"  {'':<14}{line}")
    if settings is not None:
        _print_settings(row, settings)


def _facts(row: PluginRow) -> Iterator[tuple[str, str]]:
    status = row.status
    yield "distribution", owner_text(status)
    point = f"busway.v{status.contract}.{status.kind}: {status.name}"
    yield "entry point", f"{point} = {status.entry_point}" if status.entry_point else point
    yield "contract", f"v{status.contract}"
    if status.order:
        need = "required" if status.required else "optional"
        yield "selected", f"{status.origin}, place {status.order} of {status.kind}, {need}"
    elif status.kind != COMMANDS:
        yield "selected", "no"
    if row.record is not None:
        loaded = f"{age_text(row.age_seconds)}, {row.record.state}"
        took = f", imported in {load_text(row.record.load_seconds)}" if row.record.load_seconds else ""
        yield "last load", loaded + took
    elif status.kind != COMMANDS:
        yield "last load", "none recorded of this version"


def _print_settings(row: PluginRow, settings: ShownSettings) -> None:
    if settings.problem:
        known = "as recorded " + age_text(row.age_seconds) if settings.source else "unavailable"
        click.echo(f"  {'settings':<14}{style(known, fg='yellow')}: {settings.problem}")
    if settings.declared is None:
        return
    if not settings.declared:
        click.echo(f"  {'settings':<14}none of its own")
        return
    click.echo("")
    table = [
        (
            (one.name, one.type, "(required)" if one.required else one.default or "-", one.setting_class),
            (one.doc,),
        )
        for one in settings.declared
    ]
    print_noted_table(("SETTING", "TYPE", "DEFAULT", "CLASS", "WHAT IT IS"), table)
    click.echo(f"where a value comes from:  busway config explain {settings.declared[0].name}")
