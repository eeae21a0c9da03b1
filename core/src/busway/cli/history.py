"""The ledger for commands that read it: brought up to date first, without starting a dispatcher."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING

import click

from busway.cli.invocation import invocation_of
from busway.cli.output import print_warning

if TYPE_CHECKING:
    from busway.configuration.boot import Boot
    from busway.events.ledger import Ledger
    from busway.events.policy import EventPolicy

__all__ = ["event_policy", "open_ledger"]

BEHIND = "the ledger is not up to date: another process is writing it; ask again"


@contextmanager
def open_ledger(ctx: click.Context) -> Iterator[Ledger]:
    """The ledger of the deployment at hand, with everything in it that the journals hold; closed at the end.

    What a person should know of it (that it was damaged, that it lags) is printed on stderr at the end.
    """
    from busway.events.ledger import Ledger, bring_up_to_date

    stage = invocation_of(ctx).boot()
    policy = event_policy(stage)
    current = bring_up_to_date(stage.state_dir, policy=policy)
    with closing(Ledger(stage.state_dir, policy=policy)) as ledger:
        yield ledger
    for notice in ledger.notices if current else [*ledger.notices, BEHIND]:
        print_warning(notice)


def event_policy(stage: Boot) -> EventPolicy:
    """The policy of the deployment. Raises ``ConfigurationError`` BW3030."""
    from busway.events.policy import EventPolicy

    deployment = stage.deployment
    return EventPolicy.from_table(deployment.table("events"), partial(deployment.where, "events"))
