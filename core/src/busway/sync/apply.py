"""Applying a plan: one change after another, each verified, accounted and told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, ClassVar

from busway.contracts.jobs import Job
from busway.contracts.records import Record
from busway.contracts.runs import Stop
from busway.errors import BuswayError, Problem, RejectedRecordError
from busway.plugins.origins import origin_of
from busway.plugins.stack import raised_at
from busway.sync.brakes import ErrorBrake
from busway.sync.payloads import Rules, payload_of, refuse_pending
from busway.sync.plan import Action, Change, Plan, Unplanned
from busway.sync.ports import EventLog, SyncState
from busway.sync.report import Failure, JobReport, Outcome, Progress
from busway.sync.views import TargetView
from busway.sync.writes import Written, write

__all__ = ["Applier", "ManagedIds"]

ABSENT = "absent from the source"


class ManagedIds:
    """Remembers ids as managed, in small batches; what is pending is written when the ``with`` ends, however it ends.

    A record at a time would cost a commit each. Ids a kill takes are safe: those records are linked, and never
    deactivated.
    """

    SIZE: ClassVar[int] = 100

    def __init__(self, state: SyncState, job: str) -> None:
        self._state, self._job = state, job
        self._pending: list[str] = []

    def add(self, target_id: str) -> None:
        """Remembers one id, at the latest with the next batch."""
        self._pending.append(target_id)
        if len(self._pending) >= self.SIZE:
            self.flush()

    def flush(self) -> None:
        """Writes what is pending."""
        if self._pending:
            self._state.add_managed(self._job, tuple(self._pending))
            self._pending.clear()

    def __enter__(self) -> ManagedIds:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flush()


@dataclass(slots=True)
class Applier:
    """Applies one plan of one job and keeps its report."""

    job: Job
    rules: Rules
    view: TargetView
    events: EventLog
    state: SyncState
    brake: ErrorBrake
    stop: Stop
    progress: Progress
    report: JobReport

    def apply(self, plan: Plan) -> None:
        """Carries out ``plan`` until it is done, stopped, or an error ends the job (raised after it was counted)."""
        plan.applied = True
        self.report.planned = len(plan.changes)
        self._account_unplanned(plan)
        with ManagedIds(self.state, self.job.name) as managed:
            self._apply_all(plan.changes, managed)

    def _apply_all(self, changes: Sequence[Change], managed: ManagedIds) -> None:
        for done, change in enumerate(changes, start=1):
            if self.stop.requested():
                self.report.outcome = Outcome.STOPPED
                return
            problem = self._apply_one(change, managed)
            self.progress.advanced(self.job.name, done, len(changes), self.report.counts)
            if problem is not None:
                self.report.outcome, self.report.problem = Outcome.ABORTED, problem
                self.report.exit_code = 6
                return

    def _apply_one(self, change: Change, managed: ManagedIds) -> Problem | None:
        """Tries one change; the problem of a brake that ends the job."""
        try:
            payload = payload_of(self.job, self.rules, change)
            refuse_pending(payload, f"job {self.job.name}")
            if change.adopts and not payload:
                self._adopted(change, managed)
                return None
            written = self._write(change, payload)
        except Exception as error:
            self._failed(change, _problem(self.job, change, error))
            if isinstance(error, BuswayError) and not _is_of_the_record(error):
                raise
            return self.brake.tried(failed=True)
        self._succeeded(change, written, managed)
        return self.brake.tried(failed=False)

    def _write(self, change: Change, payload: Record) -> Written:
        """Writes, and remembers what Busway deactivated: before the write, since a kill right after it must not make
        our deactivation look like a person's, which nothing would ever undo."""
        target_id = _target_id(self.job, change, {})
        if change.action is Action.DEACTIVATE:
            self.state.mark_deactivated(self.job.name, target_id, deactivated=True)
        try:
            written = write(self.job, self.rules, change, payload)
        except Exception as error:
            if change.action is Action.DEACTIVATE and not getattr(error, "ambiguous", False):
                self.state.mark_deactivated(self.job.name, target_id, deactivated=False)
            raise
        if change.action is Action.REACTIVATE:
            self.state.mark_deactivated(self.job.name, target_id, deactivated=False)
        return written

    def _succeeded(self, change: Change, written: Written, managed: ManagedIds) -> None:
        """Accounts a verified write. Memory first: an event that cannot be told must not cost the managed id."""
        target_id = _target_id(self.job, change, written.answer)
        if change.action is Action.CREATE or change.adopts:
            managed.add(target_id)
        self.view.written(change, written.payload, written.answer)
        name = COUNTED[change.action]
        setattr(self.report.counts, name, getattr(self.report.counts, name) + 1)
        self._tell(change, target_id, written)
        for field in written.dropped:
            self.report.warnings.append(f"{change.label}: {change.action}d without {field}, which the target refused")
        if written.read_back:
            self.report.warnings.append(f"{change.label}: the answer to its create was lost; it was read back")

    def _adopted(self, change: Change, managed: ManagedIds) -> None:
        managed.add(_target_id(self.job, change, {}))
        self.report.counts.unchanged += 1

    def _failed(self, change: Change, problem: Problem) -> None:
        self.report.counts.failed += 1
        self.report.failures.append(Failure(change.label, change.action.value, problem))
        self._tell_error("write", change.label, problem)

    def _account_unplanned(self, plan: Plan) -> None:
        """Counts and tells the records that got no change."""
        counts = self.report.counts
        counts.unchanged, counts.skipped, counts.failed = plan.unchanged, len(plan.skipped), len(plan.invalid)
        for one in plan.skipped:
            self.events.log_skip(plan.entity, one.label, "; ".join(one.reasons), self.report.session_id)
        for one in plan.invalid:
            problem = _unplanned_problem(self.job, one)
            self.report.failures.append(Failure(one.label, one.stage, problem))
            self._tell_error("validation" if one.stage == "validate" else "mapping", one.label, problem)

    def _tell(self, change: Change, target_id: str, written: Written) -> None:
        """Names of fields only: values may be personal data, and events are kept."""
        entity, session = self.job.entity, self.report.session_id
        details: dict[str, Any] = {"label": change.label, "fields": sorted(written.payload)}
        if written.dropped:
            details["refused"] = list(written.dropped)
        if change.adopts:
            details["adopted"] = True
        if change.action is Action.CREATE:
            self.events.log_creation(entity, target_id, details, session)
        elif change.action is Action.DEACTIVATE:
            self.events.log_deletion(entity, target_id, ABSENT, session)
        else:
            if change.action is Action.REACTIVATE:
                details["reactivated"] = True
            self.events.log_update(entity, target_id, details, session)

    def _tell_error(self, kind: str, label: str, problem: Problem) -> None:
        message = f"{problem.code}: {problem.what}" + (f" ({problem.why})" if problem.why else "")
        self.events.log_error(kind, self.job.entity, label, message, None, self.report.session_id)


COUNTED: Mapping[Action, str] = {
    Action.CREATE: "created",
    Action.UPDATE: "updated",
    Action.DEACTIVATE: "deactivated",
    Action.REACTIVATE: "reactivated",
}
"""Where each action is counted in ``Counts``."""


def _is_of_the_record(error: BuswayError) -> bool:
    """Whether ``error`` is about this one record; any other of ours would meet every record alike."""
    return isinstance(error, RejectedRecordError) or error.code == "BW4007"


def _target_id(job: Job, change: Change, answer: Record) -> str:
    # The id we know wins for records that exist: an answer to an update need not repeat it.
    known = (change.current or {}).get(job.id_field)
    return str(answer.get(job.id_field, "") if known is None else known)


def _problem(job: Job, change: Change, error: Exception) -> Problem:
    """``error`` as a problem, with the names of refused fields and never the remote's words about their values."""
    where = f"job {job.name}, {change.action} of {change.label}"
    if isinstance(error, RejectedRecordError) and error.fields and not error.problem.why:
        own, names = error.problem, ", ".join(error.fields)
        return Problem(own.code, own.what, own.where or where, f"fields: {names}", own.fix)
    if isinstance(error, BuswayError):
        return error.problem
    return Problem(
        "BW6002",
        f"the {change.action} raised {type(error).__name__}",
        ", ".join((where, raised_at(error), *_origin(job))),
        "the job raised an error that is none of busway.errors; its text may hold data and is not shown",
        "mend the job, or let it raise RejectedRecordError where the target refuses the record",
    )


def _unplanned_problem(job: Job, one: Unplanned) -> Problem:
    what = "; ".join(one.reasons)
    place = f"job {job.name}, {one.stage} of {one.label}"
    if one.code == "BW6002" and one.stage != "validate":
        place = ", ".join((place, *_origin(job)))
    return Problem(one.code, what, place, fix="mend the record in the source; the next run tries it again")


def _origin(job: Job) -> tuple[str, ...]:
    """The plugin of ``job`` with its entry point, where known."""
    origin = origin_of(job)
    return (origin.where,) if origin else ()
