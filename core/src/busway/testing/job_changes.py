"""One update, for the checks that look at what it did."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from busway.contracts.fields import FieldPolicy
from busway.contracts.records import Record
from busway.errors import RejectedRecordError
from busway.sync.plan import Action, Change
from busway.testing.job_trials import Trial, implements, is_empty

__all__ = ["Update", "candidates", "updated"]


@dataclass(frozen=True)
class Update:
    """An update that the target took."""

    before: Record
    """The target's record as it was."""
    change: Change
    answer: Record

    @property
    def sent(self) -> Record:
        """The changed fields with their new values."""
        return {one.name: one.new for one in self.change.fields}


def updated(trial: Trial, changes: Record | None) -> Update:
    """Creates two records and updates the first: with ``changes``, else with a value that the second one has."""
    if not implements(trial.job, "update"):
        pytest.skip("the job has no update()")
    for candidate in candidates(trial, changes):
        try:
            answer = trial.send(candidate)
        except RejectedRecordError:
            if changes is not None:
                raise
            continue
        return Update(candidate.current or {}, candidate, answer)
    pytest.fail(
        "the target refused every update of one field: name what it demands on each in always_send, or define the "
        "fixture 'changes' with values that it takes"
    )


def candidates(trial: Trial, changes: Record | None, action: Action = Action.UPDATE) -> list[Change]:
    """Changes of the first record, one of which the target should take; it and the second are created before."""
    first, second = trial.samples()[:2]
    for sample in (first, second):
        if not trial.held(sample.key):
            trial.create(sample)
    current = trial.only(first.key)
    # What the target made of the record, so that nothing differs but what is put over it.
    as_it_is = {name: trial.value(name, current) for name in trial.job.fields if name in first.record}
    wanted = [changes] if changes is not None else [{name: second.record[name]} for name in _free(trial, second.record)]
    made = [trial.change_of(current, {**first.record, **as_it_is, **one}, action) for one in wanted]
    if not any(change.fields for change in made):
        pytest.skip("no managed field of the first record would change; define the fixture 'changes' with new values")
    return [change for change in made if change.fields]


def _free(trial: Trial, record: Record) -> list[str]:
    """Fields that may change without touching what records are matched or refer to."""
    taken = {name for key in (trial.job.match_on, *trial.job.adopt_on) for name in key.fields}
    rules = trial.job.fields.items()
    return [
        name
        for name, rule in rules
        if rule.policy is FieldPolicy.ALWAYS
        and name not in taken
        and not rule.refers_to
        and not is_empty(record.get(name))
    ]
