"""One job in one run: its session, its plan, its writes and its report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from busway.contracts.events import Severity
from busway.contracts.jobs import Job
from busway.errors import BuswayError, Problem
from busway.sync.apply import Applier
from busway.sync.brakes import ErrorBrake, held_error
from busway.sync.context import RunContext
from busway.sync.graph import unfinished_dependency
from busway.sync.plan import Plan
from busway.sync.planning import Planning
from busway.sync.ports import EventLog, SyncState, Where
from busway.sync.report import JobReport, Outcome, Progress

__all__ = ["JobRunner", "MakePlan"]

MakePlan = Callable[[Job, RunContext], Plan]


@dataclass(slots=True)
class JobRunner:
    """Runs the jobs of one run, one after another."""

    run: RunContext
    planning: Planning
    events: EventLog
    state: SyncState
    where: Where
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
        try:
            report.session_id = self.events.start_sync(job.name, self.run.run_id)
            try:
                self._plan_and_apply(job, make_plan, report)
            except BuswayError as error:
                self._aborted(report, error.problem, error.exit_code)
            finally:
                self._end_session(report)
        except BuswayError as error:  # the session itself could not be opened or closed
            report.outcome, report.problem, report.exit_code = Outcome.ABORTED, error.problem, error.exit_code

    def _end_session(self, report: JobReport) -> None:
        report.warnings.extend(self.run.take_notes())
        try:
            for message in report.warnings:
                self.events.emit(
                    "system",
                    severity=Severity.WARNING,
                    entity_type=report.entity,
                    attributes={"job": report.job, "message": message},
                    session_id=report.session_id,
                )
        finally:
            self.events.end_sync(report.session_id)

    def _plan_and_apply(self, job: Job, make_plan: MakePlan, report: JobReport) -> None:
        plan = make_plan(job, self.run)
        self.progress.planned(plan)
        report.planned = len(plan.changes)
        report.warnings.extend(plan.warnings)
        if plan.held:
            self._held(plan, report)
            return
        self._applier(job, report).apply(plan)
        if report.outcome is Outcome.ABORTED and report.problem is not None:
            self._tell("aborted", report, report.problem)
        if report.outcome is Outcome.DONE:
            report.exit_code = 6 if report.counts.failed else 0
            self.state.record_good_run(job.name, plan.source_count, report.session_id, self.run.clock.now_ns())

    def _applier(self, job: Job, report: JobReport) -> Applier:
        tuning = self.planning.tuning(job)
        return Applier(
            job=job,
            rules=tuning.rules,
            view=self.run.view_of(job.name),
            events=self.events,
            state=self.state,
            brake=ErrorBrake(job.name, tuning.limits, self.where),
            stop=self.run.stop,
            progress=self.progress,
            report=report,
        )

    def _held(self, plan: Plan, report: JobReport) -> None:
        error = held_error(plan)
        report.outcome, report.problem, report.exit_code = Outcome.HELD, error.problem, error.exit_code
        for problem in error.problems:
            self._tell("held", report, problem)

    def _aborted(self, report: JobReport, problem: Problem, exit_code: int) -> None:
        report.outcome, report.problem, report.exit_code = Outcome.ABORTED, problem, exit_code
        self._tell("aborted", report, problem)

    def _tell(self, kind: str, report: JobReport, problem: Problem) -> None:
        message = f"{problem.code}: {problem.what}"
        self.events.log_error(kind, report.entity, None, message, None, report.session_id)

    def _not_run(self, job: Job, earlier: Sequence[JobReport]) -> JobReport | None:
        """The report of a job that may not begin, or ``None``."""
        unfinished = {one.job: one for one in earlier if one.outcome is not Outcome.DONE}
        waits_for = unfinished_dependency(job, unfinished)
        if waits_for is not None:
            why = f"{waits_for}, which it depends on, ended as: {unfinished[waits_for].outcome}"
            fix = f"mend {waits_for}, then: busway run {waits_for} {job.name}"
            exit_code = unfinished[waits_for].exit_code
        elif self.run.stop.requested():
            why, fix, exit_code = "the run was asked to stop before this job began", f"busway run {job.name}", 0
        else:
            return None
        problem = Problem("BW4014", f"job {job.name} was not run", f"job {job.name}", why, fix)
        return JobReport(job.name, job.entity, Outcome.NOT_RUN, problem=problem, exit_code=exit_code)
