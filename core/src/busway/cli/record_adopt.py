"""``busway records adopt``: records that are only linked become managed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from busway.cli.confirming import confirmed
from busway.cli.deciding import actor_of, actor_option, reason_option
from busway.cli.events_view import shown
from busway.cli.invocation import invocation_of
from busway.cli.output import emit_result, json_option, print_table
from busway.cli.progress import make_progress
from busway.cli.text import plural
from busway.errors import UsageError

if TYPE_CHECKING:
    from busway.app import App
    from busway.sync.adoption import Linked

__all__ = ["adopt"]


@click.command(short_help="Take over target records that are only linked.")
@click.argument("job")
@click.option("--only", multiple=True, metavar="KEY", help="This record, by its match key or label; may be repeated.")
@click.option("--all", "everything", is_flag=True, help="Every linked record.")
@reason_option
@actor_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=20, show_default=True, help="Records to list.")
@json_option
@click.pass_context
def adopt(
    ctx: click.Context, job: str, only: tuple[str, ...], everything: bool, reason: str, actor: str, yes: bool,
    limit: int, as_json: bool,
) -> None:  # fmt: skip
    """Make target records that JOB matches by key managed: Busway then deactivates them when they leave the source.

    Without --only and --all it lists them, and nothing changes. Both sides are read.
    """
    acts = _acts(only, everything)
    with invocation_of(ctx).app() as app:
        who = _who(app, actor, reason) if acts else ""
        with make_progress(as_json=as_json) as progress:
            progress.started(job)
            linked = app.sync.linked(job)
        deactivates = bool(app.sync.job(job).active_field)
        chosen = _chosen(app, job, linked, only) if only else linked
        adopted = 0
        if acts and chosen:
            question = f"let busway deactivate {plural(len(chosen), 'record')} of {job} when they leave the source?"
            confirmed(question, yes=yes, again=f"busway records adopt {job}")
            adopted = app.sync.adopt(job, chosen, who, reason)
        warnings = app.warnings()

    def text() -> None:
        if acts:
            click.echo(f"adopted: {plural(adopted, 'record')} of {job}; {len(linked) - adopted:,} still linked only")
        else:
            _print_linked(job, linked, limit)
        if not deactivates:
            click.echo(f"{job} deactivates nothing: to be managed makes no difference to its records")

    data = {"job": job, "linked": len(linked), "adopted": adopted, "records": [_as_dict(one) for one in chosen]}
    emit_result("busway.adoption/1", data, as_json=as_json, text=text, warnings=warnings)


def _acts(only: Sequence[str], everything: bool) -> bool:
    """Whether anything is to change. Raises ``UsageError`` BW7015 for records that are named beside all of them."""
    if only and everything:
        raise UsageError(
            "BW7015",
            "say which records",
            where="busway records adopt",
            why="--only names some and --all means all",
            fix="busway records adopt JOB --only KEY, or busway records adopt JOB --all",
        )
    return bool(only) or everything


def _who(app: App, actor: str, reason: str) -> str:
    """Who decides. Raises ``UsageError`` BW7012 before anything is read where the name or the reason is missing."""
    from busway.sync.decisions import check_decision

    who = actor_of(app, actor)
    check_decision(who, reason)
    return who


def _chosen(app: App, job: str, linked: Sequence[Linked], only: Sequence[str]) -> list[Linked]:
    from busway.sync.single import key_of_text

    found = {one.key: one for text in only for one in [_one(text, key_of_text(app.sync.job(job), text), job, linked)]}
    return list(found.values())


def _one(text: str, key: str, job: str, linked: Sequence[Linked]) -> Linked:
    fits = [one for one in linked if key == one.key] or [one for one in linked if text == one.label]
    if len(fits) == 1:
        return fits[0]
    why = f"{len(fits)} linked records are called so" if fits else "it is managed already, or no source record has it"
    raise UsageError(
        "BW7016", f"{job} has no linked record {text!r}", where=f"job {job}", why=why, fix=f"busway records adopt {job}"
    )


def _print_linked(job: str, linked: Sequence[Linked], limit: int) -> None:
    if not linked:
        click.echo(f"Every record that {job} matches is managed.")
        return
    click.echo(
        f"{plural(len(linked), 'record')} of {job} linked and not managed: kept up to date, and never deactivated"
    )
    print_table(("RECORD", "TARGET ID"), [(shown(one.label), shown(one.target_id)) for one in linked[:limit]])
    if len(linked) > limit:
        click.echo(f"and {len(linked) - limit:,} more: --limit {len(linked)}")
    click.echo(f'adopt one:  busway records adopt {job} --only KEY --reason "..."')
    click.echo(f'adopt all:  busway records adopt {job} --all --reason "..."')


def _as_dict(one: Linked) -> dict[str, Any]:
    return {"label": one.label, "target_id": one.target_id}
