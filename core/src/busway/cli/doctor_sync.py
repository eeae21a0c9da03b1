"""What ``busway doctor`` finds in the state of the jobs: pauses, held plans, quarantine. Loads no plugin."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from busway.cli.text import plural, short_id
from busway.errors import BuswayError

if TYPE_CHECKING:
    from busway.stores.state import StateStore

__all__ = ["sync_findings"]

Finding = tuple[str, Literal["ok", "warning", "failed"], str, str]


def sync_findings(state_dir: Path) -> Iterator[Finding]:
    """Nothing before the first run; a store that cannot be read is one finding, and no run would begin."""
    from busway.stores.state_dir import STATE_DB

    if not (state_dir / STATE_DB).is_file():
        return
    # Imported only now: sqlite3 takes longer than all that doctor does in an empty folder.
    from busway.stores.state import StateStore

    try:
        with closing(StateStore(state_dir)) as store:
            found = [_pauses(store), _held(store), _quarantine(store)]
    except BuswayError as error:
        problem = error.problem
        yield "jobs", "failed", f"{problem.what} ({problem.where or problem.why})", problem.fix
        return
    yield from found


def _pauses(store: StateStore) -> Finding:
    from busway.cli.events_view import shown

    pauses = store.pauses.all(time.time_ns())
    if not pauses:
        return "pauses", "ok", "nothing is paused", ""
    told = [f"{one.job or 'all jobs'} by {shown(one.actor)}: {shown(one.reason)}" for one in pauses]
    fixes = [f"busway resume {one.job}".rstrip() for one in pauses]
    return "pauses", "warning", "; ".join(told), "\n".join(fixes)


def _held(store: StateStore) -> Finding:
    held = store.held_plans.of(states=("held",))
    if not held:
        return "held plans", "ok", "none waits for a decision", ""
    jobs = ", ".join(one.job for one in held)
    fixes = [f"busway show {short_id(one.hold_id)}" for one in held]
    return "held plans", "warning", f"{plural(len(held), 'plan')} held, of {jobs}", "\n".join(fixes)


def _quarantine(store: StateStore) -> Finding:
    number = store.quarantine.count()
    if not number:
        return "quarantine", "ok", "nothing waits in it", ""
    jobs = {one.job for one in store.quarantine.of() if one.state != "dismissed"}
    told = f"{plural(number, 'record')} of {', '.join(sorted(jobs))}"
    return "quarantine", "warning", told, "busway records list"
