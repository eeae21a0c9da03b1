"""From a job to its plan: tuned, read, mapped, compared and checked against the brakes."""

from __future__ import annotations

from busway.contracts.jobs import Job
from busway.errors import ConfigurationError, Problem, UsageError
from busway.sync.brakes import check
from busway.sync.context import RunContext
from busway.sync.diff import holds_pending, same
from busway.sync.plan import Change, Plan
from busway.sync.planner import make_plan
from busway.sync.ports import SettingsFor, SyncState, Validators, Where
from busway.sync.reading import guarded, read_source
from busway.sync.tuning import Tuning, tune

__all__ = ["Planning", "refuse_moved"]


class Planning:
    """Makes plans of jobs; writes nothing."""

    def __init__(self, validators: Validators, state: SyncState, settings_for: SettingsFor, where: Where) -> None:
        self._validators = validators
        self._state = state
        self._settings_for = settings_for
        self._where = where

    def tuning(self, job: Job) -> Tuning:
        """What configuration says about ``job``. Raises ``ConfigurationError`` BW4010 or BW4011."""
        return tune(job, self._settings_for(job.name), self._where)

    def problems(self, job: Job) -> list[Problem]:
        """What makes ``job`` unfit to run whatever its two sides hold: its table (BW4010, BW4011), or validators it
        counts on that nobody selected (BW4013)."""
        found: list[Problem] = []
        try:
            self.tuning(job)
        except ConfigurationError as error:
            found += error.problems
        if job.requires_validators and not self._validators.get(job.entity):
            found.append(_unvalidated(job))
        return found

    def plan(self, job: Job, run: RunContext) -> Plan:
        """The plan of ``job``, with its holds.

        The target is read last, so that as little time as can be lies between seeing it and writing to it.
        """
        tuning = self.tuning(job)
        managed, deactivated = self._state.managed_ids(job.name), self._state.deactivated_ids(job.name)
        source = read_source(job, run)
        target = run.read_target(job)
        validators = self._validators.get(job.entity, ())
        with guarded(job, "plan"):
            plan = make_plan(
                job,
                source,
                target,
                managed,
                run=run,
                deactivated_ids=deactivated,
                validators=validators,
                rules=tuning.rules,
            )
        plan.holds = check(plan, tuning.limits, self._state.last_good_run(job.name), self._where)
        plan.warnings.extend(run.take_notes())
        return plan


def _unvalidated(job: Job) -> Problem:
    return Problem(
        "BW4013",
        f"job {job.name} needs a validator of {job.entity} records, and none is selected",
        where="[plugins] validators",
        why="the job leaves normalisation to its validators; without one it would write raw values",
        fix="select the validators of the same plugin: busway plugins list",
    )


def refuse_moved(seen: Plan, fresh: Plan) -> None:
    """Raises ``UsageError`` BW4023 where ``fresh`` would do anything that ``seen`` did not show.

    Values that were pending are new by nature; everything else must be the same.
    """
    if [*map(_shape, seen.changes)] == [*map(_shape, fresh.changes)] and all(
        map(_same_values, seen.changes, fresh.changes)
    ):
        return
    raise UsageError(
        "BW4023",
        f"source or target of {seen.job} has moved on since the plan was made",
        where=f"job {seen.job}",
        why=f"the plan was: {seen.summary()}; it would now be: {fresh.summary()}",
        fix=f"make a new plan: busway plan {seen.job}",
    )


def _shape(change: Change) -> tuple[str, str, tuple[str, ...]]:
    return change.action.value, change.key, tuple(one.name for one in change.fields)


def _same_values(seen: Change, fresh: Change) -> bool:
    records = seen.record.keys() == fresh.record.keys() and all(
        holds_pending(value) or same(value, fresh.record[name]) for name, value in seen.record.items()
    )
    return records and all(same(old.old, new.old) for old, new in zip(seen.fields, fresh.fields, strict=True))
