"""One job in one run: its session, its plan, its writes and its report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from busway.contracts.jobs import Job
from busway.contracts.runs import Stop
from busway.errors import BuswayError, Problem, StoppedError
from busway.sync.apply import Applier
from busway.sync.brakes import ErrorBrake, held_error
from busway.sync.checkpoint import Checkpoint
from busway.sync.context import RunContext
from busway.sync.failures import Failures
from busway.sync.graph import unfinished_dependency
from busway.sync.holds import Holds
from busway.sync.lease import HeldLease
from busway.sync.pausing import PauseWatch
from busway.sync.plan import Plan
from busway.sync.planning import Planning
from busway.sync.ports import EventLog, SyncState, Where
from busway.sync.report import JobReport, Outcome, Progress
from busway.sync.retries import Patience
from busway.sync.target_breaker import TargetBreakers, account_of
from busway.sync.telling import Telling
from busway.sync.writes import Writer

__all__ = ["JobRunner", "MakePlan"]

MakePlan = Callable[[Job, RunContext], Plan]


@dataclass(frozen=True, slots=True)
class JobRunner:
    """Runs the jobs of one run; those that are independent may be carried out by several threads at once."""

    run: RunContext
    planning: Planning
    events: EventLog
    state: SyncState
    where: Where
    holds: Holds
    lease: HeldLease
    breakers: TargetBreakers
    stop: Stop
    progress: Progress

    def carry_out(self, job: Job, make_plan: MakePlan, earlier: Sequence[JobReport]) -> JobReport:
        """Plans and applies ``job``, unless it must wait; an error of ``busway.errors`` ends only this job."""
        report = self._not_run(job, earlier)
        if report is None:
            report = JobReport(job.name, job.entity)
            started = self.run.clock.monotonic()
            self.progress.started(job.name)
            self._in_session(job, make_plan, report)
            report.seconds = self.run.clock.monotonic() - started
        self.progress.finished(report)
        return report

    def _in_session(self, job: Job, make_plan: MakePlan, report: JobReport) -> None:
        run, telling = self.run.of_job(), Telling(job, self.events, report)
        try:
            report.session_id = self.events.start_sync(job.name, run.run_id)
            try:
                self._plan_and_apply(job, run, make_plan, telling)
            except StoppedError:  # asked to stop while it read
                report.outcome, report.problem = Outcome.STOPPED, self._lost()
                report.exit_code = 7 if report.problem else 0
            except BuswayError as error:
                report.ended(Outcome.ABORTED, error)
                for problem in error.problems:
                    telling.ending("aborted", problem)
            finally:
                self._end_session(run, telling)
        except BuswayError as error:  # the session itself could not be opened or closed
            report.ended(Outcome.ABORTED, error)

    def _end_session(self, run: RunContext, telling: Telling) -> None:
        telling.report.warnings.extend(run.take_notes())
        try:
            telling.warnings()
        finally:
            self.events.end_sync(telling.report.session_id)

    def _plan_and_apply(self, job: Job, run: RunContext, make_plan: MakePlan, telling: Telling) -> None:
        report = telling.report
        plan = make_plan(job, run)
        self.planning.settle(job, plan)
        if plan.in_doubt is not None:
            telling.in_doubt(plan.in_doubt)
        self.progress.planned(plan)
        report.planned = len(plan.changes)
        report.warnings.extend(plan.warnings)
        if plan.held:
            self._held(plan, telling)
            return
        if not plan.only:
            self.holds.carried_out(plan)
        self._applier(job, telling).apply(plan)
        if report.outcome is Outcome.ABORTED and report.problem is not None:
            telling.ending("aborted", report.problem)
        if report.outcome is Outcome.DONE:
            report.exit_code = 6 if report.counts.failed else 0
            if plan.only:
                return  # one record says nothing of the others
            self.state.record_good_run(job.name, plan.source_count, report.session_id, run.clock.now_ns())
            self.state.forget_managed(job.name, plan.missing)

    def _applier(self, job: Job, telling: Telling) -> Applier:
        tuning, clock, lease = self.planning.tuning(job), self.run.clock, self.lease
        sieve = self.planning.sieve(job, tuning.rules, clock)
        known = {entry.key_digest: entry for entry in self.state.quarantine.of(job.name)}
        pauses = PauseWatch(self.state.pauses, job.name, clock)
        return Applier(
            job=job,
            tuning=tuning,
            view=self.run.view_of(job.name),
            telling=telling,
            checkpoint=Checkpoint(
                job=job,
                run_id=self.run.run_id,
                state=self.state,
                digests=sieve.digests,
                clock=clock,
                fence=lambda: self.state.fences.check(lease.name, lease.token),
            ),
            failures=Failures(sieve, telling.report.session_id, known),
            writer=Writer(
                job,
                tuning.rules,
                Patience(tuning.pace.max_attempts, tuning.pace.retry_budget_seconds, clock, self.stop),
            ),
            brake=ErrorBrake(job.name, tuning.limits, self.where),
            breakers=self.breakers,
            stop=self.stop,
            interrupted=lambda: self._lost() or pauses.problem(),
            progress=self.progress,
            report=telling.report,
        )

    def _lost(self) -> Problem | None:
        return self.lease.lost if self.lease.requested() else None

    def _held(self, plan: Plan, telling: Telling) -> None:
        report, fix = telling.report, ""
        if not plan.only:
            report.held_id = self.holds.keep(plan, report.session_id).hold_id
            short = report.held_id[:13]
            fix = f'see it: busway show {short}   allow it: busway plans allow {short} --reason "..."'
        error = held_error(plan, fix)
        report.ended(Outcome.HELD, error)
        for problem in error.problems:
            telling.ending("held", problem)

    def _not_run(self, job: Job, earlier: Sequence[JobReport]) -> JobReport | None:
        """The report of a job that may not begin, or ``None``."""
        return self._waits_for_another(job, earlier) or self._is_kept_from_running(job)

    def _waits_for_another(self, job: Job, earlier: Sequence[JobReport]) -> JobReport | None:
        unfinished = {one.job: one for one in earlier if one.outcome is not Outcome.DONE}
        name = unfinished_dependency(job, unfinished)
        if name is None or self.planning.tuning(job).continue_with_stale_refs:
            return None
        why = f"{name}, which it depends on, ended as: {unfinished[name].outcome}"
        fix = f"mend {name}, then: busway run {name} {job.name}"
        return _not_run(
            job, Problem("BW4014", f"job {job.name} was not run", _of(job), why, fix), unfinished[name].exit_code
        )

    def _is_kept_from_running(self, job: Job) -> JobReport | None:
        away = self.breakers.why_open(job)
        if away is not None:
            why = f"{account_of(job)} has stopped answering in this run ({away.code}: {away.what})"
            problem = Problem("BW4017", f"job {job.name} was not run", _of(job), why, "busway doctor --online")
            return _not_run(job, problem, 5)
        held_up = self._lost() or PauseWatch(self.state.pauses, job.name, self.run.clock).problem()
        if held_up is not None:
            return _not_run(job, held_up, 7)
        if self.stop.requested():
            why = "the run was asked to stop before this job began"
            return _not_run(
                job, Problem("BW4014", f"job {job.name} was not run", _of(job), why, f"busway run {job.name}"), 0
            )
        return None


def _of(job: Job) -> str:
    return f"job {job.name}"


def _not_run(job: Job, problem: Problem, exit_code: int) -> JobReport:
    return JobReport(job.name, job.entity, Outcome.NOT_RUN, problem=problem, exit_code=exit_code)
