"""What people decide: held plans, quarantined records, pauses. Each with a name and a reason, and audited."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from busway.contracts.clock import Clock
from busway.contracts.events import Severity
from busway.contracts.jobs import Job
from busway.errors import UsageError
from busway.stores.held_plans import HeldPlan, HeldPlans
from busway.stores.pauses import Pause
from busway.stores.quarantine import QuarantinedRecord
from busway.sync.adoption import Linked
from busway.sync.holds import ALLOWED_HOURS
from busway.sync.ports import EventLog, SyncState

__all__ = ["Decisions", "check_decision", "find_held_plan", "find_records"]

SHORTEST_ID = 4


@dataclass(frozen=True, slots=True)
class Decisions:
    """Every method that changes something takes who decides and why, and tells it as an ``audit`` event.

    Raises ``UsageError`` BW7012 where either is empty: an audit without a name is none.
    """

    state: SyncState
    events: EventLog
    clock: Clock

    def held_plan(self, text: str) -> HeldPlan:
        """The held plan whose id begins with ``text``. Raises ``UsageError`` BW7010 for none or several."""
        return find_held_plan(self.state.held_plans, text)

    def allow(self, text: str, actor: str, reason: str) -> HeldPlan:
        """Lets the next run of the job pass the brakes of a held plan, within 24 h and up to its counts.

        Raises ``UsageError`` BW7010 and, when the plan does not wait any more, BW7011.
        """
        return self._decide(text, "allowed", actor, reason)

    def reject(self, text: str, actor: str, reason: str) -> HeldPlan:
        """Notes that a held plan must not pass. Raises as :meth:`allow`."""
        return self._decide(text, "rejected", actor, reason)

    def records(self, job: str | None, texts: Sequence[str]) -> list[QuarantinedRecord]:
        """The quarantined records whose ids begin with ``texts``, or all of the job.

        Raises ``UsageError`` BW7013 for a text that fits none of them, or several.
        """
        known = self.state.quarantine.of(job)
        return find_records(known, texts) if texts else known

    def release(self, records: Sequence[QuarantinedRecord], actor: str, reason: str) -> int:
        """Lets the next run try ``records``; returns how many."""
        return self._settle(records, "released", actor, reason)

    def dismiss(self, records: Sequence[QuarantinedRecord], actor: str, reason: str) -> int:
        """Nobody wants to hear of ``records`` until something about them changes; returns how many."""
        return self._settle(records, "dismissed", actor, reason)

    def adopt(self, job: Job, records: Sequence[Linked], actor: str, reason: str) -> int:
        """Makes linked target records managed; returns how many were not yet."""
        check_decision(actor, reason)
        known = self.state.managed_ids(job.name)
        new = [record for record in records if record.target_id not in known]
        self.state.add_managed(job.name, [record.target_id for record in new])
        if new:
            labels = [record.label for record in new]
            self._tell("records adopted", actor, reason, job=job.name, records=labels)
        return len(new)

    def pause(self, job: str, actor: str, reason: str, until_ns: int = 0) -> Pause:
        """Keeps ``job`` (empty = all) from running, until then or until somebody resumes."""
        check_decision(actor, reason)
        pause = Pause(job, actor, reason, self.clock.now_ns(), until_ns)
        self.state.pauses.set(pause)
        self._tell("paused", actor, reason, job=job or "all", until_ns=until_ns)
        return pause

    def resume(self, job: str, actor: str, reason: str) -> bool:
        """Ends a pause; False when there was none."""
        check_decision(actor, reason)
        ended = self.state.pauses.end(job)
        if ended:
            self._tell("resumed", actor, reason, job=job or "all")
        return ended

    def pauses(self) -> list[Pause]:
        """Those that hold now."""
        return self.state.pauses.all(self.clock.now_ns())

    def _decide(self, text: str, state: str, actor: str, reason: str) -> HeldPlan:
        check_decision(actor, reason)
        plan = self.held_plan(text)
        if not self.state.held_plans.decide(plan.hold_id, ("held",), state, actor, reason, self.clock.now_ns()):
            raise UsageError(
                "BW7011",
                f"plan {plan.hold_id[:13]} does not wait for a decision",
                where=f"job {plan.job}",
                why=f"it is {self.held_plan(plan.hold_id).state}" + (f" by {plan.actor}" if plan.actor else ""),
                fix="busway plans list",
            )
        brakes = [one["brake"] for one in plan.brakes]
        self._tell(f"plan {state}", actor, reason, job=plan.job, plan=plan.hold_id, brakes=brakes, hours=ALLOWED_HOURS)
        return self.held_plan(plan.hold_id)

    def _settle(self, records: Sequence[QuarantinedRecord], state: str, actor: str, reason: str) -> int:
        check_decision(actor, reason)
        number = self.state.quarantine.decide(records, state, actor, reason, self.clock.now_ns())
        for job in sorted({record.job for record in records}):
            labels = [record.label for record in records if record.job == job]
            self._tell(f"records {state}", actor, reason, job=job, records=labels)
        return number

    def _tell(self, what: str, actor: str, reason: str, **details: Any) -> None:
        attributes = {"operation": what, "actor": actor, "reason": reason, **details}
        self.events.emit("audit", severity=Severity.INFO, attributes=attributes)


def find_held_plan(plans: HeldPlans, text: str) -> HeldPlan:
    """The one of ``plans`` whose id begins with ``text``. Raises ``UsageError`` BW7010 for none or several."""
    found = plans.find(text) if len(text) >= SHORTEST_ID else []
    if len(found) != 1:
        several = f"{len(found)} plans begin so" if found else "no held plan begins so"
        raise UsageError("BW7010", f"there is no held plan {text!r}", why=several, fix="busway plans list --all")
    return found[0]


def find_records(known: Sequence[QuarantinedRecord], texts: Iterable[str]) -> list[QuarantinedRecord]:
    """Those of ``known`` whose ids begin with ``texts``, or that are called so.

    Raises ``UsageError`` BW7013 for a text that fits none of them, or several.
    """
    found = [_only(text, known) for text in texts]
    return list({(one.job, one.key_digest): one for one in found}.values())


def check_decision(actor: str, reason: str) -> None:
    """Raises ``UsageError`` BW7012 where either is empty."""
    if actor.strip() and reason.strip():
        return
    raise UsageError(
        "BW7012",
        "a decision needs a name and a reason",
        why=f"the {'actor' if not actor.strip() else 'reason'} is empty",
        fix='--actor NAME --reason "..."',
    )


def _only(text: str, known: Sequence[QuarantinedRecord]) -> QuarantinedRecord:
    found = [one for one in known if one.label == text]
    if not found and len(text) >= SHORTEST_ID:
        found = [one for one in known if one.key_digest.startswith(text)]
    if len(found) == 1:
        return found[0]
    jobs = sorted({one.job for one in found})
    why = f"{len(found)} records fit, of {', '.join(jobs)}: give the id, or the job" if found else "no record fits"
    raise UsageError("BW7013", f"there is no quarantined record {text!r}", why=why, fix="busway records list")
