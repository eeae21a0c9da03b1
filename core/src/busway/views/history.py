"""The ledger for whoever reads it: brought up to date first, without starting a dispatcher."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from busway.configuration.boot import Boot
    from busway.events.ledger import Ledger
    from busway.events.ledger_rows import ChangeRow, ErrorRow, SessionRow
    from busway.events.policy import EventPolicy

__all__ = ["FoundSession", "current_ledger", "event_policy", "find_session", "session_data"]

BEHIND = "the ledger is not up to date: another process is writing it; ask again"


@contextmanager
def current_ledger(stage: Boot, notices: list[str]) -> Iterator[Ledger]:
    """The ledger of a deployment, with everything in it that the journals hold; closed at the end.

    :param notices: what a person should know of it (that it was damaged, that it lags) is added at the end.
    """
    from busway.events.ledger import Ledger, bring_up_to_date

    policy = event_policy(stage)
    current = bring_up_to_date(stage.state_dir, policy=policy)
    with closing(Ledger(stage.state_dir, policy=policy)) as ledger:
        yield ledger
    notices += ledger.notices if current else [*ledger.notices, BEHIND]


def event_policy(stage: Boot) -> EventPolicy:
    """The policy of the deployment. Raises ``ConfigurationError`` BW3030."""
    from busway.events.policy import EventPolicy

    deployment = stage.deployment
    return EventPolicy.from_table(deployment.table("events"), partial(deployment.where, "events"))


def session_data(found: FoundSession) -> dict[str, Any]:
    """One session with its changes and errors (``busway.session/1``)."""
    return {
        "session": found.row.as_dict(),
        "changes": [change.as_dict() for change in found.changes],
        "errors": [error.as_dict() for error in found.errors],
    }


@dataclass(frozen=True, slots=True)
class FoundSession:
    """One session, with the latest of its changes and errors."""

    row: SessionRow
    changes: Sequence[ChangeRow]
    errors: Sequence[ErrorRow]


def find_session(
    ledger: Ledger, session: str, *, entity: str | None = None, operation: str | None = None, limit: int = 20
) -> FoundSession:
    """The session whose id begins with ``session``; changes only where an operation is asked for.

    Raises as :meth:`busway.events.ledger.Ledger.session`.
    """
    row = ledger.session(session)
    changes = ledger.changes(session=row.session_id, entity=entity, operation=operation, limit=limit)
    errors = ledger.errors(session=row.session_id, entity=entity, limit=limit) if operation is None else []
    return FoundSession(row, changes, errors)
