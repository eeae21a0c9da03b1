"""A job on trial: read, mapped, planned and written as the engine does it, one step at a time."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from busway.contracts.jobs import Job
from busway.contracts.records import Complete, Record
from busway.contracts.validators import Validator
from busway.sync.diff import Comparison, is_empty, same
from busway.sync.mapping import Mapped, map_records
from busway.sync.payloads import create_fields, payload_of
from busway.sync.plan import Action, Change, Plan
from busway.sync.planner import make_plan
from busway.testing.fake_runs import FakeRun

__all__ = ["Sample", "Trial", "error_of", "implements", "is_empty", "same", "shown"]


@dataclass(frozen=True)
class Sample:
    """A record of the source, before and after mapping and validation."""

    raw: Record
    key: str
    record: Record


class Trial:
    """One job, and what the engine would remember of it between runs."""

    def __init__(
        self,
        job: Job,
        targets: Mapping[str, Sequence[Record]] | None = None,
        validators: Sequence[Validator] = (),
    ) -> None:
        self.job = job
        self.validators = [one for one in validators if one.entity == job.entity]
        self.managed: set[str] = set()
        self.deactivated: set[str] = set()
        self._targets = dict(targets or {})

    def beside(self, job: Job) -> Trial:
        """A trial of another job in the same surroundings."""
        return Trial(job, self._targets, self.validators)

    def run(self, *, preview: bool = False) -> FakeRun:
        """A new run."""
        return FakeRun(self._targets, preview=preview)

    def source(self, run: FakeRun | None = None) -> list[Record]:
        """Every record of the source."""
        return list(self.job.source(run or self.run()))

    def target(self, run: FakeRun | None = None) -> list[Record]:
        """Every record of the target; whether it vouches for them is for one check alone."""
        return list(self.job.target(run or self.run()))

    def mapped(self, raw: Iterable[Record], run: FakeRun | None = None) -> Mapped:
        """``raw`` mapped and validated; the source is read first, since some jobs prepare their mapping there."""
        run = run or self.run()
        self.source(run)
        return map_records(self.job, copy.deepcopy([*raw]), run, self.validators)

    def samples(self) -> list[Sample]:
        """Source records that map, with distinct keys; fails the check where there are fewer than two."""
        run = self.run()
        found: dict[str, Sample] = {}
        for raw in self.source(run):
            one = map_records(self.job, [copy.deepcopy(raw)], run, self.validators).records
            found.update({key: Sample(raw, key, record) for key, record in one.items() if key not in found})
        if len(found) < 2:
            pytest.fail(
                f"the source gave {len(found)} valid records with keys of their own; the checks need two or more"
            )
        return list(found.values())

    def plan(self, raw: Sequence[Record] | None = None) -> Plan:
        """What a run would do now; ``raw`` takes the place of what the source gives."""
        run = self.run()
        source = self.source(run)
        return make_plan(
            self.job,
            source if raw is None else copy.deepcopy([*raw]),
            Complete(self.target(run)),
            frozenset(self.managed),
            run=run,
            deactivated_ids=frozenset(self.deactivated),
            validators=self.validators,
        )

    def apply(self, plan: Plan) -> list[Record]:
        """Carries ``plan`` out and returns the answers."""
        return [self.send(change) for change in plan.changes]

    def sync(self, raw: Sequence[Record] | None = None) -> Plan:
        """A whole run: plans and applies, and returns the plan."""
        plan = self.plan(raw)
        self.apply(plan)
        return plan

    def send(self, change: Change) -> Record:
        """One write, with what the engine would send; returns the answer and remembers it."""
        payload, current = self.payload(change), change.current or {}
        sends: dict[Action, Callable[[], Record]] = {
            Action.CREATE: lambda: self.job.create(payload),
            Action.UPDATE: lambda: self.job.update(current, payload),
            Action.DEACTIVATE: lambda: self.job.deactivate(current),
            Action.REACTIVATE: lambda: self.job.reactivate(current, payload),
        }
        if change.adopts and not payload:
            answer: Record = current
        else:
            answer = sends[change.action]()
        known = current.get(self.job.id_field)
        target_id = str(answer.get(self.job.id_field, "") if known is None and isinstance(answer, dict) else known)
        if change.action is Action.CREATE or change.adopts:
            self.managed.add(target_id)
        if change.action is Action.DEACTIVATE:
            self.deactivated.add(target_id)
        return answer

    def payload(self, change: Change) -> Record:
        """What the engine would send for ``change``."""
        return dict(payload_of(self.job, self.job.fields, change))

    def creation_of(self, sample: Sample) -> Change:
        """The change that creates ``sample``."""
        fields = create_fields(self.job.fields, sample.record)
        return Change(Action.CREATE, sample.key, "", sample.record, None, fields)

    def create(self, sample: Sample) -> Record:
        """Creates ``sample`` and returns the answer."""
        return self.send(self.creation_of(sample))

    def change_of(self, current: Record, record: Record, action: Action = Action.UPDATE) -> Change:
        """The change that brings ``current`` to ``record``."""
        changes = Comparison(self.job.fields).changes(record, current)
        return Change(action, self.job.match_on.of(record) or "", "", record, current, changes)

    def held(self, key: str) -> list[Record]:
        """The target's records with the match key ``key``."""
        return [record for record in self.target() if self.job.match_on.of(record) == key]

    def only(self, key: str) -> Record:
        """The target's one record with the match key ``key``; fails the check where there is none, or another."""
        found = self.held(key)
        if len(found) != 1:
            pytest.fail(
                f"the target has {len(found)} records with the key of a record that was created once "
                "(the target of 'job' must not have it to begin with)"
            )
        return found[0]

    def value(self, name: str, record: Record) -> Any:
        """The value of a managed field, as the target's record ``record`` has it."""
        rule = self.job.fields.get(name)
        return rule.reader(record) if rule is not None and rule.reader else record.get(name)

    def is_active(self, record: Record) -> bool:
        """What the engine makes of the active field."""
        value = record.get(self.job.active_field)
        return bool(value) and value != "0"

    def id_of(self, record: Record) -> Any:
        """The id of a target record."""
        return record.get(self.job.id_field)


def implements(job: Job, method: str) -> bool:
    """Whether ``job`` has ``method`` itself rather than the default of :class:`~busway.contracts.jobs.Job`."""
    return getattr(type(job), method, None) is not getattr(Job, method)


def error_of(call: Callable[[], object]) -> Exception | None:
    """What ``call`` raises, if anything."""
    try:
        call()
    except Exception as error:
        return error
    return None


def shown(names: Iterable[str]) -> str:
    """Names for a message."""
    return ", ".join(sorted(map(str, names)))
