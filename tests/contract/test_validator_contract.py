"""The conformance suite for validators catches what it promises to catch.

Every specimen breaks one rule: the check of that rule fails for it, and no other does. A validator that keeps all rules
passes all checks, with nothing skipped.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from builders.suites import Lazily, checks_of, failing, skipped
from builders.tidy_rules import INVALID, SPECIMENS, VALID, WARNED, FillsInATag, Specimen, TidyRules
from busway.contracts.records import Record
from busway.contracts.validators import Validator
from busway.testing import ValidatorContract, validator_surprises

CHECKS = checks_of(ValidatorContract)


def fixtures_for(make: Callable[[], Any], **others: Callable[[], Any]) -> Lazily:
    """What the fixtures of a subclass would give for the validator that ``make`` builds."""
    fixtures: dict[str, Callable[[], Any]] = {
        "validator": make,
        "valid": lambda: copy.deepcopy(VALID),
        "invalid": lambda: copy.deepcopy(INVALID),
        "warned": lambda: copy.deepcopy(WARNED),
        "defaults": tuple,
    }
    return Lazily({**fixtures, **others})


@pytest.fixture(autouse=True)
def few_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enough, but for the specimens of the check that uses them."""
    monkeypatch.setattr(validator_surprises, "EXAMPLES", 3)


class TestTidyRules(ValidatorContract):
    """The validator the specimens are made from keeps every rule, also as pytest runs them."""

    @pytest.fixture
    def validator(self) -> Validator:
        return TidyRules()

    @pytest.fixture
    def valid(self) -> Sequence[Record]:
        return VALID


@pytest.mark.parametrize("specimen", SPECIMENS, ids=lambda specimen: specimen.validator.__name__)
def test_a_specimen_fails_the_check_of_its_rule_and_no_other(
    specimen: Specimen, monkeypatch: pytest.MonkeyPatch
) -> None:
    if specimen.check == "test_no_record_makes_it_raise":
        monkeypatch.setattr(validator_surprises, "EXAMPLES", 150)
    assert failing(ValidatorContract, lambda: fixtures_for(specimen.validator)) == [specimen.check]


def test_the_validator_that_keeps_all_rules_passes_with_nothing_skipped() -> None:
    assert skipped(ValidatorContract, lambda: fixtures_for(TidyRules)) == []


def test_every_check_has_a_specimen() -> None:
    assert {specimen.check for specimen in SPECIMENS} == set(CHECKS)
    assert len(CHECKS) >= 18


def test_two_fixtures_are_enough_for_most_checks() -> None:
    reasons = skipped(ValidatorContract, lambda: fixtures_for(TidyRules, invalid=tuple, warned=tuple))
    assert len(CHECKS) - len(reasons) >= 15
    assert all("define the fixture" in reason for reason in reasons)


def test_what_is_filled_in_on_purpose_is_no_invention() -> None:
    assert failing(ValidatorContract, lambda: fixtures_for(FillsInATag, defaults=lambda: {"tags"})) == []
