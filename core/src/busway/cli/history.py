"""The ledger for commands that read it: brought up to date first, without starting a dispatcher."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from busway.cli.invocation import invocation_of
from busway.cli.output import print_warning
from busway.views.history import current_ledger

if TYPE_CHECKING:
    from busway.events.ledger import Ledger

__all__ = ["open_ledger"]


@contextmanager
def open_ledger(ctx: click.Context) -> Iterator[Ledger]:
    """The ledger of the deployment at hand, closed at the end.

    What a person should know of it (that it was damaged, that it lags) is printed on stderr at the end.
    """
    notices: list[str] = []
    with current_ledger(invocation_of(ctx).boot(), notices) as ledger:
        yield ledger
    for notice in notices:
        print_warning(notice)
