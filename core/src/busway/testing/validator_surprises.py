"""Checks of a validator that is handed anything: it judges, and changes, invents and loses nothing."""
# ruff: noqa: S101, D102 - a check is an assertion with its own message, and its name is its documentation.

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from busway.contracts.records import Record
from busway.contracts.validators import Validation, Validator
from busway.sync.diff import is_empty
from busway.testing.validator_samples import fields_of, judgements, odd_records
from busway.testing.validator_verdicts import Told

__all__ = ["SurpriseChecks"]

UNKNOWN = "busway_unknown"
EXAMPLES = 40

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=40),
    st.lists(st.one_of(st.none(), st.integers(), st.text(max_size=5)), max_size=3),
    st.dictionaries(st.text(max_size=5), st.one_of(st.none(), st.text(max_size=5)), max_size=2),
)


class SurpriseChecks:
    """Records come from mappings, and mappings have bugs."""

    def test_no_record_makes_it_raise(self, validator: Validator, valid: Sequence[Record], invalid: Told) -> None:
        names = st.sampled_from([*_fields(valid, invalid), UNKNOWN])
        bases = st.sampled_from([{}, *valid])
        quiet = settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        )

        @quiet
        @given(base=bases, odd=st.dictionaries(names, VALUES, min_size=1, max_size=4))
        def judge(base: Record, odd: Record) -> None:
            _expect_verdict(validator, {**base, **odd})

        for record in odd_records(valid[0], _fields(valid, invalid)):
            _expect_verdict(validator, record)
        judge()

    def test_an_empty_record_is_judged(self, validator: Validator) -> None:
        _expect_verdict(validator, {})

    def test_what_it_is_handed_is_not_changed(
        self, validator: Validator, valid: Sequence[Record], invalid: Told
    ) -> None:
        for record in _all(valid, invalid):
            for handed, verdict in judgements(validator, [record]):
                assert repr(handed) == repr(record), "validate() changed the record it was handed; it returns a copy"
                assert verdict.record is not handed, "validate() returned the record it was handed; it returns a copy"

    def test_the_same_record_gives_the_same_verdict(
        self, validator: Validator, valid: Sequence[Record], invalid: Told
    ) -> None:
        for record in _all(valid, invalid):
            verdicts = [repr(verdict) for _, verdict in judgements(validator, [record, record])]
            assert len(set(verdicts)) <= 1, "the same record was judged twice, and not alike"

    def test_its_own_record_stays_as_it_is(self, validator: Validator, valid: Sequence[Record], invalid: Told) -> None:
        """Otherwise a record differs from what was written after it, and is written on every run."""
        accepted = [verdict.record for _, verdict in judgements(validator, _all(valid, invalid)) if verdict.valid]
        for record in accepted:
            for _, again in judgements(validator, [record]):
                changed = _differing(record, again.record)
                assert not changed, f"what validate() made of {', '.join(changed)} it changes once more"
                assert again.valid, f"what validate() returned as valid it refuses: {'; '.join(again.errors)}"

    def test_what_it_does_not_know_is_kept(self, validator: Validator, valid: Sequence[Record]) -> None:
        """The next validator and the target may need it."""
        for record in valid:
            verdict = validator.validate({**copy.deepcopy(record), UNKNOWN: {"kept": [1, 2]}})
            assert verdict.record.get(UNKNOWN) == {"kept": [1, 2]}, "a field that it does not know is not in its record"

    def test_nothing_disappears_in_silence(self, validator: Validator, valid: Sequence[Record], invalid: Told) -> None:
        for record, verdict in judgements(validator, _all(valid, invalid)):
            told = "\n".join((*verdict.errors, *verdict.warnings))
            lost = [
                name
                for name, value in record.items()
                if not _is_blank(value) and is_empty(verdict.record.get(name)) and name not in told
            ]
            assert not lost, f"{', '.join(lost)} had a value and has none now, and no error or warning says so"

    def test_it_invents_nothing(self, validator: Validator, valid: Sequence[Record], defaults: Collection[str]) -> None:
        """What the source does not know would overwrite what the target has."""
        known = fields_of(valid)
        poorer = [{name: value for name, value in one.items() if name != left} for one in valid for left in one]
        for record, verdict in judgements(validator, [{}, *poorer]):
            added = [name for name in known if name not in record and name not in defaults]
            invented = [name for name in added if not is_empty(verdict.record.get(name))]
            assert not invented, f"the record has no {', '.join(invented)}, and after validate() it has"


def _fields(valid: Sequence[Record], invalid: Told) -> list[str]:
    if not valid:
        pytest.fail("the fixture 'valid' is empty; the checks need one record or more")
    return fields_of((*valid, *(record for _, record in invalid)))


def _all(valid: Sequence[Record], invalid: Told) -> Iterator[Record]:
    """Good, bad and odd records."""
    yield from (*valid, *(record for _, record in invalid))
    yield from odd_records(valid[0], _fields(valid, invalid))


def _expect_verdict(validator: Validator, record: Record) -> None:
    fields = ", ".join(f"{name} ({type(value).__name__})" for name, value in record.items()) or "nothing"
    try:
        verdict: object = validator.validate(copy.deepcopy(record))
    except Exception as error:
        raise AssertionError(f"a record with {fields} makes it raise {type(error).__name__}") from error
    assert isinstance(verdict, Validation), f"a verdict is a Validation, not {type(verdict).__name__}"


def _differing(left: Record, right: Record) -> list[str]:
    return [name for name in {**left, **right} if repr(left.get(name)) != repr(right.get(name))]


def _is_blank(value: Any) -> bool:
    """Nothing that anybody could see: blanks, control characters and marks without width, whatever they are in."""
    if isinstance(value, str):
        return not any(letter.isprintable() and not letter.isspace() for letter in value)
    if isinstance(value, (list, tuple)):
        return all(map(_is_blank, value))
    return is_empty(value) or (isinstance(value, dict) and all(map(_is_blank, value.values())))
