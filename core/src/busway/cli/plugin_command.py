"""Commands that plugins contribute: imported when invoked, and named when they break."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import click

from busway.errors import PluginError

if TYPE_CHECKING:
    from busway.plugins.index import CommandEntry

__all__ = ["load_plugin_command"]


def load_plugin_command(entry: CommandEntry) -> click.Command:
    """Imports the command behind ``entry``. Raises ``PluginError`` BW1010 when that fails in any way."""
    module, _, attribute = entry.value.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        # A plugin's import may do anything, sys.exit included; whatever it is must name the plugin.
        raise _broken(entry, f"{type(error).__name__}: {error}") from error
    if not isinstance(found, click.Command):
        raise _broken(entry, f"{entry.value} is a {type(found).__name__}, not a Click command")
    return found


def _broken(entry: CommandEntry, why: str) -> PluginError:
    return PluginError(
        "BW1010",
        f"the command {entry.name!r} cannot be loaded",
        where=f"{entry.distribution} {entry.version}, entry point busway.v1.commands: {entry.name} = {entry.value}",
        why=why,
        fix=f"pip install --force-reinstall {entry.distribution}, or remove it",
    )
