"""The root command: the table of commands and the options that all of them share."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from busway.cli.lazy_group import LazyCommand, LazyGroup

if TYPE_CHECKING:
    from busway.errors import UsageError
    from busway.plugins.index import CommandEntry

__all__ = ["BUILT_IN", "root"]

START, WORK, LOOK, SET_UP = "Start here", "Do the work", "See what happened", "Set up and check"

BUILT_IN = {
    "init": LazyCommand("busway.cli.init:init", "Write a busway.toml to start from.", START),
    "jobs": LazyCommand("busway.cli.jobs:jobs", "The sync jobs: order, state, last good run.", WORK),
    "plan": LazyCommand("busway.cli.plan:plan", "Show what a run would change; write nothing.", WORK),
    "show": LazyCommand("busway.cli.show:show", "Show a saved plan, or a held one.", WORK),
    "apply": LazyCommand("busway.cli.apply:apply", "Do exactly what a saved plan says.", WORK),
    "run": LazyCommand("busway.cli.run:run", "Plan and apply: all jobs, or those named.", WORK),
    "plans": LazyCommand("busway.cli.plans:plans", "Held plans: why, what they would do; allow or reject.", WORK),
    "records": LazyCommand("busway.cli.records:records", "Records that failed: look, retry, dismiss; adopt.", WORK),
    "pause": LazyCommand("busway.cli.pause:pause", "Keep jobs from running, for a time or until resumed.", WORK),
    "resume": LazyCommand("busway.cli.pause:resume", "Let paused jobs run again.", WORK),
    "sessions": LazyCommand("busway.cli.sessions:sessions", "Runs of jobs: when, how many, how they ended.", LOOK),
    "cache": LazyCommand("busway.cli.cache:cache", "Cached data: levels, entries, invalidation, warming.", LOOK),
    "events": LazyCommand("busway.cli.events:events", "Changes and errors, delivery to sinks.", LOOK),
    "notify": LazyCommand("busway.cli.notify:notify", "Digests of errors: what waits, whether it arrives.", LOOK),
    "config": LazyCommand(
        "busway.cli.config:config", "Settings: values, where they came from, what is missing.", SET_UP
    ),
    "secrets": LazyCommand("busway.cli.secrets:secrets", "Secrets: whether each can be read, who read it.", SET_UP),
    "plugins": LazyCommand("busway.cli.plugins:plugins", "Plugins: installed, selected, loaded, broken.", SET_UP),
    "doctor": LazyCommand("busway.cli.doctor:doctor", "Check this installation and say what to mend.", SET_UP),
    "explain": LazyCommand("busway.cli.explain:explain", "Explain an error code, or the exit codes.", SET_UP),
}


def _plugin_commands() -> Sequence[CommandEntry]:
    from busway.plugins.index import load_index

    return load_index().commands()


def _missing_command(name: str) -> str:
    from busway.plugins.known import command_suggestion

    return command_suggestion(name)


def _load_plugin_command(entry: CommandEntry) -> click.Command:
    from busway.cli.plugin_command import load_plugin_command

    return load_plugin_command(entry)


def _unsupported() -> UsageError:
    from busway.errors import UsageError

    why = "state folders are guarded by POSIX file locks and modes"
    fix = "run it on Linux or macOS, or in the Windows Subsystem for Linux"
    return UsageError("BW1007", "Busway does not run on Windows", where=sys.platform, why=why, fix=fix)


@click.group(
    cls=LazyGroup,
    built_in=BUILT_IN,
    plugin_commands=_plugin_commands,
    missing_command=_missing_command,
    load_plugin_command=_load_plugin_command,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nWhat an error code means:  busway explain BW1101\nWhat exit codes mean:      busway explain exit-codes",
)
@click.version_option(package_name="busway", prog_name="busway", message="%(prog)s %(version)s")
@click.option(
    "-C",
    "--directory",
    type=click.Path(exists=True, file_okay=False),
    help="Work as if started in this folder.",
)
@click.option("--safe", is_flag=True, help="Select built-in plugins only.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.pass_context
def root(ctx: click.Context, directory: str | None, safe: bool, debug: bool) -> None:
    """Busway moves records between systems: it plans before it writes, and accounts for what it did."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
        return
    if sys.platform == "win32" and ctx.invoked_subcommand != "explain":
        raise _unsupported()
    from pathlib import Path

    from busway.cli.invocation import Invocation

    ctx.obj = Invocation(directory=Path(directory) if directory else None, safe=safe, debug=debug)
