"""Checks of records that leave the source and come back, and of records that were there before."""
# ruff: noqa: S101, D102 - a check is an assertion with its own message, and its name is its documentation.

from __future__ import annotations

from collections.abc import Callable

import pytest

from busway.contracts.records import Record
from busway.errors import RejectedRecordError
from busway.sync.plan import Action
from busway.testing.job_changes import candidates
from busway.testing.job_trials import Sample, Trial, implements, same, shown

__all__ = ["LifecycleChecks"]


class LifecycleChecks:
    """Who leaves is taken out of use and stays; who comes back is the same one."""

    def test_a_leaver_is_deactivated_and_still_there(self, trial: Trial) -> None:
        leaver, before = _left(trial)
        after = trial.only(leaver.key)
        assert not trial.is_active(after), f"deactivate() returned, but {trial.job.active_field} still says active"
        assert str(trial.id_of(after)) == str(trial.id_of(before)), "deactivate() made another record of it"
        again = trial.plan([sample.raw for sample in trial.samples() if sample.key != leaver.key])
        assert not again.changes, f"after a record was deactivated, the next plan has {again.summary()}"

    def test_a_deactivation_changes_nothing_else(self, trial: Trial) -> None:
        """The history of somebody who left is still theirs."""
        leaver, before = _left(trial)
        after = trial.only(leaver.key)
        names = [name for name in trial.job.fields if name != trial.job.active_field]
        touched = [name for name in names if not same(trial.value(name, before), trial.value(name, after))]
        assert not touched, f"deactivate() changed {shown(touched)}, too"

    def test_others_stay_when_one_leaves(self, trial: Trial) -> None:
        leaver, _ = _left(trial)
        others = [sample for sample in trial.samples() if sample.key != leaver.key]
        gone = [sample for sample in others if not trial.is_active(trial.only(sample.key))]
        assert not gone, f"one record left the source, and {len(gone)} others were deactivated with it"

    def test_a_returner_is_reactivated_as_the_same_record(self, trial: Trial) -> None:
        leaver, before = _left(trial)
        trial.sync([sample.raw for sample in trial.samples()])
        after = trial.only(leaver.key)
        assert trial.is_active(after), f"reactivate() returned, but {trial.job.active_field} still says inactive"
        assert str(trial.id_of(after)) == str(trial.id_of(before)), "reactivate() made another record of it"
        again = trial.plan([sample.raw for sample in trial.samples()])
        assert not again.changes, f"after a record was reactivated, the next plan has {again.summary()}"

    def test_a_returner_brings_its_changes(self, trial: Trial, changes: Record | None) -> None:
        """What changed meanwhile is written with the reactivation: there is one plan for each record."""
        leaver, _ = _left(trial)
        for change in candidates(trial, changes, Action.REACTIVATE):
            try:
                trial.send(change)
            except RejectedRecordError:
                continue
            after, sent = trial.only(leaver.key), {one.name: one.new for one in change.fields}
            assert trial.is_active(after), "reactivate() with changes left the record inactive"
            lost = {one.name for one in trial.change_of(after, change.record).fields} & sent.keys()
            assert not lost, f"reactivate() was handed {shown(sent)} and did not write {shown(lost)}"
            return
        pytest.fail("the target refused every reactivation with a changed field; define the fixture 'changes'")

    def test_the_answers_are_the_record(self, trial: Trial) -> None:
        _expect_lifecycle(trial)
        samples = trial.samples()
        trial.sync([sample.raw for sample in samples])
        left = trial.apply(trial.plan([sample.raw for sample in samples[1:]]))
        back = trial.apply(trial.plan([sample.raw for sample in samples]))
        for method, answers in (("deactivate", left), ("reactivate", back)):
            wrong = [type(answer).__name__ for answer in answers if not isinstance(answer, dict)]
            assert not wrong, f"{method}() returned {shown(wrong)} instead of the record"

    def test_a_record_that_was_there_before_is_adopted(
        self, trial: Trial, adoptable: Callable[[Record], object] | None
    ) -> None:
        """Somebody made it by hand, without the key: it must not be created a second time."""
        if not trial.job.adopt_on:
            pytest.skip("the job declares nothing in adopt_on")
        if not implements(trial.job, "update"):
            pytest.skip("the job has no update()")
        if adoptable is None:
            pytest.skip("define the fixture 'adoptable' to have adoption checked")
        sample = trial.samples()[0]
        adoptable(dict(sample.record))
        number = len(trial.target())
        plan = trial.sync([sample.raw])
        assert plan.count(Action.CREATE) == 0, "a record with the adopt_on key is there, and another one was created"
        assert len(trial.target()) == number, "adopting a record changed the number of records"
        trial.only(sample.key)
        again = trial.plan([sample.raw])
        assert not again.changes, f"after a record was adopted, the next plan has {again.summary()}"


def _expect_lifecycle(trial: Trial) -> None:
    if not trial.job.active_field:
        pytest.skip("the job declares no active_field: its records have no lifecycle")
    for method in ("deactivate", "reactivate"):
        if not implements(trial.job, method):
            pytest.skip(f"the job has no {method}()")


def _left(trial: Trial) -> tuple[Sample, Record]:
    """Everybody came, then the first one left; that one, and its target record before."""
    _expect_lifecycle(trial)
    samples = trial.samples()
    trial.sync([sample.raw for sample in samples])
    leaver = samples[0]
    before = trial.only(leaver.key)
    assert trial.is_active(before), f"a created record is not active: {trial.job.active_field} says so"
    plan = trial.sync([sample.raw for sample in samples[1:]])
    assert plan.count(Action.DEACTIVATE) <= 1 or trial.job.distinct, "the plan deactivates others than the one who left"
    return leaver, before
