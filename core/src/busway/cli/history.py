"""The ledger for commands that read it: brought up to date first, without starting a dispatcher."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from busway.cli.invocation import invocation_of

if TYPE_CHECKING:
    from busway.events.ledger import Ledger

__all__ = ["open_ledger"]


def open_ledger(ctx: click.Context) -> Ledger:
    """The ledger of the deployment at hand, with everything in it that the journals hold."""
    from busway.events.ledger import Ledger, bring_up_to_date

    state_dir = invocation_of(ctx).boot().state_dir
    bring_up_to_date(state_dir)
    return Ledger(state_dir)
