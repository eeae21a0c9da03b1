"""Checks of what a job writes: answered, read back, found again, and nothing besides."""
# ruff: noqa: S101, D102 - a check is an assertion with its own message, and its name is its documentation.

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import pytest

from busway.contracts.jobs import Job
from busway.contracts.records import Record
from busway.testing.job_changes import updated
from busway.testing.job_trials import Trial, error_of, implements, is_empty, same, shown

__all__ = ["CreateChecks", "RunChecks", "UpdateChecks"]

NO_FIND = "the job has no find(): a create whose answer is lost fails that record instead of being read back"
NOBODY = "busway-nobody"


class CreateChecks:
    """A create is believed for its answer, and found again."""

    def test_a_create_answers_with_the_record_and_its_id(self, trial: Trial) -> None:
        for sample in trial.samples():
            answer: object = trial.create(sample)
            assert isinstance(answer, dict), f"create() returned {type(answer).__name__} instead of the record"
            assert not is_empty(trial.id_of(answer)), f"the record create() returned has no {trial.job.id_field}"

    def test_what_was_created_is_read_back_as_it_was_sent(self, trial: Trial) -> None:
        """A managed field that cannot be read would be written again on every run, or never again."""
        for sample in trial.samples():
            sent = {one.name: one.new for one in trial.creation_of(sample).fields}
            trial.create(sample)
            found = trial.held(sample.key)
            assert found, f"a created record is not in the target under its key, {shown(trial.job.match_on.fields)}"
            lost = [
                name for name, value in sent.items() if not is_empty(value) and is_empty(trial.value(name, found[0]))
            ]
            assert not lost, f"written, but not read from the target: {shown(lost)}; reading() tells where a value is"

    def test_it_finds_what_it_created(self, trial: Trial) -> None:
        if not implements(trial.job, "find"):
            pytest.skip(NO_FIND)
        for sample in trial.samples():
            created = trial.create(sample)
            found = trial.job.find(copy.deepcopy(sample.record))
            assert found is not None, "find() does not find a record that was just created"
            assert str(trial.id_of(found)) == str(trial.id_of(created)), "find() found another record"

    def test_it_finds_nothing_that_is_not_there(self, trial: Trial) -> None:
        """Somebody else found for it would be taken for the record that was to be created."""
        if not implements(trial.job, "find"):
            pytest.skip(NO_FIND)
        first, second = trial.samples()[:2]
        assert trial.held(second.key) or trial.job.find(copy.deepcopy(second.record)) is None, (
            "find() found a record that is not in the target"
        )
        trial.create(first)
        found = trial.job.find(copy.deepcopy(second.record))
        assert found is None or trial.job.match_on.of(found) == second.key, (
            "find() found a record with another key; its answer must be None"
        )


class RunChecks:
    """Whatever a run does, the next one finds nothing left to do."""

    def test_after_a_run_there_is_nothing_to_do(self, trial: Trial) -> None:
        trial.sync()
        again = trial.plan()
        told = {f"{change.action} {shown(one.name for one in change.fields)}" for change in again.changes}
        assert not again.changes, f"right after a run, the next plan has {again.summary()}: {shown(told)}"

    def test_a_new_job_has_nothing_left_to_do(self, trial: Trial, build: Callable[[], Job] | None) -> None:
        """Each process builds its own job: what one remembers must not be what keeps it from writing again."""
        if build is None:
            pytest.skip("define the fixture 'build' to have it checked that a new job goes on where the last one ended")
        trial.sync()
        after = trial.beside(build())
        after.managed = set(trial.managed)
        try:
            plan = after.plan()
        finally:
            after.job.close()
        assert not plan.changes, f"after a restart, the plan has {plan.summary()}"


class UpdateChecks:
    """An update writes what it is handed, to the record it is handed."""

    def test_an_update_changes_what_was_sent_and_nothing_else(self, trial: Trial, changes: Record | None) -> None:
        update = updated(trial, changes)
        after = trial.only(update.change.key)
        left = {one.name for one in trial.change_of(after, update.change.record).fields} & update.sent.keys()
        assert not left, f"update() was accepted, but the target does not have what was sent: {shown(left)}"
        names = (*trial.job.fields, trial.job.id_field, trial.job.active_field)
        touched = [
            name
            for name in names
            if name not in update.sent and not same(trial.value(name, update.before), trial.value(name, after))
        ]
        assert not touched, f"update() was handed {shown(update.sent)} and changed {shown(touched)}, too"

    def test_an_update_leaves_other_records_alone(self, trial: Trial, changes: Record | None) -> None:
        update = updated(trial, changes)
        second = trial.samples()[1]
        differs = trial.change_of(trial.only(second.key), second.record).fields
        assert not differs, f"the update of one record changed {shown(one.name for one in differs)} of another"
        assert len(trial.held(update.change.key)) == 1, "an update made a second record of the same key"

    def test_an_update_answers_with_the_record(self, trial: Trial, changes: Record | None) -> None:
        update = updated(trial, changes)
        answer: object = update.answer
        assert isinstance(answer, dict), f"update() returned {type(answer).__name__} instead of the record"
        known = trial.id_of(answer)
        assert known is None or str(known) == str(trial.id_of(update.before)), "update() returned another record"

    def test_an_update_of_nobody_is_no_success(self, trial: Trial, changes: Record | None) -> None:
        """The record may be gone meanwhile; what was not carried out must not be counted as done."""
        update = updated(trial, changes)
        known, number = trial.id_of(update.before), len(trial.target())
        nobody = known + 1_000_000 if isinstance(known, int) else NOBODY
        gone = replace(update.change, current={**update.before, trial.job.id_field: nobody})
        error = error_of(lambda: trial.send(gone))
        assert error is not None, "update() of a record that is not in the target returned as if it were"
        assert len(trial.target()) == number, "update() of a record that is not in the target made one"

    def test_what_every_update_demands_can_be_read(self, trial: Trial) -> None:
        """Where the source has nothing, the engine sends the target its own value back."""
        if not trial.job.always_send:
            pytest.skip("the job declares nothing in always_send")
        for sample in trial.samples():
            trial.create(sample)
            current = trial.only(sample.key)
            unread = [name for name in trial.job.always_send if is_empty(trial.value(name, current))]
            assert not unread, f"always_send names what target records do not hold: {shown(unread)}"

    def test_what_it_is_handed_is_not_changed(self, trial: Trial, changes: Record | None) -> None:
        record = trial.payload(trial.creation_of(trial.samples()[0]))
        before = copy.deepcopy(record)
        trial.job.create(record)
        assert record == before, "create() changed the record it was handed"
        if not implements(trial.job, "update"):
            return
        update = updated(trial, changes)
        current, sent = copy.deepcopy(update.before), trial.payload(update.change)
        before = copy.deepcopy(sent)
        trial.job.update(update.before, sent)
        assert (update.before, sent) == (current, before), (
            "update() changed what it was handed; the engine still uses it"
        )
