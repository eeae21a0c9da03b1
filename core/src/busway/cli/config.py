"""``busway config``: settings, where they came from, what is missing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from busway.cli.invocation import invocation_of
from busway.cli.output import emit_result, json_option
from busway.cli.setting_names import known_names
from busway.errors import ConfigurationError, Problem, UsageError
from busway.views.configuration import config_status, problems_of_rows, table_problems

if TYPE_CHECKING:
    from busway.app import App

__all__ = ["config"]


@click.group()
def config() -> None:
    """Settings: their values, where those came from, what is missing. Secrets are never shown."""


@config.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every setting.")
@click.option("--ask-vaults", is_flag=True, help="Ask vaults below the layer that wins, too.")
@json_option
@click.pass_context
def explain(ctx: click.Context, names: tuple[str, ...], everything: bool, ask_vaults: bool, as_json: bool) -> None:
    """Where the value of NAME comes from, and what it hides.

    \b
    wins       the layer that supplies the value
    failed     a layer that could not answer; those below it are not used meanwhile
    shadowed   has the name too, and is not used
    not set    was asked, and does not have it
    not asked  a vault below the winner: --ask-vaults asks it
    """
    from busway.cli.config_view import print_explanations

    if bool(names) is everything:
        raise UsageError("BW1004", "name one setting or several, or ask for all", where="busway config explain",
                         fix="busway config explain REDIS_HOST, or busway config explain --all")  # fmt: skip
    with invocation_of(ctx).app(require=False) as app:
        wanted = known_names(app.config, names) if names else app.config.names()
        found = [app.config.explain(name, ask_vaults=ask_vaults) for name in wanted]
        warnings = app.warnings()
    data = [one.as_dict() for one in found]
    emit_result(
        "busway.explanation/1",
        data if everything or len(names) > 1 else data[0],
        as_json=as_json,
        text=lambda: print_explanations(found),
        warnings=warnings,
    )


@config.command()
@json_option
@click.pass_context
def status(ctx: click.Context, as_json: bool) -> int:
    """Every setting with its value and place, and whether everything is set that has to be.

    Exit 0 when it is, else 3, 4 or 5 as busway config check.
    """
    from busway.cli.config_view import print_briefly, print_problems, print_settings, summary

    warnings: list[str] = []
    with invocation_of(ctx).app(require=False) as app:
        state = config_status(app, warnings)
    code, problems, found = state.exit_code, state.problems, state.data
    told = problems_of_rows(found["warnings"])

    def text() -> None:
        print_settings(found["settings"], found["not_known"])
        click.echo()
        print_problems(problems)
        print_briefly(told)
        are_set = sum(row["set"] for row in found["settings"])
        click.echo(summary(found, len(problems), f"{are_set} of {len(found['settings'])} settings are set"))

    first = problems[0] if problems else None
    emit_result(
        "busway.config-status/1", found, as_json=as_json, text=text, warnings=warnings, ok=not code, problem=first
    )
    return code


@config.command()
@json_option
@click.pass_context
def check(ctx: click.Context, as_json: bool) -> int:
    """Everything that is wrong, with the fix for each; every source is asked once.

    Exit 0 when nothing is, 3 for what the configuration says, 4 when a source refuses, 5 when one does not answer:
    the highest of those that apply.
    """
    from busway.cli.config_view import print_problems, sources_text, summary

    app, misnamed = _open(ctx)
    with app:
        app.guard_logging()
        found = app.config.get_configuration_status()
        warnings = app.warnings()
        problems = [
            *misnamed,
            *_of_plugins(app),
            *problems_of_rows(found["validation"]["problems"]),
            *table_problems(app, found),
        ]
        problems = list(dict.fromkeys(problems))
    told = problems_of_rows(found["warnings"])
    code = max(int(found["validation"]["exit_code"]), 3 if problems else 0)
    data = {
        "exit_code": code,
        "problems": [problem.as_dict() for problem in problems],
        "warnings": [problem.as_dict() for problem in told],
        "settings": len(found["settings"]),
        "secrets": sum(row["class"] == "secret" for row in found["settings"]),
        "sources": list(sources_text(found["sources"])),
    }

    def text() -> None:
        print_problems(problems)
        print_problems(told, "warning")
        asked = f"{data['settings']} settings and secrets looked for in {', '.join(sources_text(found['sources']))}"
        click.echo(summary(found, len(problems), asked))

    first = problems[0] if problems else None
    emit_result(
        "busway.config-check/1", data, as_json=as_json, text=text, warnings=warnings, ok=not code, problem=first
    )
    return code


@config.command()
@json_option
@click.pass_context
def schema(ctx: click.Context, as_json: bool) -> None:
    """The JSON Schema of busway.toml, with every setting of the plugins selected.

    \b
    busway config schema > busway.schema.json
    and as the first line of busway.toml, for editors:  #:schema ./busway.schema.json
    """
    from busway.cli.config_tables import table_schemas
    from busway.configuration.schema import toml_schema
    from busway.plugins.index import load_index
    from busway.plugins.kinds import KINDS

    with invocation_of(ctx).app(require=False) as app:
        index = load_index()
        installed = {kind: sorted({entry.name for entry in index.entries(kind)}) for kind in KINDS}
        made = toml_schema(app.config.declarations(), plugins=installed, tables=table_schemas())

    def text() -> None:
        click.echo(json.dumps(made, indent=2, ensure_ascii=False))

    emit_result("busway.config-schema/1", made, as_json=as_json, text=text)


@config.command("env-example")
@json_option
@click.pass_context
def env_example(ctx: click.Context, as_json: bool) -> None:
    """A commented .env.example made from the declarations of the core and the plugins selected."""
    with invocation_of(ctx).app(require=False) as app:
        text = app.config.env_example()
    emit_result("busway.env-example/1", {"text": text}, as_json=as_json, text=lambda: click.echo(text.rstrip()))


def _open(ctx: click.Context) -> tuple[App, list[Problem]]:
    """The application, and the misspelt ``BUSWAY_`` variables left out of it: they would be all one sees else."""
    import os

    from busway.app import App
    from busway.configuration.busway_names import check_busway_names

    invocation = invocation_of(ctx)
    misnamed, _ = check_busway_names(os.environ)
    left_out = {problem.where.rpartition(" ")[2] for problem in misnamed}
    environ = {name: value for name, value in os.environ.items() if name not in left_out}
    try:
        return App.from_config(invocation.directory, environ, safe=invocation.safe, require=False), misnamed
    except ConfigurationError as error:
        raise ConfigurationError.of([*misnamed, *error.problems]) from error


def _of_plugins(app: App) -> list[Problem]:
    """Why required plugins cannot be used; one that only lacks settings is told through those."""
    unusable = [status for status in app.plugins.statuses() if status.failed and status.required]
    broken = [status.problem() for status in unusable if not status.details]
    return [*broken, *(problem for status in unusable for problem in status.details)]
