"""From a job to its plan: tuned, read, mapped, compared and checked against the brakes."""

from __future__ import annotations

from collections.abc import Sequence

from busway.contracts.clock import Clock
from busway.contracts.jobs import Job
from busway.contracts.records import Complete, Record
from busway.contracts.runs import Run
from busway.contracts.validators import Validator
from busway.errors import ConfigurationError, Problem, UsageError
from busway.sync.brakes import check
from busway.sync.context import RunContext
from busway.sync.diff import holds_pending, same
from busway.sync.digests import RecordDigests
from busway.sync.failures import mapping_version
from busway.sync.holds import Holds
from busway.sync.in_doubt import InDoubt, remember, resolve
from busway.sync.payloads import Rules
from busway.sync.plan import Action, Change, Plan
from busway.sync.planner import make_plan
from busway.sync.ports import Digest, SettingsFor, SyncState, Validators, Where
from busway.sync.quarantine import Sieve
from busway.sync.reading import guarded, read_source
from busway.sync.tuning import Tuning, tune

__all__ = ["Planning", "refuse_moved"]


class Planning:
    """Makes plans of jobs; writes nothing to a target."""

    def __init__(
        self,
        validators: Validators,
        state: SyncState,
        settings_for: SettingsFor,
        where: Where,
        digest: Digest,
        holds: Holds,
    ) -> None:
        self._validators = validators
        self.state = state
        self._settings_for = settings_for
        self.where = where
        self._digest = digest
        self._holds = holds

    def tuning(self, job: Job) -> Tuning:
        """What configuration says about ``job``. Raises ``ConfigurationError`` BW4010 or BW4011."""
        return tune(job, self._settings_for(job.name), self.where)

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
        """The plan of ``job``, with its holds, without what waits in quarantine.

        The target is read last, so that as little time as can be lies between seeing it and writing to it.
        """
        tuning = self.tuning(job)
        source = read_source(job, run)
        target = run.read_target(job)
        digests = self.digests(job)
        with guarded(job, "plan"):
            in_doubt = resolve(job, self.state.writes_in_hand.of(job.name), target, digests)
            plan = self._compared(job, source, target, in_doubt, tuning, run)
            self.sieve(job, tuning.rules, run.clock).sift(plan, self.state.quarantine.of(job.name))
            plan.doubtful = _doubtful(plan, in_doubt, digests)
        plan.holds = check(plan, tuning.limits, self.state.last_good_run(job.name), self.where)
        self._holds.pass_allowed(plan)
        plan.warnings.extend(run.take_notes())
        return plan

    def settle(self, job: Job, plan: Plan) -> None:
        """Remembers what the writes of a killed run came to, as ``plan`` found it. To be called before it is applied,
        by who has the right to run."""
        if plan.in_doubt is not None:
            digests = self.digests(job)
            remember(job, plan.in_doubt, self.state, frozenset(map(digests.key, plan.doubtful)))

    def validators_of(self, job: Job) -> Sequence[Validator]:
        """The validators of its records, in configured order."""
        return self._validators.get(job.entity, ())

    def digests(self, job: Job) -> RecordDigests:
        """Keyed digests of the records of ``job``."""
        return RecordDigests(self._digest, job.name)

    def sieve(self, job: Job, rules: Rules, clock: Clock) -> Sieve:
        """What decides which failed records of ``job`` are tried now."""
        return Sieve(job, rules, self.digests(job), mapping_version(job), clock.now_ns(), self._wrote_ns)

    def _compared(
        self, job: Job, source: list[Record], target: Complete[Record], in_doubt: InDoubt, tuning: Tuning, run: Run
    ) -> Plan:
        managed = self.state.managed_ids(job.name) | in_doubt.made_ours()
        plan = make_plan(
            job,
            source,
            target,
            managed,
            run=run,
            deactivated_ids=self.state.deactivated_ids(job.name),
            validators=self.validators_of(job),
            rules=tuning.rules,
        )
        plan.in_doubt = in_doubt
        plan.managed = len(managed)
        if managed:
            plan.missing = managed.difference(str(one.get(job.id_field, "")) for one in target)
        return plan

    def _wrote_ns(self, job: str) -> int:
        progress = self.state.job_progress.of(job)
        return 0 if progress is None else progress.wrote_ns


def _doubtful(plan: Plan, in_doubt: InDoubt, digests: RecordDigests) -> frozenset[str]:
    """The match keys of creates that a killed run may have carried out, although the target does not show them."""
    wanted = in_doubt.doubtful()
    if not wanted:
        return frozenset()
    creates = (change.key for change in plan.changes if change.action is Action.CREATE)
    return frozenset(key for key in creates if digests.key(key) in wanted)


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
