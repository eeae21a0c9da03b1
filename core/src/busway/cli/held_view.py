"""How held plans look to a person, and to a program."""

from __future__ import annotations

from collections.abc import Sequence

import click

from busway.cli.events_view import shown
from busway.cli.output import print_table, style
from busway.cli.text import local_time, plural, short_id
from busway.stores.held_plans import HeldPlan
from busway.sync.holds import ALLOWED_HOURS
from busway.sync.plan import Action, summarise
from busway.views.held_plans import good_until_ns

__all__ = ["print_decided", "print_held", "print_held_list"]

SHOWN_CHANGES = 20
HEADINGS = ("PLAN", "JOB", "HELD", "STATE", "BRAKES", "WOULD", "DECIDED")


def print_held_list(plans: Sequence[HeldPlan], now_ns: int) -> None:
    """A table, and what to do next."""
    print_table(HEADINGS, [_row(one, now_ns) for one in plans])
    waiting = next((one for one in plans if one.state == "held"), None)
    if waiting is not None:
        plan = short_id(waiting.hold_id)
        click.echo(f"see one:    busway show {plan}")
        click.echo(f'allow it:   busway plans allow {plan} --reason "..."')
        click.echo(f'reject it:  busway plans reject {plan} --reason "..."')


def print_held(plan: HeldPlan, now_ns: int) -> None:
    """One held plan: why it was held, what it would do, who decided."""
    click.echo(f"{style(plan.job, bold=True)}   plan {plan.hold_id}   held {local_time(plan.at_ns)}")
    for brake in plan.brakes:
        click.echo(f"  {style('held', fg='yellow', bold=True)}: {brake['what']}")
        for name in ("where", "why"):
            if brake[name]:
                click.echo(f"    {name:<6}{brake[name]}")
    click.echo(f"  would  {summarise(plan.counts)}")
    _print_changes(plan)
    click.echo(f"  {_standing(plan, now_ns)}")
    _print_next_steps(plan, now_ns)


def print_decided(plan: HeldPlan, *, next_step: bool = True) -> None:
    """What was decided just now, and what that means; ``next_step`` is what to do about it."""
    short = short_id(plan.hold_id)
    click.echo(f"{plan.state}: plan {short} of {plan.job}, by {shown(plan.actor)}")
    if plan.state == "allowed":
        limits = ", ".join(f"{one['brake']} up to {plural(one['count'], 'record')}" for one in plan.brakes)
        click.echo(f"a run of {plan.job} until {local_time(good_until_ns(plan))} passes {limits}")
        if next_step:
            click.echo(f"do it now:  busway run {plan.job}")
    else:
        click.echo(f"nothing was written, and a plan like it is held again: busway plan {plan.job}")


def _print_changes(plan: HeldPlan) -> None:
    for change in plan.changes[:SHOWN_CHANGES]:
        fields = ", ".join(map(shown, change["fields"])) if change["action"] != "create" else ""
        more = f"  {style(fields, dim=True)}" if fields else ""
        click.echo(f"    {change['action']:<10} {shown(change['label'])}{more}")
    rest = sum(_changes(plan).values()) - min(len(plan.changes), SHOWN_CHANGES)
    if rest > 0:
        click.echo(f"    … and {plural(rest, 'more change')}")


def _changes(plan: HeldPlan) -> dict[str, int]:
    return {action.value: plan.counts.get(action.value, 0) for action in Action}


def _standing(plan: HeldPlan, now_ns: int) -> str:
    """Where it stands."""
    decided = f"{plan.state} by {shown(plan.actor)}, {local_time(plan.decided_ns)}: {shown(plan.note)}"
    return {
        "held": "nothing was written; it waits for a decision",
        "allowed": decided + ("" if good_until_ns(plan) > now_ns else f"; over after {ALLOWED_HOURS} h, not used"),
        "rejected": decided,
        "used": f"allowed by {shown(plan.actor)}: {shown(plan.note)}; a run has passed by it",
    }.get(plan.state, "replaced: a later plan of the job came to another end")


def _print_next_steps(plan: HeldPlan, now_ns: int) -> None:
    short = short_id(plan.hold_id)
    click.echo(f"what would happen now:  busway plan {plan.job}")
    if plan.state == "held":
        click.echo(f'allow it:   busway plans allow {short} --reason "..."')
        click.echo(f'reject it:  busway plans reject {short} --reason "..."')
    elif good_until_ns(plan) > now_ns:
        click.echo(f"do it:      busway run {plan.job}   (until {local_time(good_until_ns(plan))})")


def _row(plan: HeldPlan, now_ns: int) -> tuple[str, ...]:
    expired = plan.state == "allowed" and good_until_ns(plan) <= now_ns
    decided = f"{shown(plan.actor)}, {local_time(plan.decided_ns)}: {shown(plan.note)}" if plan.actor else ""
    changes = [f"{number:,} {name}" for name, number in _changes(plan).items() if number]
    return (
        short_id(plan.hold_id),
        plan.job,
        local_time(plan.at_ns),
        "expired" if expired else plan.state,
        ", ".join(one["brake"] for one in plan.brakes),
        ", ".join(changes) or "nothing",
        decided,
    )
