"""``busway secrets``: which secrets there are, whether each can be read, and who read them. Never a value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from busway.cli.invocation import invocation_of
from busway.cli.output import emit_result, json_option
from busway.cli.setting_names import as_setting_name, known_names
from busway.errors import Problem, UsageError

if TYPE_CHECKING:
    from busway.app import App
    from busway.configuration.secret_state import SecretState

__all__ = ["secrets"]

_HOUR_NS = 3_600 * 10**9


@click.group()
def secrets() -> None:
    """Secrets: where each comes from, whether it can be read, who read it. Values are never shown."""


@secrets.command("list")
@click.option("--ask", is_flag=True, help="Ask the vaults, too: one round to each.")
@json_option
@click.pass_context
def list_(ctx: click.Context, ask: bool, as_json: bool) -> None:
    """Every declared secret: whether it is set, where, which version, how old. No vault is asked without --ask."""
    from busway.cli.secrets_view import print_states, state_row

    with invocation_of(ctx).app(require=False) as app:
        rows = [state_row(one, _length(app, one)) for one in app.config.secret_states(ask=ask)]
        warnings = app.warnings()
    emit_result(
        "busway.secrets/1", rows, as_json=as_json, text=lambda: print_states(rows, asked=ask), warnings=warnings
    )


@secrets.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@json_option
@click.pass_context
def check(ctx: click.Context, names: tuple[str, ...], as_json: bool) -> int:
    """Read every secret, or those named, and say what is wrong with each and how to mend it.

    \b
    Every source is asked once, for all of them together.
    Exit 0 when all can be used, 3 when one is missing or wrong, 4 when a source refuses, 5 when one does not answer.
    """
    from busway.cli.secrets_view import print_check

    with invocation_of(ctx).app(require=False) as app:
        rows = _chosen(app, names)
        warnings = app.warnings()
    code = max((row["exit_code"] for row in rows), default=0)
    first = next((Problem(**problem) for row in rows for problem in row["problems"]), None)
    data = {"exit_code": code, "secrets": rows}
    answer: dict[str, Any] = {"ok": not code, "problem": first, "warnings": warnings}
    emit_result("busway.secrets-check/1", data, as_json=as_json, text=lambda: print_check(rows), **answer)
    return code


@secrets.command()
@click.option(
    "--hours", default=24.0, show_default=True, type=click.FloatRange(min=0, min_open=True), help="So far back."
)
@click.option("--name", help="Only this secret.")
@json_option
@click.pass_context
def audit(ctx: click.Context, hours: float, name: str | None, as_json: bool) -> None:
    """Who read which secret from where and when, as the processes of this installation noted it."""
    from busway.cli.secrets_view import access_row, print_accesses
    from busway.stores.secret_accesses import SecretAccessStore

    with invocation_of(ctx).app(require=False) as app:
        since_ns = app.clock.now_ns() - int(hours * _HOUR_NS)
        wanted = as_setting_name(name) if name is not None else None
        rows = [access_row(one) for one in SecretAccessStore(app.state).since(since_ns, name=wanted)]
    emit_result("busway.secret-accesses/1", rows, as_json=as_json, text=lambda: print_accesses(rows, hours))


def _chosen(app: App, names: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of the secrets that are meant; all of them without names. Raises ``UsageError`` BW1106 and BW1219."""
    wanted = known_names(app.config, names)
    secret = {declaration.name: declaration.is_secret for declaration in app.config.declarations()}
    plain = [name for name in wanted if not secret[name]]
    if plain:
        raise UsageError.of([_no_secret(name) for name in plain])
    rows: list[dict[str, Any]] = app.config.get_configuration_status()["secrets"]
    return [row for row in rows if not wanted or row["name"] in wanted]


def _no_secret(name: str) -> Problem:
    why = "it is declared as a setting that may be shown"
    return Problem("BW1219", f"{name} is no secret", "busway secrets check", why, f"busway config explain {name}")


def _length(app: App, state: SecretState) -> str:
    """The length class of a secret that is set; those are in memory or near, so no vault is asked for it."""
    return app.config.explain(state.name).length if state.is_set else ""
