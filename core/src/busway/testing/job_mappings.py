"""Checks of how a job maps source records to the target's shape."""
# ruff: noqa: S101, D102 - a check is an assertion with its own message, and its name is its documentation.

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from busway.contracts.records import Pending, Record, Skip
from busway.testing.job_reads import is_plain
from busway.testing.job_trials import Sample, Trial, is_empty, shown

__all__ = ["MappingChecks"]

WORDS_FOR_NOTHING = {"none", "null", "nan", "n/a", "undefined"}


class MappingChecks:
    """The same record always maps to the same, without a trace."""

    def test_mapping_is_repeatable_and_changes_nothing(self, trial: Trial) -> None:
        run = trial.run()
        for raw in trial.source(run):
            before = copy.deepcopy(raw)
            first, second = _mapped(trial, raw, run), _mapped(trial, raw, run)
            assert raw == before, "map() changed the source record, which other jobs of the run share"
            assert first == second, "map() made two different records of one; each run would write again"

    def test_mapped_records_hold_plain_values(self, trial: Trial) -> None:
        for sample in trial.samples():
            odd = [f"{name} ({type(value).__name__})" for name, value in sample.record.items() if not is_plain(value)]
            assert not odd, f"mapped records hold more than text, numbers, true, false, nothing: {shown(odd)}"

    def test_a_preview_can_be_mapped(self, trial: Trial, other_targets: Mapping[str, Sequence[Record]]) -> None:
        """A plan of several jobs is made before the first has written: ids it would create are pending."""
        if not other_targets:
            pytest.skip(
                "define the fixture 'other_targets' to have the preview of a job checked that depends on others"
            )
        pending = {
            job: [{name: Pending(job, "new") if name == "id" else value for name, value in one.items()} for one in held]
            for job, held in other_targets.items()
        }
        ahead = Trial(trial.job, pending, trial.validators)
        expected = trial.mapped(trial.source()).records.keys()
        mapped = ahead.mapped(trial.source(), ahead.run(preview=True))
        lost = expected - mapped.records.keys()
        reasons = {reason for one in (*mapped.invalid, *mapped.skipped) for reason in one.reasons}
        assert not lost, f"{len(lost)} records do not map while an id they refer to is still pending: {shown(reasons)}"

    def test_an_empty_source_value_never_clears_the_target(self, trial: Trial) -> None:
        """Nothing in the source means that nothing is known. Each field of a record is emptied in its turn."""
        sample = trial.samples()[0]
        trial.create(sample)
        for name, blank, record in _blanked(trial, sample):
            current = trial.only(sample.key)
            full = {field: value for field in trial.job.fields if not is_empty(value := trial.value(field, current))}
            said = [
                f
                for f, value in record.items()
                if _is_word_for_nothing(value) and not _is_word_for_nothing(full.get(f))
            ]
            assert not said, f"{name} = {blank!r} in the source is mapped to a word for nothing in {shown(said)}"
            change = trial.change_of(current, record)
            if change.fields:
                trial.send(change)
            after = trial.only(sample.key)
            cleared = [
                field
                for field in full
                if not trial.job.fields[field].clear_when_empty and is_empty(trial.value(field, after))
            ]
            assert not cleared, f"{name} = {blank!r} in the source cleared {shown(cleared)} in the target"


def _mapped(trial: Trial, raw: Record, run: Any) -> Record | Skip | str:
    try:
        return copy.deepcopy(trial.job.map(raw, run))
    except Exception as error:  # it fails that record, and is for the author's own tests
        return type(error).__name__


def _blanked(trial: Trial, sample: Sample) -> Iterator[tuple[str, str | None, Record]]:
    """``sample`` with one source field emptied, mapped, wherever that leaves a valid record of the same key."""
    for name, value in sample.raw.items():
        if is_empty(value):
            continue
        for blank in ("", None):
            mapped = trial.mapped([{**sample.raw, name: blank}]).records
            if sample.key in mapped:
                yield name, blank, mapped[sample.key]


def _is_word_for_nothing(value: Any) -> bool:
    return isinstance(value, str) and value.strip().casefold() in WORDS_FOR_NOTHING
