"""``busway plugins check``: loads each plugin in a child process and says how it is."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from busway.cli.invocation import invocation_of
from busway.cli.output import emit_result, json_option
from busway.cli.plugin_names import rows_named
from busway.cli.plugin_rows import read_listing
from busway.cli.plugin_view import load_text, note_lines, owner_text, print_noted_table
from busway.cli.text import duration, plural

if TYPE_CHECKING:
    from busway.cli.plugin_rows import PluginRow
    from busway.plugins.checking import CheckedPlugin, PluginChecker

__all__ = ["check", "check_selected", "checker_of"]

DEFAULT_SECONDS = 20.0


@click.command("check")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option(
    "--timeout",
    "seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=DEFAULT_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="Time for each plugin.",
)
@click.option("--online", is_flag=True, help="Run the health checks that talk to a remote too.")
@click.option("--strict", is_flag=True, help="Exit 3 when an optional plugin fails, too.")
@json_option
@click.pass_context
def check(ctx: click.Context, names: tuple[str, ...], seconds: float, online: bool, strict: bool, as_json: bool) -> int:
    """Load, build and check each plugin in a child process of its own.

    All selected plugins, or those named (``email``, ``sinks.email``, selected or not). Settings are looked for as
    in a run, and health checks run, those that talk to a remote only with ``--online``. The outcome is kept for
    ``busway plugins list``. Exit 3 when a required plugin failed; an optional one that failed is a warning.
    """
    listing = read_listing(ctx)
    named = [row for name in names for row in rows_named(listing.rows, name, ctx.command_path)]
    rows = [row for row in listing.rows if row in named] if names else listing.selected
    if sys.stderr.isatty() and not as_json:
        click.echo(f"checking {plural(len(rows), 'plugin')}, each in a process of its own ...", err=True)
    started = time.monotonic()
    checked = _check(ctx, rows, listing.selected, checker_of(ctx, seconds, online=online))
    taken = time.monotonic() - started
    fatal = [one.status for one in checked if one.status.failed and (one.status.required or strict)]
    emit_result(
        "busway.plugin-check/1",
        [_as_dict(one) for one in checked],
        as_json=as_json,
        text=lambda: _print(checked, taken),
        warnings=[*_optional_failures(checked), *listing.unreadable],
        ok=not fatal,
        problem=fatal[0].problem() if fatal else None,
    )
    return 3 if fatal else 0


def checker_of(ctx: click.Context, seconds: float = DEFAULT_SECONDS, *, online: bool = False) -> PluginChecker:
    """Checks plugins of the deployment at hand."""
    from busway.plugins.checking import PluginChecker

    invocation = invocation_of(ctx)
    folder = str(invocation.directory.resolve()) if invocation.directory else ""
    request = {"directory": folder, "safe": invocation.safe}
    return PluginChecker("busway.cli.plugin_probe", request, seconds, online)


def check_selected(ctx: click.Context, *, online: bool = False) -> list[CheckedPlugin]:
    """Checks every selected plugin, and records the outcome."""
    selected = read_listing(ctx).selected
    return _check(ctx, selected, selected, checker_of(ctx, online=online))


def _check(
    ctx: click.Context, rows: Sequence[PluginRow], selected: Sequence[PluginRow], checker: PluginChecker
) -> list[CheckedPlugin]:
    from busway.plugins.recorded import record_load

    sources = [row.resolved for row in selected if row.resolved.kind == "secrets"]
    checked = checker.check([row.resolved for row in rows], sources)
    settings = {one.key: one.settings for one in checked if one.settings is not None}
    record_load(invocation_of(ctx).boot().state_dir, [one.status for one in checked], time.time_ns(), settings=settings)
    return checked


def _as_dict(one: CheckedPlugin) -> dict[str, Any]:
    settings = None if one.settings is None else [asdict(setting) for setting in one.settings]
    return {**one.status.as_dict(), "settings": settings, "health": [asdict(result) for result in one.health]}


def _optional_failures(checked: Sequence[CheckedPlugin]) -> list[str]:
    failed = [one.status for one in checked if one.status.failed and not one.status.required]
    return [f"{status.kind}.{status.name} is optional, so the application goes on without it" for status in failed]


def _print(checked: Sequence[CheckedPlugin], seconds: float) -> None:
    table = [
        (
            (
                status.kind,
                str(status.order or "-"),
                status.name,
                status.state,
                load_text(status.load_seconds),
                owner_text(status),
            ),
            note_lines(status),
        )
        for status in (one.status for one in checked)
    ]
    print_noted_table(("KIND", "ORDER", "NAME", "STATE", "LOAD", "DISTRIBUTION", "NOTE"), table, right={1, 4})
    states = Counter(one.status.state for one in checked)
    told = ", ".join(f"{number} {state}" for state, number in states.items())
    click.echo(f"{plural(len(checked), 'plugin')} checked in {duration(seconds)}: {told or 'none is selected'}")
