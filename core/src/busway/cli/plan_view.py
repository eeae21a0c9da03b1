"""How a plan looks to a person, and to a program.

Values of personal fields are shown on a terminal only, and where configuration says so.
"""

from __future__ import annotations

import sys
from itertools import islice
from typing import Any

import click

from busway.cli.events_view import shown
from busway.cli.output import style
from busway.cli.text import plural, short_id
from busway.sync.plan import Action, Change, FieldChange, Plan, Unplanned

__all__ = ["plan_as_dict", "print_plan", "shows_personal"]

SIGNS = {
    Action.CREATE: ("+", "green"),
    Action.UPDATE: ("~", "cyan"),
    Action.DEACTIVATE: ("-", "yellow"),
    Action.REACTIVATE: ("^", "green"),
}
SHOWN_VALUE = 40


def shows_personal(policy: str) -> bool:
    """Whether values of personal fields may be shown: where ``[sync] personal_fields`` says so, and to a person.

    What is no terminal is a file, a log or another program.
    """
    return policy == "shown" and sys.stdout.isatty()


def print_plan(plan: Plan, limit: int, *, personal: bool = False, held_id: str = "") -> None:
    """Summary, then up to ``limit`` changes, then what was left out and why, then what holds it.

    :param personal: with the values of personal fields.
    :param held_id: the held plan of the job that waits for a decision, if there is one.
    """
    click.echo(f"{style(f'{plan.job:<11}', bold=True)} {plan.summary()}")
    for change in plan.changes[:limit]:
        _print_change(change, personal=personal)
    if len(plan.changes) > limit:
        click.echo(f"    … and {plural(len(plan.changes) - limit, 'more change')}")
    _print_left_out("invalid", plan.invalid)
    _print_left_out("skipped", plan.skipped)
    for warning in plan.warnings:
        click.echo(f"    {style('note', fg='yellow')}  {warning}")
    _print_known(plan)
    _print_holds(plan, held_id)


def plan_as_dict(plan: Plan) -> dict[str, Any]:
    """The plan for ``--json``: labels and field names; values only of fields that are not personal."""
    return {
        "job": plan.job,
        "entity": plan.entity,
        "only": bool(plan.only),
        "counts": plan.counts(),
        "source_count": plan.source_count,
        "target_count": plan.target_count,
        "linked": plan.linked,
        "held": [{"brake": h.brake, "what": h.what, "why": h.why, "where": h.where} for h in plan.holds],
        "changes": [_change_as_dict(change) for change in plan.changes],
        "skipped": [{"label": one.label, "reasons": list(one.reasons)} for one in plan.skipped],
        "invalid": [{"label": one.label, "reasons": list(one.reasons)} for one in plan.invalid],
        "quarantined": [{"label": one.label, "reasons": list(one.reasons)} for one in plan.quarantined],
        "partial": plan.partial,
        "warnings": plan.warnings,
    }


def _print_known(plan: Plan) -> None:
    """What the plan leaves alone."""
    listed = f"busway records list --job {plan.job}"
    waiting = len(plan.quarantined)
    if waiting:
        verb = "waits" if waiting == 1 else "wait"
        click.echo(f"    {plural(waiting, 'record')} {verb} for a reason to be tried again: {listed}")
    if plan.partial:
        verb = "is" if plan.partial == 1 else "are"
        click.echo(
            f"    {plural(plan.partial, 'record')} {verb} in the target without a field it does not take: {listed}"
        )
    if plan.linked and plan.deactivates:
        told = f"{plural(plan.linked, 'record')} linked and not managed: never deactivated"
        click.echo(f"    {told}   (busway records adopt {plan.job})")


def _print_holds(plan: Plan, held_id: str) -> None:
    for hold in plan.holds:
        click.echo(f"  {style('held', fg='yellow', bold=True)}: {hold.what}")
        for label, said in (("where", hold.where), ("why", hold.why)):
            if said:
                click.echo(f"    {label:<6}{said}")
    if plan.held and held_id:
        short = short_id(held_id)
        click.echo(f"  one of this job waits for a decision. See it:    busway show {short}")
        click.echo(f'                                        Allow it:  busway plans allow {short} --reason "..."')
    elif plan.held and not plan.only:
        click.echo(f"  busway run {plan.job} would write nothing, and keep it for somebody to decide")


def _print_change(change: Change, *, personal: bool) -> None:
    sign, colour = SIGNS[change.action]
    fields = _fields_text(change, personal)
    parts = [
        f"  {style(f'{sign} {change.action.value:<10}', fg=colour)} {shown(change.label)}",
        "(adopted)" if change.adopts else "",
        style(fields, dim=True) if fields else "",
    ]
    click.echo("  ".join(part for part in parts if part))


def _fields_text(change: Change, personal: bool) -> str:
    if change.action is Action.CREATE:
        return plural(len(change.fields), "field") if len(change.fields) > 1 else ""
    return ", ".join(_field_text(field, personal) for field in change.fields)


def _field_text(field: FieldChange, personal: bool) -> str:
    if field.personal and not personal:
        return field.name
    return f"{field.name}: {_value(field.old)} → {_value(field.new)}"


def _value(value: object) -> str:
    text = "(empty)" if value in (None, "") else shown(str(value))
    return text if len(text) <= SHOWN_VALUE else text[: SHOWN_VALUE - 1] + "…"


def _print_left_out(word: str, records: list[Unplanned], limit: int = 5) -> None:
    for one in islice(records, limit):
        click.echo(
            f"  {style(f'! {word:<10}', fg='red' if word == 'invalid' else None)} {one.label}  {'; '.join(one.reasons)}"
        )
    if len(records) > limit:
        click.echo(f"    … and {plural(len(records) - limit, 'more', 'more')} {word}")


def _change_as_dict(change: Change) -> dict[str, Any]:
    return {
        "action": change.action.value,
        "label": change.label,
        "adopts": change.adopts,
        "fields": [_field_as_dict(field) for field in change.fields],
    }


def _field_as_dict(field: FieldChange) -> dict[str, Any]:
    if field.personal:
        return {"name": field.name, "personal": True}
    return {"name": field.name, "old": field.old, "new": field.new}
