"""``busway doctor``: checks of this installation, each with what to do."""

from __future__ import annotations

import os
import platform
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from busway.cli.doctor_flags import flag_findings
from busway.cli.doctor_quotas import quotas_of_app, quotas_of_host
from busway.cli.doctor_sync import sync_findings
from busway.cli.finding import Finding
from busway.cli.invocation import invocation_of
from busway.cli.output import emit_result, json_option, print_table, style
from busway.cli.plugin_check import check_selected
from busway.cli.plugin_rows import PluginListing, PluginRow, read_listing
from busway.cli.plugin_view import age_text
from busway.configuration.near_value import near_value
from busway.errors import BuswayError, ConfigurationError
from busway.plugins.known import PLUGINS

if TYPE_CHECKING:
    from busway.configuration.boot import Boot
    from busway.plugins.checking import CheckedPlugin
    from busway.plugins.report import PluginStatus

__all__ = ["doctor"]

COLOURS = {"ok": "green", "warning": "yellow", "failed": "red"}
COORDINATING = frozenset({"redis"})
"""Cache levels of ours that coordinate."""
BROKEN = frozenset({"failed", "missing", "incompatible", "ambiguous"})


@click.command()
@click.option("--plugins", "load", is_flag=True, help="Load and check each plugin in a child process.")
@click.option("--online", is_flag=True, help="The same, with the health checks that talk to a remote.")
@json_option
@click.pass_context
def doctor(ctx: click.Context, load: bool, online: bool, as_json: bool) -> int:
    """Check this installation. Exit 3 when something failed.

    Without options it imports no plugin and asks no remote: plugins are shown as they were when last loaded.
    """
    findings = list(_findings(ctx, load=load or online, online=online))
    failed = sum(1 for _, status, _, _ in findings if status == "failed")

    def text() -> None:
        print_table(
            ("CHECK", "STATUS", "DETAIL"),
            [(name, status, detail) for name, status, detail, _ in findings],
        )
        told: set[str] = set()
        # What failed comes first: a plugin repeats what its checks say, and is no more than degraded by it.
        for name, status, _, fix in sorted(findings, key=lambda finding: finding[1] != "failed"):
            for at, line in enumerate(fix.split("\n") if fix and fix not in told else []):
                told.add(fix)
                front = f"{style(status, fg=COLOURS[status])}  {name}:" if at == 0 else " " * len(f"{status}  {name}:")
                click.echo(f"  {front} {line}")
        click.echo("settings and secrets:  busway config status")

    data = [{"check": n, "status": s, "detail": d, "fix": f} for n, s, d, f in findings]
    emit_result("busway.doctor/1", data, as_json=as_json, text=text, ok=failed == 0)
    return 3 if failed else 0


def _findings(ctx: click.Context, *, load: bool, online: bool) -> Iterator[Finding]:
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
    yield from flag_findings(stage)
    yield _state_dir(stage.state_dir)
    yield from sync_findings(stage.state_dir)
    listing = read_listing(ctx)
    if load:
        yield from _checked(check_selected(ctx, online=online))
    else:
        for row in listing.selected:
            yield _plugin(row.status, _last_load(row))
    yield from _coordination(ctx, stage, listing, load=load, online=online)
    yield from _installed(listing)


def _coordination(
    ctx: click.Context, stage: Boot, listing: PluginListing, *, load: bool, online: bool
) -> Iterator[Finding]:
    """Who gives leases and quotas, and how far those are drawn from."""
    levels = [row.status for row in listing.selected if row.status.kind == "caches"]
    name = _coordinating_level(ctx) if load else _known_to_coordinate(levels)
    if name is None:
        stranger = next(status.name for status in levels if not _is_ours(status))
        yield "coordination", "ok", f"not known before {stranger} is loaded: busway doctor --plugins", ""
    elif name:
        yield "coordination", "ok", f"{name}: leases and quotas hold for every host that uses it", ""
        if online:
            with invocation_of(ctx).app(require=False) as app:
                yield from quotas_of_app(app)
    else:
        yield "coordination", "ok", "local: leases and quotas hold for the processes of this host only", ""
        yield from quotas_of_host(stage)


def _known_to_coordinate(levels: Sequence[PluginStatus]) -> str | None:
    """The level that coordinates, as far as it is known without a look at it; empty when none of ours does.

    ``None`` when one of somebody else comes first, which may or may not.
    """
    for status in levels:
        if not _is_ours(status):
            return None
        if status.name in COORDINATING:
            return status.name
    return ""


def _is_ours(status: PluginStatus) -> bool:
    return PLUGINS.get((status.kind, status.name)) == status.distribution


def _coordinating_level(ctx: click.Context) -> str:
    """Built in this process, as an application does it; that it can be was checked in another one."""
    from busway.wiring.coordination import coordinating_level

    with invocation_of(ctx).app(require=False) as app:
        level = coordinating_level(app.objects("caches"))
    return level.name if level is not None else ""


def _deployment(stage: Boot) -> Finding:
    file = stage.deployment.file
    if file is None:
        return "deployment", "warning", f"no busway.toml from {stage.deployment.root} upwards: defaults", "busway init"
    return "deployment", "ok", str(file), ""


def _dotenv(stage: Boot) -> Finding:
    used = (stage.deployment.root / ".env").is_file()
    listed = any(pick.name == "dotenv" for pick in stage.selection.secrets)
    try:
        production = used and near_value(stage, "ENV", "production").text == "production"
    except ConfigurationError as error:
        return "dotenv", "failed", f"{error.problem.what} ({error.problem.where})", error.problem.fix
    if used and not listed:
        return "dotenv", "warning", ".env is there, but the source is not selected", 'add "dotenv" to [plugins] secrets'
    if production:
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


def _last_load(row: PluginRow) -> str:
    return f"{row.status.state} {age_text(row.age_seconds)}" if row.record is not None else row.status.state


def _plugin(status: PluginStatus, state: str) -> Finding:
    name = f"{status.kind}.{status.name}"
    owner = f"{status.distribution} {status.version}".strip()
    detail = "  ".join(part for part in (state, owner, status.cause.replace("\n", "; ")) if part)
    if status.state in BROKEN:
        return name, "failed" if status.required else "warning", detail, "\n".join(status.fixes)
    return name, "warning" if status.state == "degraded" else "ok", detail, status.remedy


def _checked(checked: Sequence[CheckedPlugin]) -> Iterator[Finding]:
    for one in checked:
        yield _plugin(one.status, one.status.state)
        for result in one.health:
            yield result.name, _severity(result.status, required=one.status.required), result.detail, result.fix
        for note in one.status.notes:
            yield f"{one.status.kind}.{one.status.name}", "warning", note, ""


def _severity(status: str, *, required: bool) -> Literal["ok", "warning", "failed"]:
    """What the answer of a health check is worth: one that failed is as bad as its plugin is needed."""
    if status == "ok":
        return "ok"
    return "failed" if status == "failed" and required else "warning"


def _installed(listing: PluginListing) -> Iterator[Finding]:
    """What is installed and in nobody's way as long as nobody asks for it."""
    for row in listing.rows:
        status = row.status
        if not status.order and status.state in ("shadowed", "ambiguous") and status.code:
            owner = f"{status.distribution} {status.version}"
            yield f"{status.kind}.{status.name}", "warning", f"{status.state}  {owner}  {status.cause}", status.remedy
    for text in listing.unreadable:
        yield "installation", "warning", text, ""
