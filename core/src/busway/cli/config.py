"""``busway config``: settings, where they came from, what is missing."""

from __future__ import annotations

import click

from busway.cli.invocation import invocation_of
from busway.cli.output import emit_result, json_option, print_table, style
from busway.errors import UsageError

__all__ = ["config"]


@click.group()
def config() -> None:
    """Settings: their values, where those came from, what is missing. Secrets are never shown."""


@config.command()
@click.argument("name", required=False)
@click.option("--all", "everything", is_flag=True, help="Every setting.")
@json_option
@click.pass_context
def explain(ctx: click.Context, name: str | None, everything: bool, as_json: bool) -> None:
    """Where the value of NAME comes from, and what it hides."""
    if (name is None) is not everything:
        raise UsageError("BW1004", "name one setting, or ask for all", where="busway config explain",
                         fix="busway config explain REDIS_HOST, or busway config explain --all")  # fmt: skip
    with invocation_of(ctx).app(require=False) as app:
        names = sorted(app.config.names()) if everything else [str(name)]
        found = [app.config.explain(one) for one in names]
        warnings = app.warnings()

    def text() -> None:
        for one in found:
            click.echo(one.render())

    data = [one.as_dict() for one in found]
    emit_result("busway.explanation/1", data if everything else data[0], as_json=as_json, text=text, warnings=warnings)


@config.command()
@json_option
@click.pass_context
def status(ctx: click.Context, as_json: bool) -> int:
    """Is everything set that has to be? Exit 3 when not, with the fix for each."""
    with invocation_of(ctx).app(require=False) as app:
        found = app.config.get_configuration_status()
        problems = app.config_problems()
        warnings = app.warnings()

    def text() -> None:
        table = [
            (s["name"], "set" if s["set"] else "-", s["source"] or "", _shown(s), s["owner"]) for s in found["settings"]
        ]
        print_table(("SETTING", "STATE", "FROM", "VALUE", "OWNER"), table)
        for problem in problems:
            click.echo(problem.render())
        verdict = style("valid", fg="green") if not problems else style(f"{len(problems)} to mend", fg="red")
        click.echo(f"configuration: {verdict}")

    ok = not problems
    problem = problems[0] if problems else None
    emit_result("busway.config-status/1", found, as_json=as_json, text=text, warnings=warnings, ok=ok, problem=problem)
    return 0 if ok else 3


@config.command("env-example")
@json_option
@click.pass_context
def env_example(ctx: click.Context, as_json: bool) -> None:
    """A commented .env.example made from the declarations of the core and the plugins selected."""
    with invocation_of(ctx).app(require=False) as app:
        text = app.config.env_example()
    emit_result("busway.env-example/1", {"text": text}, as_json=as_json, text=lambda: click.echo(text.rstrip()))


def _shown(setting: dict[str, object]) -> str:
    if setting["class"] == "secret":
        return "(secret)" if setting["set"] else ""
    value = setting.get("value")
    return "" if value is None else str(value)
