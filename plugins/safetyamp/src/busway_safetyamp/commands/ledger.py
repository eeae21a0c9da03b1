"""``busway safetyamp ledger``: what was written to a sandbox that runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from busway.cli.output import emit_result, json_option, print_table
from busway_safetyamp.commands.running_sandbox import RunningSandbox

__all__ = ["ledger"]


@click.command()
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, help="The latest writes shown.")
@click.option("--clear", is_flag=True, help="Forget writes and calls, after they are shown.")
@click.option(
    "--env-file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path(".env"),
    show_default=True,
    help="Where the sandbox wrote its settings.",
)
@json_option
def ledger(limit: int, clear: bool, env_file: Path, as_json: bool) -> None:
    """Shows what was written to a sandbox that runs, and how its calls were answered; names of fields, no values."""
    running = RunningSandbox(env_file)
    found = running.ask("GET", "ledger")
    if clear:
        running.ask("DELETE", "ledger")
    data = {"writes": found["data"], "calls": found["calls"]}
    emit_result("busway.safetyamp.ledger/1", data, as_json=as_json, text=lambda: _print(data, limit))


def _print(data: dict[str, Any], limit: int) -> None:
    writes = data["writes"][-limit:] if limit else []
    if writes:
        rows = [(one["time"][11:19], one["method"], one["path"], one["id"], ", ".join(one["fields"])) for one in writes]
        print_table(("TIME", "WRITE", "PATH", "ID", "FIELDS"), rows)
    answers = ", ".join(f"{count:,} x {status}" for status, count in data["calls"].items())
    click.echo(f"{len(data['writes']):,} writes; calls: {answers or 'none'}")
