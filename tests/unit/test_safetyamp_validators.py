"""Rules for employees and titles."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from typing import Any

import pytest

from busway.contracts.records import Pending
from busway.contracts.validators import Validator
from busway_safetyamp.validators import EmployeeValidator, TitleValidator

EMPLOYEES = EmployeeValidator(lambda: date(2026, 3, 10))
VALID = {
    "emp_id": "12",
    "first_name": " Ann ",
    "middle_name": "",
    "last_name": "van  Lee",
    "email": "E12@Example.test",
    "gender": "F",
    "date_of_birth": "1980-05-04T00:00:00",
    "current_hire_date": "2015-01-01",
    "street": "1 Main  Street",
    "state": "la ",
    "zip_code": "70801-",
    "mobile_phone": "504-555-0123",
    "work_phone": None,
    "home_site_id": 7,
    "current_title_id": Pending("titles", "welder"),
    "roles": [{"id": 1}],
}


def test_a_record_is_normalised_and_stays_valid() -> None:
    before = deepcopy(VALID)
    verdict = EMPLOYEES.validate(VALID)
    assert (verdict.errors, verdict.warnings) == ((), ())
    assert verdict.record == {
        "emp_id": "12",
        "first_name": "Ann",
        "middle_name": None,
        "last_name": "van Lee",
        "email": "e12@example.test",
        "gender": 0,
        "date_of_birth": "1980-05-04",
        "current_hire_date": "2015-01-01",
        "street": "1 Main Street",
        "state": "LA",
        "zip_code": "70801",
        "mobile_phone": "+15045550123",
        "work_phone": None,
        "home_site_id": 7,
        "current_title_id": Pending("titles", "welder"),
        "roles": [{"id": 1}],
    }
    assert before == VALID, "the input must not be changed"


def test_a_second_validation_changes_nothing() -> None:
    once = EMPLOYEES.validate(VALID).record
    assert EMPLOYEES.validate(once).record == once


@pytest.mark.parametrize("name", ["first_name", "last_name", "email", "emp_id", "home_site_id"])
@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_required_field_that_is_missing_is_an_error(name: str, value: Any) -> None:
    if name == "home_site_id" and value:
        value = None
    assert EMPLOYEES.validate({**VALID, name: value}).errors == (f"{name}: missing",)
    without = {key: value for key, value in VALID.items() if key != name}
    assert EMPLOYEES.validate(without).errors == (f"{name}: missing",)


def test_an_invalid_email_is_an_error_that_does_not_show_it() -> None:
    verdict = EMPLOYEES.validate({**VALID, "email": "jane.canary@nowhere"})
    assert verdict.errors == ("email: not an address",)
    assert not verdict.valid


@pytest.mark.parametrize(
    ("name", "value", "warning"),
    [
        ("mobile_phone", "555-0123", "mobile_phone: not a phone number, left out"),
        ("work_phone", "none", "work_phone: not a phone number, left out"),
        ("gender", "U", "gender: neither M nor F, left out"),
        ("date_of_birth", "2030-01-01", "date_of_birth: not a possible birth date, left out"),
        ("current_hire_date", "01/02/2020", "current_hire_date: not a date, left out"),
        ("zip_code", "7080", "zip_code: neither 5 nor 5+4 digits, left out"),
        ("state", "Louisiana", "state: not two letters, left out"),
    ],
)
def test_an_unusable_optional_value_is_left_out_with_a_warning(name: str, value: str, warning: str) -> None:
    verdict = EMPLOYEES.validate({**VALID, name: value})
    assert verdict.valid
    assert verdict.warnings == (warning,)
    assert name not in verdict.record, "set to nothing it could clear the target"


def test_a_title_needs_a_name() -> None:
    assert TitleValidator().validate({"name": " Lead  Welder "}).record == {"name": "Lead Welder"}
    assert TitleValidator().validate({"name": "  "}).errors == ("name: missing",)
    assert TitleValidator().validate({}).errors == ("name: missing",)


def test_both_keep_the_contract() -> None:
    assert isinstance(EMPLOYEES, Validator)
    assert isinstance(TitleValidator(), Validator)
    assert (EMPLOYEES.entity, TitleValidator.entity) == ("employee", "title")
