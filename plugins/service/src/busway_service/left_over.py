"""What becomes of a run whose service was killed: the ledger says whether it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busway.events.ledger_rows import SessionRow
from busway.stores.run_requests import RunRequest
from busway.views.history import current_ledger

if TYPE_CHECKING:
    from busway.app import App

__all__ = ["settle_left_over"]

SEARCHED = 1_000
"""Sessions looked through for those of the run, the latest first."""


def settle_left_over(app: App, left: RunRequest, most_attempts: int) -> str:
    """Ends ``left`` when all its jobs have ended, else lets it wait again; returns how it ended, or empty.

    To be called when nobody runs any more.
    """
    sessions = _sessions(app, left.run_id)
    ended = {one.name for one in sessions if one.state == "ended"}
    now_ns, requests = app.clock.now_ns(), app.state.run_requests
    if ended.issuperset(left.jobs):
        outcome = "records failed" if any(one.errors for one in sessions) else "ok"
        jobs = [{"job": one.name, "session_id": one.session_id} for one in sessions]
        requests.end(left.run_id, outcome, now_ns, None, {"jobs": jobs})
        return outcome
    if left.attempts >= most_attempts:
        requests.end(left.run_id, "abandoned", now_ns)
        return "abandoned"
    requests.wait_again(left.run_id)
    return ""


def _sessions(app: App, run_id: str) -> list[SessionRow]:
    with current_ledger(app.boot, []) as ledger:
        return [one for one in ledger.sessions(SEARCHED) if one.correlation_id == run_id]
