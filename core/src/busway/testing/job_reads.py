"""Checks of what a job reads: whole or not at all, afresh, with keys."""
# ruff: noqa: S101, D102 - a check is an assertion with its own message, and its name is its documentation.

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from busway.contracts.jobs import Job
from busway.contracts.records import Complete, Pending, Record
from busway.errors import BuswayError, UnreachableError
from busway.testing.job_trials import Trial, error_of, is_empty, shown

__all__ = ["KeyChecks", "ReadChecks", "is_plain"]


class ReadChecks:
    """Both sides completely, or an error."""

    def test_the_source_gives_plain_records(self, trial: Trial) -> None:
        assert len(trial.samples()) >= 2
        _expect_plain(trial.source(), "source")

    def test_the_source_is_the_same_when_it_is_read_again(self, trial: Trial) -> None:
        """A source that can be read once only reads as empty in the next run, and everybody has left."""
        first, second = trial.source(), trial.source()
        assert len(first) == len(second), f"the source gave {len(first)} records, then {len(second)}"
        keys = [set(trial.mapped(records).records) for records in (first, second)]
        assert keys[0] == keys[1], "the same records got other keys when they were read again"

    def test_the_target_vouches_for_all_its_records(self, trial: Trial) -> None:
        before = trial.job.target(trial.run())
        trial.sync()
        after = trial.job.target(trial.run())
        for read in (before, after):
            assert isinstance(read, Complete), (
                f"target() returned {type(read).__name__}: return Complete(records) once every page is read"
            )
        assert len(after) >= len(before) > -1
        _expect_plain(list(after), "target")

    def test_target_records_have_ids(self, trial: Trial) -> None:
        trial.sync()
        ids = [trial.id_of(record) for record in trial.target()]
        assert not any(map(is_empty, ids)), f"a record of the target has nothing in {trial.job.id_field}"
        twice = [one for one, count in Counter(map(str, ids)).items() if count > 1]
        assert not twice, f"{len(twice)} ids come more than once in the target: a page was read twice"

    def test_the_target_is_read_afresh(self, trial: Trial) -> None:
        """What decides writes never comes from a cache: the job could not see what was written a moment ago."""
        run = trial.run()
        before = len(trial.target(run))
        first = trial.samples()[0]
        trial.create(first)
        after = [record for record in trial.target(run) if trial.job.match_on.of(record) == first.key]
        assert after, (
            f"the target was read again in the same run ({before} records before): what was created is not there"
        )

    def test_a_source_that_breaks_raises(self, trial: Trial, broken_sources: Mapping[str, Job]) -> None:
        """A source that ends early reads as people who left."""
        if not broken_sources:
            pytest.skip("define the fixture 'broken_sources' to have a source checked that cannot be read whole")
        for what, job in broken_sources.items():
            error = error_of(trial.beside(job).source)
            assert error is not None, f"{what}: the source was read all the same"
            assert isinstance(error, BuswayError), (
                f"{what}: raise an error of busway.errors that says what to do, not {type(error).__name__}"
            )

    def test_a_target_that_breaks_raises(self, trial: Trial, broken_targets: Mapping[str, Job]) -> None:
        """A partial list reads as records to create again."""
        if not broken_targets:
            pytest.skip("define the fixture 'broken_targets' to have a target checked that cannot be read whole")
        for what, job in broken_targets.items():
            error = error_of(trial.beside(job).target)
            assert error is not None, f"{what}: the target was read all the same"
            assert isinstance(error, UnreachableError), (
                f"{what}: raise IncompleteReadError or UnreachableError, not {type(error).__name__}"
            )


class KeyChecks:
    """What records of both sides are matched on."""

    def test_source_records_have_match_keys(self, trial: Trial) -> None:
        mapped = trial.mapped(trial.source())
        without = [one for one in mapped.invalid if one.stage == "match" and "no match key" in one.reasons]
        assert not without, f"{len(without)} source records have nothing in {shown(trial.job.match_on.fields)}"

    def test_source_keys_are_unique(self, trial: Trial) -> None:
        if trial.job.distinct:
            pytest.skip("many source records may have one key, because the job is distinct")
        doubled = [one for one in trial.mapped(trial.source()).invalid if one.stage == "match" and one.key]
        assert not doubled, f"{len(doubled)} source records share their keys; only a job that is distinct may do that"

    def test_target_keys_are_unique(self, trial: Trial) -> None:
        trial.sync()
        keys = Counter(key for record in trial.target() if (key := trial.job.match_on.of(record)) is not None)
        assert keys, f"no record of the target has anything in {shown(trial.job.match_on.fields)}"
        doubled = [key for key, count in keys.items() if count > 1]
        assert not doubled, f"{len(doubled)} match keys come more than once in the target"


def is_plain(value: Any) -> bool:
    """Whether ``value`` is what a record may hold; see :data:`busway.contracts.records.Record`."""
    if isinstance(value, dict):
        return all(isinstance(name, str) and is_plain(inner) for name, inner in value.items())
    if isinstance(value, list):
        return all(map(is_plain, value))
    return value is None or isinstance(value, (str, bool, int, float, Pending))


def _expect_plain(records: list[Record], side: str) -> None:
    for record in records:
        assert isinstance(record, dict), f"a record of the {side} is a {type(record).__name__}, not a dict"
        odd = [f"{name} ({type(value).__name__})" for name, value in record.items() if not is_plain(value)]
        assert not odd, f"records of the {side} hold more than text, numbers, true, false, nothing: {shown(odd)}"
