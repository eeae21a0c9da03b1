"""Checks of a validator's verdicts: what is accepted, what is refused, and in which words."""
# ruff: noqa: S101, D102 - a check is an assertion with its own message, and its name is its documentation.

from __future__ import annotations

import copy
import re
from collections.abc import Sequence

import pytest

from busway.contracts.records import Record
from busway.contracts.validators import Validation, Validator
from busway.sync.diff import is_empty
from busway.testing.validator_samples import CANARIES, CANARY_WORDS, fields_of, judgements, odd_records

__all__ = ["Told", "VerdictChecks"]

Told = Sequence[tuple[str, Record]]
"""Records, each with the field that the verdict must name."""
FIELD_AND_REASON = re.compile(r"[^\s:]+: \S.*", re.DOTALL)


class VerdictChecks:
    """Good records pass, bad ones do not, and people are told why without being told the value."""

    def test_it_names_its_entity(self, validator: Validator) -> None:
        assert isinstance(validator, Validator), "a validator has an entity and a method validate()"
        entity: object = validator.entity
        assert isinstance(entity, str), f"entity is a {type(entity).__name__}; it is a text such as 'employee'"
        assert entity.strip() == entity != "", "entity is empty or has blanks around it: no job would meet it"

    def test_good_records_are_accepted(self, validator: Validator, valid: Sequence[Record]) -> None:
        assert valid, "the fixture 'valid' is empty; the checks need one record or more"
        for number, record in enumerate(valid, start=1):
            errors = validator.validate(copy.deepcopy(record)).errors
            assert not errors, f"valid record {number} is refused: {'; '.join(errors)}"

    def test_a_verdict_has_the_right_shape(self, validator: Validator, valid: Sequence[Record], invalid: Told) -> None:
        for record in (*valid, *(one for _, one in invalid)):
            verdict: object = validator.validate(copy.deepcopy(record))
            assert isinstance(verdict, Validation), f"validate() returned {type(verdict).__name__}, not Validation"
            assert isinstance(verdict.record, dict), f"its record is a {type(verdict.record).__name__}, not a dict"
            for name in ("errors", "warnings"):
                texts: object = getattr(verdict, name)
                assert isinstance(texts, tuple), f'{name} is a tuple of texts: a single one is ("field: reason",)'
                assert all(isinstance(text, str) and text for text in texts), f"{name} holds something else than text"

    def test_bad_records_are_refused(self, validator: Validator, invalid: Told) -> None:
        if not invalid:
            pytest.skip("define the fixture 'invalid' to have it checked that bad records are refused")
        for field, record in invalid:
            verdict = validator.validate(copy.deepcopy(record))
            assert not verdict.valid, f"a record with a bad {field} is accepted"

    def test_errors_name_the_field_and_the_reason(self, validator: Validator, invalid: Told) -> None:
        if not invalid:
            pytest.skip("define the fixture 'invalid' to have errors checked")
        for field, record in invalid:
            errors = validator.validate(copy.deepcopy(record)).errors
            odd = [text for text in errors if not FIELD_AND_REASON.fullmatch(text)]
            assert not odd, f"an error is written 'field: reason', not {odd[0]!r}"
            named = [text.partition(":")[0] for text in errors]
            assert not errors or field in named, f"the record has a bad {field}, but the errors name {named}"

    def test_no_text_tells_a_value(self, validator: Validator, valid: Sequence[Record], invalid: Told) -> None:
        """Errors and warnings are kept in the ledger and mailed to people."""
        records = (*valid, *(record for _, record in invalid))
        for record, verdict in judgements(validator, odd_records(valid[0], fields_of(records), CANARIES)):
            text = "\n".join((*verdict.errors, *verdict.warnings)).casefold()
            told = [field for field, value in record.items() if value in CANARIES]
            assert not any(word in text for word in CANARY_WORDS), f"a text repeats the value of {', '.join(told)}"

    def test_what_is_left_out_is_warned_about(self, validator: Validator, warned: Told) -> None:
        if not warned:
            pytest.skip("define the fixture 'warned' to have it checked that people hear of values that are left out")
        for field, record in warned:
            verdict = validator.validate(copy.deepcopy(record))
            assert verdict.valid, f"a {field} that can be left out makes the record invalid"
            assert is_empty(verdict.record.get(field)), f"{field} cannot be used, and is still in the record"
            assert any(field in text for text in verdict.warnings), f"{field} is left out, and no warning names it"
