"""Plans that a brake held (``busway.held-plans/1``, ``busway.held-plan/1``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from busway.sync.holds import ALLOWED_HOURS

if TYPE_CHECKING:
    from busway.stores.held_plans import HeldPlan
    from busway.stores.state import StateStore

__all__ = ["good_until_ns", "held_as_dict", "held_plans"]


def held_plans(store: StateStore, *, job: str | None = None, everything: bool = False) -> list[HeldPlan]:
    """What waits for a decision; with ``everything`` also what was decided, used or replaced (90 days)."""
    return store.held_plans.of(job, () if everything else ("held",))


def good_until_ns(plan: HeldPlan) -> int:
    """Until when an allowance counts; 0 for any other plan."""
    return plan.decided_ns + ALLOWED_HOURS * 3_600_000_000_000 if plan.state == "allowed" else 0


def held_as_dict(plan: HeldPlan) -> dict[str, Any]:
    """For ``--json``: labels and names of fields, no values."""
    return {**plan.as_dict(), "good_until_ns": good_until_ns(plan)}
