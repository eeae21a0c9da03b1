"""Checks of a job whose target refuses a record, fails, is away, asks to wait, or loses an answer."""
# ruff: noqa: S101, D102 - a check is an assertion with its own message, and its name is its documentation.

from __future__ import annotations

import copy
import math
from collections.abc import Iterable

import pytest

from busway.contracts.jobs import Job
from busway.contracts.records import Record
from busway.errors import IncompleteReadError, RefusedError, RejectedRecordError, UnreachableError
from busway.testing.job_trials import Trial, error_of, implements

__all__ = ["OutageChecks", "RefusalChecks"]


class RefusalChecks:
    """One record that the target does not want costs no other."""

    def test_a_refused_record_is_told_with_its_fields(
        self, trial: Trial, refused: Record | None, refused_fields: Iterable[str]
    ) -> None:
        if refused is None:
            pytest.skip("define the fixture 'refused' to have a record checked that the target does not take")
        error = error_of(lambda: trial.job.create(copy.deepcopy(refused)))
        assert error is not None, "create() of a record that the target refuses returned as if it were there"
        assert isinstance(error, RejectedRecordError), (
            f"raise RejectedRecordError for a record that the target refuses, not {type(error).__name__}: any other "
            "error ends the job"
        )
        missing = sorted(set(refused_fields) - error.fields.keys())
        assert not missing, f"the error does not name what was refused: {', '.join(missing)}"

    def test_a_refused_record_leaves_nothing_behind(self, trial: Trial, refused: Record | None) -> None:
        if refused is None:
            pytest.skip("define the fixture 'refused' to have a record checked that the target does not take")
        before = len(trial.target())
        error_of(lambda: trial.job.create(copy.deepcopy(refused)))
        assert len(trial.target()) == before, "the target refused a record, and has one more"

    def test_the_next_record_is_written_after_a_refusal(self, trial: Trial, refused: Record | None) -> None:
        if refused is None:
            pytest.skip("define the fixture 'refused' to have a record checked that the target does not take")
        error_of(lambda: trial.job.create(copy.deepcopy(refused)))
        sample = trial.samples()[0]
        error = error_of(lambda: trial.create(sample))
        assert error is None, f"after a refusal, a good record fails with {type(error).__name__}"
        trial.only(sample.key)


class OutageChecks:
    """An outage is told as one, and truly: whether a write may have been carried out decides if it is repeated."""

    def test_a_target_that_fails_is_an_outage(self, trial: Trial, failing_job: Job | None) -> None:
        if failing_job is None:
            pytest.skip("define the fixture 'failing_job' to have server errors checked")
        error = _failed_create(trial, failing_job, "a target that answers with a server error")
        assert error.ambiguous, "a server error may come after the record was created, so ambiguous is True"

    def test_a_target_that_is_away_is_an_outage(self, trial: Trial, unreachable_job: Job | None) -> None:
        if unreachable_job is None:
            pytest.skip("define the fixture 'unreachable_job' to have a target checked where nobody listens")
        read = error_of(trial.beside(unreachable_job).target)
        assert isinstance(read, UnreachableError), f"reading a target that is away gave {_named(read)}"
        error = _failed_create(trial, unreachable_job, "a target that is away")
        assert not error.ambiguous, "nobody listened, so nothing was carried out: ambiguous is False"

    def test_a_target_that_asks_to_wait_is_waited_for(self, trial: Trial, waiting_job: Job | None) -> None:
        if waiting_job is None:
            pytest.skip("define the fixture 'waiting_job' to have the answer to 'try later' checked")
        error = _failed_create(trial, waiting_job, "a target that asks to wait")
        assert not error.ambiguous, "the target turned the request away unread, so ambiguous is False"
        wait = error.retry_after_seconds
        assert wait is not None, "the target said how long: put it in retry_after_seconds"
        assert math.isfinite(wait) and wait > 0, f"retry_after_seconds is {wait}"  # noqa: PT018 - one thought

    def test_a_lost_answer_is_ambiguous_and_its_record_is_found(self, trial: Trial, lost_job: Job | None) -> None:
        if lost_job is None:
            pytest.skip("define the fixture 'lost_job' to have a create checked whose answer is lost")
        lost = trial.beside(lost_job)
        sample = lost.samples()[0]
        error = error_of(lambda: lost.create(sample))
        assert isinstance(error, (UnreachableError, RefusedError)), f"a lost answer gave {_named(error)}"
        assert error.ambiguous, "the record may exist now, so ambiguous is True; otherwise it is created once more"
        held = lost.only(sample.key)
        if implements(lost_job, "find"):
            found = lost_job.find(copy.deepcopy(sample.record))
            assert found is not None, "find() does not find the record whose create lost its answer"
            assert str(lost.id_of(found)) == str(lost.id_of(held)), "find() found another record"


def _failed_create(trial: Trial, job: Job, what: str) -> UnreachableError:
    sample = trial.samples()[0]
    error = error_of(lambda: trial.beside(job).create(sample))
    assert isinstance(error, UnreachableError), f"{what} is UnreachableError, but create() gave {_named(error)}"
    assert not isinstance(error, IncompleteReadError), "a write is no read"
    return error


def _named(error: Exception | None) -> str:
    return "no error at all" if error is None else type(error).__name__
