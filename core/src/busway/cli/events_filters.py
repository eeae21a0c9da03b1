"""Options that narrow what is shown of the history."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from busway.events.ledger import Ledger, Selection

__all__ = [
    "csv_options",
    "entity_option",
    "filter_options",
    "hours_option",
    "limit_option",
    "operation_option",
    "selection",
]

Command = TypeVar("Command", bound=Callable[..., Any])
LONGEST_HOURS = 24.0 * 366 * 10


def _hours(ctx: click.Context, option: click.Parameter, value: float | None) -> float | None:
    if value is not None and not (math.isfinite(value) and 0 < value <= LONGEST_HOURS):
        raise click.BadParameter("a number above 0, and ten years at most", ctx, option)
    return value


def filter_options(command: Command) -> Command:
    """``--hours``, ``--entity``, ``--id``, ``--job``, ``--session``."""
    for option in (
        click.option("--session", help="Only of this session; the first characters of its id are enough."),
        click.option("--job", help="Only of sessions of this job."),
        click.option("--id", "entity_id", help="Only of the record with this id."),
        entity_option,
        hours_option,
    ):
        command = option(command)
    return command


def entity_option(command: Command) -> Command:
    """``--entity``."""
    return click.option("--entity", help="Only of this kind of record, such as employee.")(command)


def hours_option(command: Command) -> Command:
    """``--hours``."""
    return click.option("--hours", type=float, callback=_hours, help="Only of the last so many hours.")(command)


def limit_option(default: int) -> Callable[[Command], Command]:
    """``--limit``."""
    kind = click.IntRange(1, 1_000_000)
    return click.option("--limit", type=kind, default=default, show_default=True, help="Newest first, so many.")


def operation_option(command: Command) -> Command:
    """``--operation``."""
    choice = click.Choice(["created", "updated", "deleted"])
    return click.option("--operation", type=choice, help="Only these changes.")(command)


def csv_options(command: Command) -> Command:
    """``--csv`` and ``--bom``."""
    bom = click.option("--bom", is_flag=True, help="Begin CSV with a byte order mark: Excel then reads it as UTF-8.")
    return click.option("--csv", "as_csv", is_flag=True, help="Print CSV instead of text.")(bom(command))


def selection(ledger: Ledger, *, session: str | None, **wanted: Any) -> Selection:
    """What the options ask for. Raises ``UsageError`` BW3002 for a session that is not there, or not the only one."""
    from busway.events.ledger import Selection

    whole = ledger.session(session).session_id if session else None
    return Selection(session=whole, **wanted)
