"""The sync engine of an application: the same, under the eyes of a watchdog."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

from busway.contracts.jobs import Job
from busway.contracts.runs import Stop
from busway.plugins.watchdog import Watchdog
from busway.sync.context import RunContext
from busway.sync.job_run import JobRunner, MakePlan
from busway.sync.lease import HeldLease
from busway.sync.plan import Plan
from busway.sync.report import Counts, JobReport, Progress, RunReport, SilentProgress
from busway.sync.runner import SyncEngine

__all__ = ["WatchedEngine"]


class WatchedEngine(SyncEngine):
    """A :class:`SyncEngine` that has whatever it does with jobs watched by ``watchdog``."""

    def __init__(self, *parts: Any, watchdog: Watchdog, **named: Any) -> None:
        super().__init__(*parts, **named)
        self._watchdog = watchdog

    def _run(
        self,
        jobs: Sequence[Job],
        make_plan: MakePlan,
        lease: HeldLease,
        progress: Progress | None,
        stop: Stop | None,
        run_id: str | None = None,
    ) -> RunReport:
        ticking = _TickingProgress(progress or SilentProgress(), self._watchdog)
        return super()._run(jobs, make_plan, lease, ticking, stop, run_id)

    def _carry_out(self, runner: JobRunner, make_plan: MakePlan, job: Job, earlier: Sequence[JobReport]) -> JobReport:
        # Each job in its own thread: the one that began the run only waits for them.
        with self._watchdog.watching():
            return super()._carry_out(runner, make_plan, job, earlier)

    @contextmanager
    def _context(self, stop: Stop, *, preview: bool, run_id: str | None = None) -> Iterator[RunContext]:
        watching = self._watchdog.watching() if preview else nullcontext()
        with watching, super()._context(stop, preview=preview, run_id=run_id) as run:
            yield run


class _TickingProgress:
    """Tells a watchdog of every step before it tells whoever looks on."""

    def __init__(self, told: Progress, watchdog: Watchdog) -> None:
        self._told = told
        self._tick = watchdog.progress

    def started(self, job: str) -> None:
        self._tick()
        self._told.started(job)

    def planned(self, plan: Plan) -> None:
        self._tick()
        self._told.planned(plan)

    def advanced(self, job: str, done: int, total: int, counts: Counts) -> None:
        self._tick()
        self._told.advanced(job, done, total, counts)

    def finished(self, report: JobReport) -> None:
        self._tick()
        self._told.finished(report)
