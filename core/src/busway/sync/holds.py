"""Held plans: kept for people to decide on, and let through once they have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import uuid_utils

from busway.contracts.clock import Clock
from busway.stores.held_plans import HeldPlan, HeldPlans
from busway.sync.plan import Hold, Plan

__all__ = ["ALLOWED_HOURS", "Holds"]

ALLOWED_HOURS = 24
ALLOWED_NS = ALLOWED_HOURS * 3600 * 1_000_000_000
SHOWN_CHANGES = 200
"""Changes of a held plan that are kept for people to look at."""


@dataclass(frozen=True, slots=True)
class Holds:
    """The held plans of one deployment."""

    store: HeldPlans
    clock: Clock
    new_id: Callable[[], object] = uuid_utils.uuid7

    def pass_allowed(self, plan: Plan) -> None:
        """Takes the holds off ``plan`` where somebody allowed as much within the last 24 h.

        All of them, or none: an allowance was given for what a person saw, brake by brake and count by count.
        """
        allowed = self._allowed(plan.job)
        if not plan.holds or allowed is None:
            return
        counts = {one["brake"]: one["count"] for one in allowed.brakes}
        if all(hold.brake in counts and hold.count <= counts[hold.brake] for hold in plan.holds):
            plan.warnings.append(
                f"{', '.join(hold.brake for hold in plan.holds)} passed: allowed by {allowed.actor} ({allowed.note})"
            )
            plan.holds, plan.allowance = [], allowed.hold_id

    def keep(self, plan: Plan, session_id: str) -> HeldPlan:
        """Keeps a held plan for people to decide on; an earlier one of the job no longer stands."""
        held = HeldPlan(
            hold_id=str(self.new_id()),
            job=plan.job,
            entity=plan.entity,
            at_ns=self.clock.now_ns(),
            session_id=session_id,
            brakes=[_brake(hold) for hold in plan.holds],
            counts=plan.counts(),
            changes=[
                {"action": one.action.value, "label": one.label, "fields": [field.name for field in one.fields]}
                for one in plan.changes[:SHOWN_CHANGES]
            ],
        )
        self.store.add(held)
        return held

    def carried_out(self, plan: Plan) -> None:
        """A plan that is not held begins to be applied: its allowance is used up, and nothing else waits."""
        if plan.allowance:
            self.store.use(plan.allowance)
        self.store.replace(plan.job)

    def _allowed(self, job: str) -> HeldPlan | None:
        since = self.clock.now_ns() - ALLOWED_NS
        return next((one for one in self.store.of(job, ("allowed",)) if one.decided_ns >= since), None)


def _brake(hold: Hold) -> dict[str, object]:
    return {"brake": hold.brake, "count": hold.count, "what": hold.what, "where": hold.where, "why": hold.why}
