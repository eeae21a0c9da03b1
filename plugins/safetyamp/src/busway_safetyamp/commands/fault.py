"""``busway safetyamp fault``: makes something go wrong in a sandbox that runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from busway.cli.output import emit_result, json_option, print_table
from busway_safetyamp.commands.running_sandbox import STAND_INS, RunningSandbox
from busway_safetyamp.sandbox.fault import MEANINGS, OPTIONS, Fault, FaultKind, named

__all__ = ["fault"]

_KINDS = "\n".join(f"  {kind!s:<18} {meaning}" for kind, meaning in MEANINGS.items())
_OPTIONS = "\n".join(f"  {name:<18} {meaning}" for name, meaning in OPTIONS.items())
_HELP = f"""Makes something go wrong in a sandbox that runs, as in: fail resource=users page=1 times=2

Without a kind it shows what is armed.

\b
kinds
{_KINDS}
\b
options, written NAME=VALUE
{_OPTIONS}
"""


@click.command(help=_HELP)
@click.argument("kind", required=False)
@click.argument("options", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--of", "stand_in", type=click.Choice(list(STAND_INS)), default="safetyamp", show_default=True)
@click.option("--clear", is_flag=True, help="All is well again.")
@click.option(
    "--env-file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path(".env"),
    show_default=True,
    help="Where the sandbox wrote its settings.",
)
@json_option
def fault(kind: str | None, options: Sequence[str], stand_in: str, clear: bool, env_file: Path, as_json: bool) -> None:
    """Arms a fault, or shows those that are armed; its help lists the kinds, which a docstring cannot."""
    running = RunningSandbox(env_file, stand_in)
    if clear:
        running.ask("DELETE", "faults")
    if kind is None:
        found = running.ask("GET", "faults")
    else:
        found = running.ask("POST", "faults", {**named(options), "kind": kind})
    emit_result("busway.safetyamp.faults/1", found["data"], as_json=as_json, text=lambda: _print(found["data"]))


def _print(armed: list[dict[str, Any]]) -> None:
    if not armed:
        click.echo("nothing goes wrong")
        return
    rows = [
        (one["kind"], one["resource"] or "any", _or(one["page"], "any"), _or(one["times"], "always"), _rest(one))
        for one in armed
    ]
    print_table(("FAULT", "RESOURCE", "PAGE", "TIMES", "WITH"), rows)


def _rest(armed: dict[str, Any]) -> str:
    """What has no column, where it is not as it is without a word."""
    plain = Fault(FaultKind(armed["kind"])).as_dict()
    named = ("after", "status", "retry_after", "field", "seconds")
    return " ".join(f"{name}={armed[name]}" for name in named if armed[name] != plain[name])


def _or(value: Any, otherwise: str) -> str:
    return otherwise if value is None else str(value)
