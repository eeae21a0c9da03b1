"""A Click group that imports a command only when it is used.

Help texts of built-in commands are given here as plain strings, those of plugins come from the index, so that
``busway --help`` imports neither.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import click

if TYPE_CHECKING:
    from busway.errors import UsageError
    from busway.plugins.index import CommandEntry

__all__ = ["LazyCommand", "LazyGroup"]


class LazyCommand(NamedTuple):
    """Where a built-in command lives, and what the help says about it."""

    target: str
    """``module:attribute``."""
    summary: str
    section: str


class LazyGroup(click.Group):
    """The root group: built-in commands by section, then the commands of plugins."""

    def __init__(
        self,
        *args: Any,
        built_in: Mapping[str, LazyCommand],
        plugin_commands: Callable[[], Sequence[CommandEntry]],
        missing_command: Callable[[str], str],
        load_plugin_command: Callable[[CommandEntry], click.Command],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._built_in = built_in
        self._plugin_commands = plugin_commands
        self._missing_command = missing_command
        self._load_plugin_command = load_plugin_command

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every name, for help and completion."""
        return sorted({*self._built_in, *(entry.name for entry in self._plugin_commands())})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports the command ``cmd_name``. Built-in names cannot be taken by a plugin."""
        found = self._built_in.get(cmd_name)
        if found is not None:
            module, _, attribute = found.target.partition(":")
            command: click.Command = getattr(import_module(module), attribute)
            return command
        for entry in self._plugin_commands():
            if entry.name == cmd_name:
                return self._load_plugin_command(entry)
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As Click does, with a suggestion for a name nobody knows (BW1002)."""
        name = args[0]
        command = self.get_command(ctx, name)
        if command is None:
            raise self._unknown(ctx, name)
        return name, command, args[1:]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the commands by section without importing one."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, command in self._built_in.items():
            sections.setdefault(command.section, []).append((name, command.summary))
        entries = {entry.name: entry for entry in self._plugin_commands() if entry.name not in self._built_in}
        plugins = [(name, _summary(entry)) for name, entry in entries.items()]
        if plugins:
            sections["From plugins"] = plugins
        for title, rows in sections.items():
            with formatter.section(title):
                formatter.write_dl(rows)

    def _unknown(self, ctx: click.Context, name: str) -> UsageError:
        import difflib

        from busway.errors import UsageError

        # What is one of our commands exactly was not mistyped, however like another it is.
        fix = self._missing_command(name)
        if not fix:
            near = difflib.get_close_matches(name, self.list_commands(ctx), n=1)
            fix = f"did you mean: {ctx.command_path} {near[0]}" if near else "busway --help"
        return UsageError("BW1002", f"there is no command {name!r}", where=ctx.command_path, fix=fix)


def _summary(entry: CommandEntry) -> str:
    from busway.plugins.known import command_summary

    told = command_summary(entry.name, entry.distribution)
    return told or (f"{entry.help.rstrip('.')} ({entry.distribution})" if entry.help else f"From {entry.distribution}.")
