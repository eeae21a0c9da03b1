"""The clockwork: turns the moments of the schedule into runs that wait, and tells when a job is late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from busway.contracts.events import EventError, Severity
from busway.operation.calendar import SECOND
from busway.operation.due import Firing, due_jobs, late_since_ns, moved_back, next_run_ns, settled_slots
from busway.operation.schedule_policy import JobSchedule
from busway.stores.run_requests import RunRequest
from busway.stores.schedule_slots import JobSlot
from busway_service.run_queue import new_run_id

if TYPE_CHECKING:
    from busway.app import App
    from busway.operation.schedule_policy import SchedulePolicy

__all__ = ["SCHEDULE", "Clockwork"]

SCHEDULE = "schedule"
"""The actor of runs nobody asked for."""
SET_BACK_NS = SECOND
"""The wall clock is corrected by less all the time."""


class Clockwork:
    """Looked after about once a second by one thread; every look costs a few reads of ``state.db``."""

    def __init__(self, app: App, policy: SchedulePolicy) -> None:
        self._app = app
        jobs = app.sync.jobs()
        self._schedules: Mapping[str, JobSchedule] = {job.name: policy.of(job.name) for job in jobs}
        self._depends_on = {job.name: job.depends_on for job in jobs}
        self._order = [job.name for job in jobs]
        self._seen = (app.clock.now_ns(), app.clock.monotonic())
        self.ticked = app.clock.monotonic()
        """When it was last looked after, monotonic seconds."""

    def tick(self) -> RunRequest | None:
        """Asks for the run that is due, if one is: slots and request are kept together, or neither."""
        app, now_ns = self._app, self._app.clock.now_ns()
        back_ns = self._set_back()
        with app.state.transaction():
            kept = app.state.schedule_slots.all()
            watched = [one for one in kept.values() if one.job in self._schedules]
            known = {one.job: one for one in moved_back(self._schedules, watched, back_ns)}
            slots = settled_slots(self._schedules, known, now_ns)
            firings = self._due(slots, now_ns)
            request = self._ask(firings, now_ns)
            slots |= {one.job: replace(slots[one.job], slot_ns=one.slot_ns) for one in firings}
            slots, told = self._lateness(slots, now_ns)
            app.state.schedule_slots.put([one for job, one in slots.items() if kept.get(job) != one])
        for slot in told:
            self._tell_late(slot)
        self.ticked = app.clock.monotonic()
        return request

    def late(self) -> dict[str, int]:
        """The jobs that are late, and since when."""
        return {one.job: one.late_told_ns for one in self._app.state.schedule_slots.all().values() if one.late_told_ns}

    def upcoming(self) -> dict[str, int | None]:
        """When each job runs next by itself; ``None`` for those that only people start."""
        now_ns, slots = self._app.clock.now_ns(), self._app.state.schedule_slots.all()
        return {job: next_run_ns(schedule, slots.get(job), now_ns) for job, schedule in self._schedules.items()}

    def _set_back(self) -> int:
        """By how much the wall clock was set back since the last look; 0 when it was not."""
        now = self._app.clock.now_ns(), self._app.clock.monotonic()
        passed_ns = round((now[1] - self._seen[1]) * SECOND)
        back_ns = self._seen[0] + passed_ns - now[0]
        self._seen = now
        return back_ns if back_ns > SET_BACK_NS else 0

    def _due(self, slots: Mapping[str, JobSlot], now_ns: int) -> list[Firing]:
        """What is to run now. What is paused stays due, and is one run once it is resumed."""
        paused = {one.job for one in self._app.state.pauses.all(now_ns)}
        if "" in paused:
            return []
        found = due_jobs(self._schedules, self._depends_on, slots, now_ns)
        return [one for one in found if one.job not in paused]

    def _ask(self, firings: Sequence[Firing], now_ns: int) -> RunRequest | None:
        """One run of all that is due in the order of dependencies, without what waits to run anyway."""
        requests = self._app.state.run_requests
        waiting = {job for one in requests.open() if one.state == "waiting" for job in one.jobs} if firings else set()
        fresh = [one for one in firings if one.job not in waiting]
        if not fresh:
            return None
        jobs = tuple(sorted((one.job for one in fresh), key=self._order.index))
        missed = max(one.missed for one in fresh)
        request = RunRequest(new_run_id(), jobs, SCHEDULE, SCHEDULE, _reason(missed), now_ns, missed)
        requests.add(request)
        return request

    def _lateness(self, slots: Mapping[str, JobSlot], now_ns: int) -> tuple[dict[str, JobSlot], list[JobSlot]]:
        """The slots with what is late noted, and those that are newly late. A paused job is not told of."""
        paused = {one.job for one in self._app.state.pauses.all(now_ns)}
        noted, told = dict(slots), []
        for job, slot in slots.items():
            good = self._app.state.last_good_run(job)
            since = late_since_ns(self._schedules[job], slot, good["at_ns"] if good else 0, now_ns) or 0
            if bool(since) == bool(slot.late_told_ns) or (since and not paused.isdisjoint(("", job))):
                continue
            noted[job] = replace(slot, late_told_ns=since)
            told += [noted[job]] if since else []
        return noted, told

    def _tell_late(self, slot: JobSlot) -> None:
        message = f"job {slot.job} was to run and has not ended well"
        attributes = {"operation": "late", "job": slot.job, "late_since_ns": slot.late_told_ns}
        error = EventError("late", message, code="BW8123")
        self._app.events.emit("error", severity=Severity.ERROR, attributes=attributes, error=error)


def _reason(missed: int) -> str:
    return f"makes up for {missed} missed {'moment' if missed == 1 else 'moments'}, too" if missed else ""
