"""``busway plugins``: what is installed, selected, loaded, broken. Imports no third-party code."""

from __future__ import annotations

from collections.abc import Sequence

import click

from busway.cli.output import emit_result, json_option
from busway.cli.plugin_check import check
from busway.cli.plugin_rows import PluginRow, read_listing
from busway.cli.plugin_show import show
from busway.cli.plugin_view import age_text, note_lines, owner_text, print_noted_table

__all__ = ["plugins"]


@click.group()
def plugins() -> None:
    """Plugins: installed, selected, in which order, and what is wrong with them."""


plugins.add_command(show)
plugins.add_command(check)


@plugins.command("list")
@click.option("--refresh", is_flag=True, help="Look at every installed distribution again.")
@json_option
@click.pass_context
def list_(ctx: click.Context, refresh: bool, as_json: bool) -> None:
    """Every plugin by kind and order, then the commands of plugins. Nothing is imported.

    The state is that of the last load, whose age is under LOADED; ``busway plugins check`` loads them now.
    """
    listing = read_listing(ctx, refresh=refresh)
    emit_result(
        "busway.plugins/1",
        [row.as_dict() for row in listing.rows],
        as_json=as_json,
        text=lambda: _print(listing.rows),
        warnings=listing.unreadable,
    )


def _print(rows: Sequence[PluginRow]) -> None:
    table = [
        (
            (
                row.status.kind,
                str(row.status.order or "-"),
                row.status.name,
                row.status.state,
                age_text(row.age_seconds),
                owner_text(row.status),
            ),
            note_lines(row.status),
        )
        for row in rows
    ]
    print_noted_table(("KIND", "ORDER", "NAME", "STATE", "LOADED", "DISTRIBUTION", "NOTE"), table, right={1})
