"""The jobs: order, schedule, what keeps them from running (``busway.jobs/1``)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from busway.operation.due import late_since_ns, next_run_ns
from busway.operation.schedule_policy import JobSchedule, SchedulePolicy

if TYPE_CHECKING:
    from busway.app import App
    from busway.stores.schedule_slots import JobSlot
    from busway.sync.runner import JobInfo

__all__ = ["job_rows", "schedule_of"]


def job_rows(app: App) -> list[dict[str, Any]]:
    """One row for each job, in the order in which a run takes them."""
    policy, slots = schedule_of(app), app.state.schedule_slots.all()
    return [_row(app, policy.of(job.name), slots.get(job.name), job) for job in app.sync.jobs()]


def schedule_of(app: App) -> SchedulePolicy:
    """The table ``[schedule]``. Raises ``ConfigurationError`` BW8101 to BW8103."""
    deployment = app.boot.deployment
    table, names = deployment.table("schedule"), [job.name for job in app.sync.jobs()]
    return SchedulePolicy.from_table(table, names, partial(deployment.where, "schedule"), app.clock.now_ns())


def _row(app: App, schedule: JobSchedule, slot: JobSlot | None, job: JobInfo) -> dict[str, Any]:
    state, now_ns = app.state, app.clock.now_ns()
    pause = state.pauses.of(job.name, now_ns)
    held = state.held_plans.of(job.name, ("held",))
    good = state.last_good_run(job.name)
    # Nobody starts a job by itself as long as no service has watched its schedule.
    upcoming = next_run_ns(schedule, slot, now_ns) if slot is not None else None
    return {
        **job.as_dict(),
        "depends_on": list(job.depends_on),
        "managed": state.managed.count(job.name),
        "last_good_run": good,
        "paused": pause.as_dict() if pause is not None else None,
        "held": held[0].hold_id if held else "",
        "quarantined": state.quarantine.count(job.name),
        "schedule": schedule.as_text(),
        "next_ns": upcoming,
        "late_since_ns": late_since_ns(schedule, slot, good["at_ns"] if good else 0, now_ns),
    }
