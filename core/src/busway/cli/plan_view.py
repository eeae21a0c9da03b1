"""How a plan looks to a person, and to a program. Values of personal fields are not shown."""

from __future__ import annotations

from itertools import islice
from typing import Any

import click

from busway.cli.output import style
from busway.cli.text import plural
from busway.sync.plan import Action, Change, FieldChange, Plan, Unplanned

__all__ = ["plan_as_dict", "print_plan"]

SIGNS = {
    Action.CREATE: ("+", "green"),
    Action.UPDATE: ("~", "cyan"),
    Action.DEACTIVATE: ("-", "yellow"),
    Action.REACTIVATE: ("^", "green"),
}
SHOWN_VALUE = 40


def print_plan(plan: Plan, limit: int) -> None:
    """Summary, then up to ``limit`` changes, then what was left out and why."""
    click.echo(f"{style(f'{plan.job:<11}', bold=True)} {plan.summary()}")
    for change in plan.changes[:limit]:
        _print_change(change)
    if len(plan.changes) > limit:
        click.echo(f"    … and {plural(len(plan.changes) - limit, 'more change')}")
    _print_left_out("invalid", plan.invalid)
    _print_left_out("skipped", plan.skipped)
    for warning in plan.warnings:
        click.echo(f"    {style('note', fg='yellow')}  {warning}")
    if plan.linked:
        click.echo(f"    {plural(plan.linked, 'record')} linked and not managed: never deactivated")
    for hold in plan.holds:
        click.echo(f"  {style('held', fg='yellow', bold=True)}: {hold.what}")
        for label, said in (("where", hold.where), ("why", hold.why)):
            if said:
                click.echo(f"    {label:<6}{said}")


def plan_as_dict(plan: Plan) -> dict[str, Any]:
    """The plan for ``--json``: labels and field names; values only of fields that are not personal."""
    return {
        "job": plan.job,
        "entity": plan.entity,
        "counts": plan.counts(),
        "source_count": plan.source_count,
        "target_count": plan.target_count,
        "linked": plan.linked,
        "held": [{"brake": h.brake, "what": h.what, "why": h.why, "where": h.where} for h in plan.holds],
        "changes": [_change_as_dict(change) for change in plan.changes],
        "skipped": [{"label": one.label, "reasons": list(one.reasons)} for one in plan.skipped],
        "invalid": [{"label": one.label, "reasons": list(one.reasons)} for one in plan.invalid],
        "warnings": plan.warnings,
    }


def _print_change(change: Change) -> None:
    sign, colour = SIGNS[change.action]
    fields = _fields_text(change)
    adopted = "  (adopted)" if change.adopts else ""
    click.echo(
        f"  {style(f'{sign} {change.action.value:<10}', fg=colour)} {change.label}{adopted}  {style(fields, dim=True)}"
    )


def _fields_text(change: Change) -> str:
    if change.action is Action.CREATE:
        return plural(len(change.fields), "field") if len(change.fields) > 1 else ""
    return ", ".join(_field_text(field) for field in change.fields)


def _field_text(field: FieldChange) -> str:
    if field.personal:
        return field.name
    return f"{field.name}: {_value(field.old)} → {_value(field.new)}"


def _value(value: object) -> str:
    text = "(empty)" if value in (None, "") else str(value)
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
