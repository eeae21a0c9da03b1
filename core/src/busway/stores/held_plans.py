"""Plans that a brake held, and what people decided about them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from busway.stores.process_database import ProcessDatabase

__all__ = ["HeldPlan", "HeldPlans"]

COLUMNS = "hold_id, job, entity, at_ns, session_id, brakes, counts, changes, state, actor, note, decided_ns"
SELECT = f"SELECT {COLUMNS} FROM held_plans"  # noqa: S608 - the columns are ours
INSERT = f"INSERT OR REPLACE INTO held_plans ({COLUMNS}) VALUES ({', '.join('?' * 12)})"  # noqa: S608
KEPT_NS = 90 * 24 * 3600 * 1_000_000_000
"""Decided and replaced ones are kept for 90 days."""


@dataclass(frozen=True, slots=True)
class HeldPlan:
    """One plan that was held. Times are nanoseconds since the epoch; no personal data in it."""

    hold_id: str
    """UUIDv7."""
    job: str
    entity: str
    at_ns: int
    session_id: str
    brakes: Sequence[Mapping[str, Any]]
    """Each brake that held: ``brake``, ``count``, ``what``, ``where``, ``why``."""
    counts: Mapping[str, int]
    """Changes by action."""
    changes: Sequence[Mapping[str, Any]] = field(default_factory=list)
    """The first changes: ``action``, ``label``, ``fields``."""
    state: str = "held"
    """``held``; ``allowed``, ``rejected``; ``used``: a run passed the brakes by it; ``replaced``: a later plan of the
    job came to another end."""
    actor: str = ""
    note: str = ""
    decided_ns: int = 0

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "id": self.hold_id,
            "job": self.job,
            "entity": self.entity,
            "at_ns": self.at_ns,
            "session_id": self.session_id,
            "brakes": [dict(one) for one in self.brakes],
            "counts": dict(self.counts),
            "changes": [dict(one) for one in self.changes],
            "state": self.state,
            "actor": self.actor,
            "note": self.note,
            "decided_ns": self.decided_ns,
        }


class HeldPlans:
    """The held plans of all jobs."""

    def __init__(self, database: ProcessDatabase) -> None:
        self._database = database

    def add(self, plan: HeldPlan) -> None:
        """Keeps ``plan``; what was held or allowed of its job before is replaced by it, and what is old forgotten."""
        with self._database.transaction() as connection:
            self.replace(plan.job)
            connection.execute("DELETE FROM held_plans WHERE at_ns < ?", (plan.at_ns - KEPT_NS,))
            connection.execute(INSERT, _row(plan))

    def replace(self, job: str) -> int:
        """The job has a new plan: what waited or was allowed no longer stands; returns how many did."""
        sql = "UPDATE held_plans SET state = 'replaced' WHERE job = ? AND state IN ('held', 'allowed')"
        with self._database.transaction() as connection:
            return connection.execute(sql, (job,)).rowcount

    def of(self, job: str | None = None, states: Sequence[str] = ()) -> list[HeldPlan]:
        """Those of one job or of all, in one of ``states`` (none = any): the latest first."""
        sql = f"{SELECT} WHERE (? IS NULL OR job = ?) ORDER BY at_ns DESC, hold_id DESC"
        found = [_plan(row) for row in self._database.rows(sql, (job, job))]
        return [one for one in found if not states or one.state in states]

    def find(self, text: str) -> list[HeldPlan]:
        """Those whose id begins with ``text``."""
        return [one for one in self.of() if one.hold_id.startswith(text)]

    def decide(self, hold_id: str, expected: Sequence[str], state: str, actor: str, note: str, at_ns: int) -> bool:
        """Moves a plan to ``state``; False when it was in none of the ``expected`` states any more."""
        marks = ", ".join("?" * len(expected))
        sql = (
            "UPDATE held_plans SET state = ?, actor = ?, note = ?, decided_ns = ? "  # noqa: S608 - marks only
            f"WHERE hold_id = ? AND state IN ({marks})"
        )
        with self._database.transaction() as connection:
            return connection.execute(sql, (state, actor, note, at_ns, hold_id, *expected)).rowcount > 0

    def use(self, hold_id: str) -> bool:
        """A run passes its brakes by it; False when it was used or replaced meanwhile."""
        sql = "UPDATE held_plans SET state = 'used' WHERE hold_id = ? AND state = 'allowed'"
        with self._database.transaction() as connection:
            return connection.execute(sql, (hold_id,)).rowcount > 0


def _plan(row: tuple[Any, ...]) -> HeldPlan:
    return HeldPlan(*row[:5], *map(json.loads, row[5:8]), *row[8:])


def _row(one: HeldPlan) -> tuple[Any, ...]:
    brakes, counts, changes = list(map(dict, one.brakes)), dict(one.counts), list(map(dict, one.changes))
    head = (one.hold_id, one.job, one.entity, one.at_ns, one.session_id)
    return (*head, *map(json.dumps, (brakes, counts, changes)), one.state, one.actor, one.note, one.decided_ns)
