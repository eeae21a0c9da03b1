"""Checks of what a job tells people: labels, skips, notes and errors, without anybody's data and without secrets."""
# ruff: noqa: S101, D102 - a check is an assertion with its own message, and its name is its documentation.

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping

import pytest

from busway.contracts.jobs import Job
from busway.contracts.records import Record, Skip
from busway.errors import BuswayError, RejectedRecordError
from busway.testing.job_trials import Trial, error_of
from busway.testing.leaks import everything_told, tells, words_of

__all__ = ["PrivacyChecks"]

UNDEFINED = (
    "define one of the fixtures 'refused', 'failing_job', 'unreachable_job', 'waiting_job', 'lost_job', "
    "'broken_sources' or 'broken_targets' to have errors checked"
)


class PrivacyChecks:
    """Labels, reasons and errors are kept in events and shown to anybody who operates the deployment."""

    def test_labels_tell_no_personal_value(self, trial: Trial, personal: Iterable[str]) -> None:
        held = {*personal}
        for sample in trial.samples():
            trial.create(sample)
            for record in (sample.record, trial.only(sample.key)):
                label = trial.job.label(copy.deepcopy(record))
                leaking = [name for name, words in _personal_words(trial, sample.record).items() if tells(label, words)]
                assert not leaking, f"label() tells what personal() hides: {', '.join(leaking)}"
                assert not tells(label, held), "label() tells a value of the fixture 'personal'"

    def test_a_label_is_one_line_for_every_record(self, trial: Trial) -> None:
        """Also for a record that did not map, and for one without a key."""
        for sample in trial.samples():
            for record in (sample.record, sample.raw, {}):
                label: object = trial.job.label(copy.deepcopy(record))
                assert isinstance(label, str), f"label() returned {type(label).__name__}"
                assert label.strip(), "label() returned nothing"
                assert label.isprintable(), "label() returned line breaks or control characters"

    def test_reasons_and_notes_tell_no_personal_value(self, trial: Trial, personal: Iterable[str]) -> None:
        run = trial.run()
        held = {*personal}
        for sample in trial.samples():
            held |= set[str]().union(*_personal_words(trial, sample.record).values())
        outcomes = [_outcome(trial, raw, run) for raw in trial.source(run)]
        reasons = [one.reason for one in outcomes if isinstance(one, Skip)]
        assert not any(tells(reason, held) for reason in reasons), "the reason of a Skip tells a personal value"
        assert not any(tells(note, held) for note in run.notes), "a note of the run tells a personal value"

    def test_errors_tell_no_personal_value_and_no_secret(
        self,
        trial: Trial,
        refused: Record | None,
        failing_job: Job | None,
        unreachable_job: Job | None,
        waiting_job: Job | None,
        lost_job: Job | None,
        broken_sources: Mapping[str, Job],
        broken_targets: Mapping[str, Job],
        secrets: Iterable[str],
        personal: Iterable[str],
    ) -> None:
        jobs = (failing_job, unreachable_job, waiting_job, lost_job)
        errors = {
            **_refusal(trial, refused),
            **_failures(trial, jobs),
            **_broken(trial, broken_sources, broken_targets),
        }
        if not errors:
            pytest.skip(UNDEFINED)
        held = {*personal}
        for record in (*(sample.record for sample in trial.samples()), refused or {}):
            held |= set[str]().union(*_personal_words(trial, record).values())
        secret = [*secrets]
        for what, error in errors.items():
            told = everything_told(error)
            assert not any(one in told for one in secret), f"{what}: the error, or one behind it, tells a secret"
            assert not tells(told, held), f"{what}: the error, or one behind it, tells a personal value"

    def test_errors_say_what_to_do(
        self,
        trial: Trial,
        refused: Record | None,
        failing_job: Job | None,
        unreachable_job: Job | None,
        waiting_job: Job | None,
        lost_job: Job | None,
        broken_sources: Mapping[str, Job],
        broken_targets: Mapping[str, Job],
    ) -> None:
        jobs = (failing_job, unreachable_job, waiting_job, lost_job)
        errors = {
            **_refusal(trial, refused),
            **_failures(trial, jobs),
            **_broken(trial, broken_sources, broken_targets),
        }
        if not errors:
            pytest.skip(UNDEFINED)
        for what, error in errors.items():
            if not isinstance(error, BuswayError):
                continue
            assert error.problem.what, f"{what}: the error does not say what is wrong"
            assert error.problem.where or error.problem.why, f"{what}: the error says neither where nor why"
            assert error.problem.fix or isinstance(error, RejectedRecordError), f"{what}: the error names no way out"


def _personal_words(trial: Trial, record: Record) -> dict[str, set[str]]:
    """What is only in personal fields of ``record``, by field."""
    rules = trial.job.fields
    open_words = words_of(*(value for name, value in record.items() if name in rules and not rules[name].is_personal))
    return {name: words_of(record.get(name)) - open_words for name, rule in rules.items() if rule.is_personal}


def _outcome(trial: Trial, raw: Record, run: object) -> object:
    try:
        return trial.job.map(copy.deepcopy(raw), run)  # type: ignore[arg-type]
    except Exception as error:  # told by its type alone
        return error


def _refusal(trial: Trial, refused: Record | None) -> dict[str, Exception]:
    if refused is None:
        return {}
    error = error_of(lambda: trial.job.create(copy.deepcopy(refused)))
    return {} if error is None else {"a refused record": error}


def _failures(trial: Trial, jobs: Iterable[Job | None]) -> dict[str, Exception]:
    names = ("a failing target", "a target that is away", "a target that asks to wait", "a lost answer")
    return dict(_raised(trial, zip(names, jobs, strict=True)))


def _raised(trial: Trial, jobs: Iterable[tuple[str, Job | None]]) -> Iterator[tuple[str, Exception]]:
    for what, job in jobs:
        if job is None:
            continue
        beside = trial.beside(job)
        for step, call in (("read", beside.target), ("create", lambda one=beside: one.create(trial.samples()[0]))):
            error = error_of(call)
            if error is not None:
                yield f"{what} ({step})", error


def _broken(trial: Trial, sources: Mapping[str, Job], targets: Mapping[str, Job]) -> dict[str, Exception]:
    reads = {**{what: trial.beside(job).source for what, job in sources.items()}}
    reads.update({what: trial.beside(job).target for what, job in targets.items()})
    errors = {what: error_of(read) for what, read in reads.items()}
    return {what: error for what, error in errors.items() if error is not None}
