"""``busway doctor``: checks of this installation, each with what to do."""

from __future__ import annotations

import os
import platform
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from busway.cli.invocation import invocation_of
from busway.cli.output import emit_result, json_option, print_table, style
from busway.cli.plugins import statuses_of
from busway.errors import BuswayError

if TYPE_CHECKING:
    from busway.configuration.boot import Boot
    from busway.plugins.report import PluginStatus

__all__ = ["doctor"]

Finding = tuple[str, Literal["ok", "warning", "failed"], str, str]
"""Check, status, detail, fix."""

COLOURS = {"ok": "green", "warning": "yellow", "failed": "red"}
BROKEN = frozenset({"failed", "missing", "incompatible", "ambiguous"})


@click.command()
@json_option
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> int:
    """Check this installation. Imports no plugin and asks no remote; exit 3 when something failed."""
    findings = list(_findings(ctx))
    failed = sum(1 for _, status, _, _ in findings if status == "failed")

    def text() -> None:
        print_table(
            ("CHECK", "STATUS", "DETAIL"),
            [(name, status, detail) for name, status, detail, _ in findings],
        )
        for name, status, _, fix in findings:
            if fix:
                click.echo(f"  {style(status, fg=COLOURS[status])}  {name}: {fix}")
        click.echo("settings and secrets:  busway config status")

    data = [{"check": n, "status": s, "detail": d, "fix": f} for n, s, d, f in findings]
    emit_result("busway.doctor/1", data, as_json=as_json, text=text, ok=failed == 0)
    return 3 if failed else 0


def _findings(ctx: click.Context) -> Iterator[Finding]:
    yield "python", "ok", f"{platform.python_version()} on {sys.platform}", ""
    try:
        stage = invocation_of(ctx).boot()
    except BuswayError as error:
        for problem in error.problems:
            yield "deployment", "failed", f"{problem.what} ({problem.where})", problem.fix
        return
    yield _deployment(stage)
    for notice in stage.notices:
        yield "environment", "warning", notice, ""
    yield _dotenv(stage)
    yield _state_dir(stage.state_dir)
    for row in statuses_of(ctx):
        if row.order:
            yield _plugin(row)


def _deployment(stage: Boot) -> Finding:
    file = stage.deployment.file
    if file is None:
        return "deployment", "warning", f"no busway.toml from {stage.deployment.root} upwards: defaults", "busway init"
    return "deployment", "ok", str(file), ""


def _dotenv(stage: Boot) -> Finding:
    used = (stage.deployment.root / ".env").is_file()
    listed = any(pick.name == "dotenv" for pick in stage.selection.secrets)
    production = stage.environ.get("ENV", "production") == "production"
    if used and not listed:
        return "dotenv", "warning", ".env is there, but the source is not selected", 'add "dotenv" to [plugins] secrets'
    if used and production:
        return "dotenv", "warning", "a .env is in use in production", "move its values to the environment or a vault"
    return "dotenv", "ok", ".env in use" if used else "no .env", ""


def _state_dir(path: Path) -> Finding:
    if not path.exists():
        return "state", "ok", f"{path} (made at the first run)", ""
    if not os.access(path, os.W_OK | os.X_OK):
        return "state", "failed", f"{path} cannot be written to", f"chown $USER {path}, or set BUSWAY_STATE_DIR"
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        return "state", "warning", f"{path} may be read by others ({mode:o})", f"chmod 700 {path}"
    return "state", "ok", str(path), ""


def _plugin(row: PluginStatus) -> Finding:
    name = f"{row.kind}.{row.name}"
    owner = f"{row.distribution} {row.version}".strip()
    if row.state not in BROKEN:
        return name, "ok", f"{row.state}  {owner}", ""
    status: Literal["warning", "failed"] = "failed" if row.required else "warning"
    return name, status, f"{row.state}  {owner}  {row.cause}".strip(), row.remedy
