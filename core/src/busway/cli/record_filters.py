"""Options that choose among quarantined records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from busway.cli.events_filters import hours_option
from busway.cli.times import span_seconds
from busway.stores.quarantine import CLASSES
from busway.views.record_filter import ALL_STATES

__all__ = ["filter_options"]

Command = TypeVar("Command", bound=Callable[..., Any])


def filter_options(command: Command) -> Command:
    """``--job``, ``--class``, ``--code``, ``--field``, ``--state``, ``--older-than``, ``--hours``."""
    states = click.Choice([*ALL_STATES, "all"])
    for option in (
        hours_option,
        click.option(
            "--older-than",
            callback=span_seconds,
            metavar="SPAN",
            help="Only what failed first so long ago, such as 7d.",
        ),
        click.option("--state", type=states, help="Only what waits, was released or was dismissed; or all of them."),
        click.option("--field", help="Only where this field failed."),
        click.option("--code", help="Only with this error code."),
        click.option(
            "--class", "classes", type=click.Choice(CLASSES), multiple=True, help="Only of this class; may be repeated."
        ),
        click.option("--job", help="Only of this job."),
    ):
        command = option(command)
    return command
