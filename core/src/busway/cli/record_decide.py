"""``busway records retry`` and ``dismiss``: people decide what becomes of quarantined records."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from busway.cli.confirming import confirmed
from busway.cli.deciding import actor_of, actor_option, decisions_of, reason_option
from busway.cli.events_view import shown
from busway.cli.invocation import invocation_of
from busway.cli.output import emit_result, json_option
from busway.cli.record_filters import filter_options
from busway.cli.record_view import run_command
from busway.cli.text import plural
from busway.errors import UsageError
from busway.views.record_filter import RecordFilter
from busway.views.records import decided_data

if TYPE_CHECKING:
    from busway.app import App
    from busway.stores.quarantine import QuarantinedRecord

__all__ = ["dismiss", "retry"]

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Choice:
    """What was asked for: records by name, or all that fit."""

    verb: str
    """The command, for errors."""
    names: Sequence[str]
    everything: bool
    filters: RecordFilter
    states: Collection[str]
    """Those that ``--all`` means where no state is asked for."""

    def check(self) -> None:
        """Raises ``UsageError`` BW7015 unless records are named, or all that fit are asked for, and not both."""
        if bool(self.names) is not self.everything and not (self.names and self.filters.narrows):
            return
        both = "records are named; filters and --all go without names" if self.names else "no record is named"
        raise UsageError(
            "BW7015",
            "say which records",
            where=f"busway records {self.verb}",
            why=both,
            fix=f"busway records {self.verb} ID, or busway records {self.verb} --all with filters such as --job",
        )

    def records(self, app: App) -> list[QuarantinedRecord]:
        """The records that are meant. Raises ``UsageError`` BW7013 for a name that means none, or several."""
        from busway.sync.decisions import find_records

        known = app.state.quarantine.of(self.filters.job)
        if self.names:
            return find_records(known, self.names)
        return self.filters.pick(known, app.clock.now_ns(), self.states)


def choice_options(command: Command) -> Command:
    """The records, the filters, ``--all`` and ``--yes``, who decides and why."""
    for option in (
        json_option,
        click.option("--yes", is_flag=True, help="Do not ask."),
        click.option("--all", "everything", is_flag=True, help="All that fit the filters."),
        filter_options,
        actor_option,
        reason_option,
        click.argument("names", metavar="[RECORD]...", nargs=-1),
    ):
        command = option(command)
    return command


@click.command(short_help="Let the next run try records again.")
@choice_options
@click.pass_context
def retry(
    ctx: click.Context, /, names: Sequence[str], everything: bool, yes: bool, reason: str, actor: str, as_json: bool,
    **wanted: Any,
) -> None:  # fmt: skip
    """Let the next run try records again: those named by label or id, or with --all what waits and fits the filters.

    Asks before --all, unless --yes is said.
    """
    choice = Choice("retry", names, everything, RecordFilter(**wanted), ("waiting",))
    chosen, warnings = _decide(ctx, choice, "try {} again?", yes=yes, actor=actor, reason=reason)
    told = "the next run tries {}: " + run_command(chosen)
    _tell(choice, chosen, "released", told, warnings, as_json=as_json)


@click.command(short_help="Hear no more of records until something changes.")
@choice_options
@click.pass_context
def dismiss(
    ctx: click.Context, /, names: Sequence[str], everything: bool, yes: bool, reason: str, actor: str, as_json: bool,
    **wanted: Any,
) -> None:  # fmt: skip
    """Hear no more of records until something about them changes: those named, or with --all what fits the filters.

    They are counted as skipped from then on. Asks before --all, unless --yes is said.
    """
    choice = Choice("dismiss", names, everything, RecordFilter(**wanted), ("waiting", "released"))
    chosen, warnings = _decide(ctx, choice, "dismiss {}?", yes=yes, actor=actor, reason=reason)
    _tell(choice, chosen, "dismissed", "nobody is told of {} until something changes", warnings, as_json=as_json)


def _decide(
    ctx: click.Context, choice: Choice, question: str, *, yes: bool, actor: str, reason: str
) -> tuple[list[QuarantinedRecord], list[str]]:
    """The records that were meant, decided, and what a person should know besides."""
    from busway.sync.decisions import check_decision

    choice.check()
    with invocation_of(ctx).app(require=False) as app:
        who = actor_of(app, actor)
        check_decision(who, reason)
        chosen = choice.records(app)
        if chosen and choice.everything:
            jobs = ", ".join(sorted({one.job for one in chosen}))
            asked = question.format(f"{plural(len(chosen), 'record')} of {jobs}")
            confirmed(asked, yes=yes, again=f"busway records {choice.verb} --all")
        if chosen:
            decisions = decisions_of(app)
            settle = decisions.release if choice.verb == "retry" else decisions.dismiss
            settle(chosen, who, reason)
        return chosen, app.warnings()


def _tell(
    choice: Choice,
    chosen: Sequence[QuarantinedRecord],
    done: str,
    told: str,
    warnings: Sequence[str],
    *,
    as_json: bool,
) -> None:
    def text() -> None:
        if not chosen:
            click.echo("No record in quarantine fits.")
            return
        what = plural(len(chosen), "record") if choice.everything else ", ".join(shown(one.label) for one in chosen)
        click.echo(f"{done}: {what}")
        click.echo(told.format("it" if len(chosen) == 1 else "them"))

    data = decided_data(chosen, done)
    emit_result("busway.records-decided/1", data, as_json=as_json, text=text, warnings=warnings)
