"""Applying a plan: each change noted, sent, verified, accounted and told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from busway.contracts.jobs import Job
from busway.contracts.records import Record
from busway.contracts.runs import Stop
from busway.contracts.stopping import stoppable
from busway.errors import BuswayError, Problem, StoppedError, UnreachableError
from busway.sync.brakes import ErrorBrake
from busway.sync.checkpoint import Checkpoint, target_id
from busway.sync.crew import Crew
from busway.sync.failures import Failures, is_of_the_record, problem_of, problem_of_unplanned
from busway.sync.payloads import Rules, payload_of, refuse_pending
from busway.sync.plan import Action, Change, Plan
from busway.sync.report import Failure, JobReport, Outcome, Progress
from busway.sync.target_breaker import TargetBreakers
from busway.sync.telling import Telling
from busway.sync.tuning import Tuning
from busway.sync.views import TargetView
from busway.sync.writes import Writer, Written

__all__ = ["Applier"]


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One change on its way: what is sent, and whether a killed run may have carried it out."""

    change: Change
    payload: Record
    doubtful: bool


Result = Written | Exception


@dataclass(slots=True)
class Applier:
    """Applies one plan of one job and keeps its report.

    Everything but the writes themselves is done by the calling thread.

    :param interrupted: why the job has to end between two records; ``None`` while it may go on.
    """

    job: Job
    tuning: Tuning
    view: TargetView
    telling: Telling
    checkpoint: Checkpoint
    failures: Failures
    writer: Writer
    brake: ErrorBrake
    breakers: TargetBreakers
    stop: Stop
    interrupted: Callable[[], Problem | None]
    progress: Progress
    report: JobReport
    _over: bool = False
    _raised: BuswayError | None = None
    _done: int = 0
    _missed: list[Change] = field(default_factory=list)

    def apply(self, plan: Plan) -> None:
        """Carries out ``plan`` until it is done, stopped, or an error ends the job (raised after it was counted)."""
        plan.applied = True
        self.report.planned = len(plan.changes)
        self.checkpoint.start(self.report.session_id, len(plan.changes))
        self._account_unplanned(plan)
        crew = Crew(self.tuning.pace.concurrency or self.job.concurrency, self._send)
        with stoppable(self.stop):
            for attempt, result in crew.results(self._attempts(plan)):
                self._account(attempt, result)
                self._done += 1
                self.progress.advanced(self.job.name, self._done, len(plan.changes), self.report.counts)
        self.checkpoint.finish()
        if self._raised is not None:
            raise self._raised

    @property
    def _rules(self) -> Rules:
        return self.tuning.rules

    def _attempts(self, plan: Plan) -> Iterator[_Attempt]:
        """The changes one by one, each noted before it is handed out; ends when the job has to."""
        for change in plan.changes:
            if self._over or self._has_to_end():
                return
            payload = payload_of(self.job, self._rules, change)
            attempt = _Attempt(change, payload, change.action is Action.CREATE and change.key in plan.doubtful)
            if change.adopts and not payload:
                self._adopt(change)
                continue
            self.checkpoint.begin(change, payload)
            yield attempt

    def _has_to_end(self) -> bool:
        problem = self.interrupted()
        if problem is not None:
            self._end(Outcome.STOPPED, problem, 7)
        elif self.stop.requested():
            self.report.outcome, self._over = Outcome.STOPPED, True
        return self._over

    def _send(self, attempt: _Attempt) -> Result:
        """In a thread of the crew, or in ours: nothing but the write."""
        try:
            refuse_pending(attempt.payload, f"job {self.job.name}")
            return self.writer.write(attempt.change, attempt.payload, doubtful=attempt.doubtful)
        except Exception as error:
            return error

    def _account(self, attempt: _Attempt, result: Result) -> None:
        change = attempt.change
        if isinstance(result, StoppedError):
            self._stopped(change)
        elif isinstance(result, Exception):
            self._failed(change, result)
        else:
            self._succeeded(change, result)

    def _stopped(self, change: Change) -> None:
        """Asked to stop while the write waited. A create may have been sent before that: its note stays."""
        if change.action is not Action.CREATE:
            self.checkpoint.withdrawn(change)
        if not self._has_to_end():
            self.report.outcome, self._over = Outcome.STOPPED, True

    def _succeeded(self, change: Change, written: Written) -> None:
        """Accounts a verified write. It is told before its note goes: after a kill in between it is told once more,
        and not never. An event that cannot be told must not cost the managed id."""
        known = target_id(self.job, change, written.answer)
        try:
            self.telling.change(change, known, written)
        finally:
            self.checkpoint.wrote(change, known, self.failures.of_written(change, written))
        self.view.written(change, written.payload, written.answer)
        self.report.counts.count(change.action)
        self._served()
        self.brake.tried(failed=False)

    def _adopt(self, change: Change) -> None:
        self.checkpoint.adopted((target_id(self.job, change, {}),))
        self.report.counts.unchanged += 1

    def _failed(self, change: Change, error: Exception) -> None:
        problem = problem_of(self.job, change, error)
        in_doubt = isinstance(error, BuswayError) and bool(getattr(error, "ambiguous", False))
        self.checkpoint.failed(change, self.failures.of_write(change, error, problem), in_doubt=in_doubt)
        self.report.counts.failed += 1
        self.report.failures.append(Failure(change.label, change.action.value, problem))
        self.telling.failure("write", change.label, problem)
        if isinstance(error, BuswayError) and not is_of_the_record(error):
            self._raised, self._over = self._raised or error, True
        elif isinstance(error, UnreachableError):
            self._unserved(change, error)
        else:
            self._braked()

    def _unserved(self, change: Change, error: UnreachableError) -> None:
        """A record the target did not serve fails alone. Too many in a row are an outage: that ends the job, and is
        held against none of them."""
        self._missed.append(change)
        if self.breakers.missed(self.job, self.tuning.pace.max_unserved, error):
            self.checkpoint.pardoned(self._missed)
            self._raised, self._over = self._raised or error, True
        else:
            self.brake.tried(failed=True)

    def _served(self) -> None:
        self._missed.clear()
        self.breakers.served(self.job)

    def _braked(self) -> None:
        self._served()
        problem = self.brake.tried(failed=True)
        if problem is not None:
            self._end(Outcome.ABORTED, problem, 6)

    def _end(self, outcome: Outcome, problem: Problem, exit_code: int) -> None:
        self._over = True
        if self.report.problem is None:
            self.report.outcome, self.report.problem, self.report.exit_code = outcome, problem, exit_code

    def _account_unplanned(self, plan: Plan) -> None:
        """Counts, keeps and tells the records that got no change."""
        counts = self.report.counts
        counts.unchanged, counts.skipped, counts.failed = plan.unchanged, len(plan.skipped), len(plan.invalid)
        counts.quarantined = len(plan.quarantined)
        entries = {entry.key_digest: entry for entry in map(self.failures.of_unplanned, plan.invalid)}
        self.checkpoint.quarantined(entries.values(), plan.recovered)
        for one in plan.skipped:
            self.telling.skip(one)
        for one in plan.invalid:
            problem = problem_of_unplanned(self.job, one)
            self.report.failures.append(Failure(one.label, one.stage, problem))
            self.telling.failure("validation" if one.stage == "validate" else "mapping", one.label, problem)
        self.report.partial = plan.partial
