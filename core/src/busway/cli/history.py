"""The ledger for commands that read it: brought up to date first, without starting a dispatcher."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import click

from busway.cli.invocation import invocation_of

if TYPE_CHECKING:
    from busway.events.ledger import Ledger

__all__ = ["open_ledger"]


@contextmanager
def open_ledger(ctx: click.Context) -> Iterator[Ledger]:
    """The ledger of the deployment at hand, with everything in it that the journals hold; closed at the end."""
    from busway.events.ledger import Ledger, bring_up_to_date

    state_dir = invocation_of(ctx).boot().state_dir
    bring_up_to_date(state_dir)
    with closing(Ledger(state_dir)) as ledger:
        yield ledger
