"""The sync engine: previews, plans, applies and runs jobs in the order of their dependencies."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import uuid_utils

from busway.contracts.clock import Clock
from busway.contracts.coordination import Lease
from busway.contracts.jobs import Job
from busway.contracts.records import Record
from busway.contracts.runs import Stop
from busway.contracts.stopping import stoppable
from busway.errors import Problem, UsageError
from busway.sync import saved_plan
from busway.sync.adoption import Linked, linked_records
from busway.sync.brakes import held_error
from busway.sync.context import NEVER, RunContext
from busway.sync.decisions import Decisions
from busway.sync.engine_settings import EngineSettings
from busway.sync.graph import order, select
from busway.sync.holds import Holds
from busway.sync.job_graph import carry_out_all
from busway.sync.job_run import JobRunner, MakePlan
from busway.sync.lease import HeldLease, RunLease
from busway.sync.mapping import map_records
from busway.sync.pausing import refuse_paused
from busway.sync.plan import Plan
from busway.sync.planning import Planning, refuse_moved
from busway.sync.ports import Digest, EventLog, SettingsFor, SourceData, SyncState, Validators, Where
from busway.sync.progress import OneAtATime
from busway.sync.reading import read_source
from busway.sync.report import JobReport, Outcome, Progress, RunReport, SilentProgress
from busway.sync.single import plan_single
from busway.sync.stops import EitherStop
from busway.sync.target_breaker import TargetBreakers
from busway.sync.trace import Trace, trace_of
from busway.sync.tuning import Tuning, unknown_table
from busway.sync.views import TargetView, preview

__all__ = ["JobInfo", "SyncEngine"]


@dataclass(frozen=True, slots=True)
class JobInfo:
    """What can be told of a job without asking anybody."""

    name: str
    entity: str
    depends_on: tuple[str, ...]
    distribution: str = ""
    """Distribution of the plugin it comes from, where known."""

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)


class SyncEngine:
    """Everything that can be done with jobs. Used by one thread at a time."""

    def __init__(
        self,
        jobs: Iterable[Job],
        validators: Validators,
        events: EventLog,
        data: SourceData,
        state: SyncState,
        settings_for: SettingsFor,
        where: Where,
        digest: Digest,
        clock: Clock,
        lease: RunLease,
        distributions: Mapping[str, str] | None = None,
        engine_settings: EngineSettings | None = None,
    ) -> None:
        """Raises ``ConfigurationError`` BW4001, BW4002 or BW4012 where the jobs cannot be put in order."""
        self._jobs = {job.name: job for job in order(jobs)}
        self._events = events
        self._data = data
        self._state = state
        self._where = where
        self._clock = clock
        self._lease = lease
        self.settings = engine_settings or EngineSettings()
        """What ``[sync]`` says about the engine as a whole."""
        self._holds = Holds(state.held_plans, clock)
        self._planning = Planning(validators, state, settings_for, where, digest, self._holds)
        self.decisions = Decisions(state, events, clock)
        """What people decide: held plans, quarantined records, pauses."""
        self._distributions = distributions or {}
        self._digest = digest

    def jobs(self) -> list[JobInfo]:
        """All jobs, dependencies first."""
        known = self._distributions
        return [JobInfo(job.name, job.entity, job.depends_on, known.get(job.name, "")) for job in self._jobs.values()]

    def job(self, name: str) -> Job:
        """The job ``name``. Raises ``UsageError`` BW4003 when there is none."""
        return select(self._jobs.values(), [name])[0]

    def problems(self, tables: Iterable[str] = ()) -> list[Problem]:
        """What is wrong with the jobs' configuration, in one pass, before anything is read.

        :param tables: names of the ``[sync.*]`` tables there are; one without a job is a mistake (BW4010).
        """
        found = [problem for job in self._jobs.values() for problem in self._planning.problems(job)]
        stray = [name for name in tables if name not in self._jobs]
        return found + [unknown_table(name, self._jobs, self._where) for name in stray]

    def running(self) -> Lease | None:
        """Who runs now, of all processes; ``None`` for nobody. Raises ``UnreachableError`` when it cannot be known."""
        return self._lease.current()

    def tuning(self, name: str) -> Tuning:
        """Limits and field rules of job ``name`` as configured; also what raises for a wrong ``[sync.<job>]`` table."""
        return self._planning.tuning(self.job(name))

    def plan(self, name: str) -> Plan:
        """What job ``name`` would do now. Raises ``UsageError`` BW4003, and what reading the two sides raises."""
        return self.plans([name])[0]

    def plans(self, names: Sequence[str] = ()) -> list[Plan]:
        """What the jobs named (none = all) would do now, in the order in which they would run.

        Each sees the records that the ones before it would create, with :class:`~busway.contracts.records.Pending`
        as their ids.
        """
        chosen = select(self._jobs.values(), names)
        plans: list[Plan] = []
        with self._context(NEVER, preview=True) as run:
            for job in chosen:
                plan = self._planning.plan(job, run)
                plan.waits_for = tuple(one.job for one in plans if one.changes and one.job in job.depends_on)
                preview(run.view_of(job.name), plan, job, self._planning.tuning(job).rules)
                plans.append(plan)
        return plans

    def apply(self, plan: Plan) -> JobReport:
        """Carries out ``plan`` as it is, once.

        Raises ``HeldError`` BW7001 when a brake holds it, and ``UsageError``: BW4009 when it has been applied, BW4008
        when it rests on changes of another job.
        """
        self._check_applicable(plan)
        if plan.waits_for:
            raise UsageError(
                "BW4008",
                f"the plan of {plan.job} waits for records that {', '.join(plan.waits_for)} has still to create",
                where=f"job {plan.job}",
                why="it is a preview of several jobs; the ids are known only once the earlier job has run",
                fix=f"run the jobs together: busway run {' '.join((*plan.waits_for, plan.job))}",
            )
        return self.apply_plans([plan]).jobs[0]

    def apply_plans(
        self, plans: Sequence[Plan], *, progress: Progress | None = None, stop: Stop | None = None
    ) -> RunReport:
        """Carries out ``plans``, which one call of :meth:`plans` made, in their order.

        A plan that rests on changes of an earlier one is made again once those are written, and its job ends with
        BW4023 unless it is what was seen. Raises as :meth:`apply` before anything is written.
        """
        with self._alone() as lease:
            return self._apply_plans(plans, lease, progress, stop)

    def _apply_plans(
        self, plans: Sequence[Plan], lease: HeldLease, progress: Progress | None, stop: Stop | None
    ) -> RunReport:
        for plan in plans:
            self._check_applicable(plan)
        by_job = {plan.job: plan for plan in plans}

        def make_plan(job: Job, run: RunContext) -> Plan:
            seen = by_job[job.name]
            if not seen.waits_for:
                run.set_view(job.name, TargetView(seen.target or ()))
                return seen
            fresh = self._planning.plan(job, run)
            refuse_moved(seen, fresh)
            seen.applied = True
            return fresh

        return self._run([self.job(plan.job) for plan in plans], make_plan, lease, progress, stop)

    def save(self, plans: Sequence[Plan], path: Path) -> str:
        """Saves ``plans``, which one call of :meth:`plans` made, for :meth:`apply_saved`; returns the plan's id.

        Raises ``UsageError`` BW4024 when the file cannot be written.
        """
        return saved_plan.save(plans, path, self._digest, self._clock.now_ns()).plan_id

    def apply_saved(self, path: Path, *, progress: Progress | None = None, stop: Stop | None = None) -> RunReport:
        """Reads both sides again, plans again, and carries that out if it is exactly what the file holds.

        Raises ``UsageError``: BW4020 for a file that is no plan or was edited, BW4021 expired, BW4022 used, BW4023
        when either side has moved on; ``HeldError`` BW7001 when a brake holds it; and what the reads raise. Nothing is
        written then.
        """
        with self._alone() as lease:
            return self._apply_saved(path, lease, progress, stop)

    def _apply_saved(self, path: Path, lease: HeldLease, progress: Progress | None, stop: Stop | None) -> RunReport:
        saved = saved_plan.load(path)
        saved.check(self._clock.now_ns(), self._state.plan_used_at(saved.plan_id))
        plans = self.plans(saved.job_names)
        saved.verify(plans, self._digest)
        for plan in plans:
            self._check_applicable(plan)
        now = self._clock.now_ns()
        if not self._state.mark_plan_used(saved.plan_id, now):
            saved.check(now, now)
        return self._apply_plans(plans, lease, progress, stop)

    def source_records(self, name: str) -> list[Record]:
        """Every source record of job ``name``, as its source has them. Raises as :meth:`plan`."""
        with self._context(NEVER, preview=True) as run:
            return read_source(self.job(name), run)

    def run(
        self,
        names: Sequence[str] = (),
        *,
        progress: Progress | None = None,
        stop: Stop | None = None,
        run_id: str | None = None,
    ) -> RunReport:
        """Plans and applies exactly the jobs named (none = all), in the order of their dependencies.

        :param run_id: of whoever asked for the run, and is to find its sessions by it; else a new one.

        A job that is held or aborted keeps those that depend on it from running; the others go on. What goes wrong in
        a job is in its report. Raises ``UsageError`` BW4003, ``ConfigurationError`` BW4015, ``HeldError`` BW7002 while
        another run is going on and BW7004 while all jobs are paused, ``UnreachableError`` while nobody can say so.
        """
        jobs = select(self._jobs.values(), names)
        with self._alone() as lease:
            return self._run(jobs, self._planning.plan, lease, progress, stop, run_id)

    def plan_one(self, name: str, key: str) -> tuple[Plan, Trace]:
        """What job ``name`` would do with the one record whose match key is ``key``, and why; nothing is written.

        Raises as :meth:`plan`, and ``UsageError`` BW4018 for a key that neither side has.
        """
        with self._context(NEVER, preview=True) as run:
            return self._single(self.job(name), key, run)

    def run_one(
        self, name: str, key: str, *, progress: Progress | None = None, stop: Stop | None = None
    ) -> tuple[RunReport, Trace | None]:
        """Plans and applies one record, quarantined or not, and tells what happened at each step.

        The trace is missing where the record was not found, or reading failed: the report says so. Raises as
        :meth:`run`.
        """
        job, traces = self.job(name), list[Trace]()

        def make_plan(_: Job, run: RunContext) -> Plan:
            plan, trace = self._single(job, key, run)
            traces.append(trace)
            return plan

        with self._alone() as lease:
            report = self._run([job], make_plan, lease, progress, stop)
        return report, traces[0] if traces else None

    def _single(self, job: Job, key: str, run: RunContext) -> tuple[Plan, Trace]:
        single = plan_single(job, key, run, self._planning)
        rules, validators = self._planning.tuning(job).rules, self._planning.validators_of(job)
        trace = trace_of(single, rules, run, validators, self._state.managed_ids(job.name))
        run.set_view(job.name, TargetView(single.plan.target or ()))
        return single.plan, trace

    def linked(self, name: str) -> list[Linked]:
        """The target records that job ``name`` matches by key and does not manage. Raises as :meth:`plan`."""
        job = self.job(name)
        with self._context(NEVER, preview=True) as run:
            source = read_source(job, run)
            keys = map_records(job, source, run, self._planning.validators_of(job)).records.keys()
            return linked_records(job, keys, run.read_target(job), self._state.managed_ids(name))

    def adopt(self, name: str, records: Sequence[Linked], actor: str, reason: str) -> int:
        """Makes linked records managed, so that they are deactivated when they leave the source; returns how many.

        Raises ``HeldError`` BW7002 and BW7004 as :meth:`run`, and ``UsageError`` BW7012 without a name and a reason.
        """
        job = self.job(name)
        with self._alone() as lease:
            self._state.fences.check(lease.name, lease.token)
            return self.decisions.adopt(job, records, actor, reason)

    def _run(
        self,
        jobs: Sequence[Job],
        make_plan: MakePlan,
        lease: HeldLease,
        progress: Progress | None,
        stop: Stop | None,
        run_id: str | None = None,
    ) -> RunReport:
        wish = stop or NEVER
        either = EitherStop(wish, lease)
        started = self._clock.monotonic()
        with self._context(either, preview=False, run_id=run_id) as run:
            report = RunReport(run.run_id)
            runner = JobRunner(
                run=run,
                planning=self._planning,
                events=self._events,
                state=self._state,
                where=self._where,
                holds=self._holds,
                lease=lease,
                breakers=TargetBreakers(),
                stop=either,
                progress=OneAtATime(progress or SilentProgress()),
            )
            try:
                carry_out = partial(self._carry_out, runner, make_plan)
                report.jobs = carry_out_all(jobs, carry_out, self.settings.parallel_jobs)
            except BaseException:
                either.abandon()  # jobs in threads of their own stop after the record in hand
                raise
        report.seconds = self._clock.monotonic() - started
        cut_short = any(job.outcome in (Outcome.STOPPED, Outcome.NOT_RUN) for job in report.jobs)
        if cut_short and wish.requested():
            # Whoever asks to stop may know of a signal; without one it counts as an interrupt.
            report.stopped_by = getattr(wish, "signal", 0) or int(signal.SIGINT)
        return report

    def _carry_out(self, runner: JobRunner, make_plan: MakePlan, job: Job, earlier: Sequence[JobReport]) -> JobReport:
        return runner.carry_out(job, make_plan, earlier)

    @contextmanager
    def _alone(self) -> Iterator[HeldLease]:
        """One run at a time: two that plan from the same reads would create everything twice."""
        refuse_paused(self._state.pauses, self._clock.now_ns())
        with self._lease.held() as lease:
            yield lease

    @contextmanager
    def _context(self, stop: Stop, *, preview: bool, run_id: str | None = None) -> Iterator[RunContext]:
        with self._data.begin_run() as data, stoppable(stop):
            yield RunContext(run_id or str(uuid_utils.uuid7()), self._jobs, data, self._clock, stop, preview=preview)

    def _check_applicable(self, plan: Plan) -> None:
        if plan.applied:
            raise UsageError(
                "BW4009",
                f"the plan of {plan.job} has been applied",
                where=f"job {plan.job}",
                why="a plan describes the target before its writes; applying it again could repeat creates",
                fix=f"make a new plan: busway plan {plan.job}",
            )
        if plan.held:
            raise held_error(plan)
