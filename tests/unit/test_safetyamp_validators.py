"""Rules for employees, vehicles, sites and titles."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from typing import Any

import pytest

from busway.contracts.records import Pending
from busway.contracts.validators import Validator
from busway_safetyamp.validators import EmployeeValidator, SiteValidator, TitleValidator, VehicleValidator

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


AUDIT = dict.fromkeys(("created_at", "created_by", "updated_at", "updated_by", "deleted_at", "deleted_by"), "x")
VEHICLE = {
    "name": " Unit  7 ",
    "code": "ABC 1234",
    "description": "",
    "model": "Transit",
    "serial": "GAB-123 ",
    "site_id": 7,
    "asset_type_id": 3,
    "status": 1,
    "current_user_id": Pending("employees", "12"),
    "vin": "1hgcm82633a004352",
    "year": 2003,
}
SITE = {
    "name": "10001. -  Garage ",
    "ext_id": " 10001. ",
    "cluster_id": 4,
    "street": "1 Main  Street",
    "city": None,
    "state": "tx ",
    "zip_code": "75001-",
    "country": "us",
    "timezone": "America/Chicago",
}


def test_a_vehicle_is_normalised_and_stays_valid() -> None:
    before = deepcopy(VEHICLE)
    verdict = VehicleValidator().validate(VEHICLE)
    assert (verdict.errors, verdict.warnings) == ((), ())
    tidy = {"name": "Unit 7", "description": None, "serial": "GAB-123", "vin": "1HGCM82633A004352", "year": "2003"}
    assert verdict.record == {**VEHICLE, **tidy}
    assert before == VEHICLE


@pytest.mark.parametrize("name", ["name", "code", "site_id", "asset_type_id"])
def test_a_vehicle_lacks_what_is_never_invented(name: str) -> None:
    verdict = VehicleValidator().validate({**VEHICLE, name: None})
    assert verdict.errors == (f"{name}: missing",)
    assert verdict.record[name] is None


@pytest.mark.parametrize(
    ("changes", "warning", "kept"),
    [
        ({"vin": "1HGCM82633A00435"}, "vin: not a vehicle identification number, left out", False),
        ({"vin": "1HGCM82633A00435O"}, "vin: not a vehicle identification number, left out", False),
        ({"vin": "1HGCM82643A004352"}, "vin: its check digit does not fit", True),
        ({"year": "03"}, "year: not a year, left out", False),
        ({"status": "regulated"}, "status: neither 0 nor 1, left out", False),
    ],
)
def test_what_of_a_vehicle_cannot_be_used_is_told(changes: dict[str, Any], warning: str, kept: bool) -> None:
    verdict = VehicleValidator().validate({**VEHICLE, **changes})
    assert (verdict.errors, verdict.warnings) == ((), (warning,))
    assert (next(iter(changes)) in verdict.record) is kept


def test_a_site_is_normalised_and_keeps_the_dot_of_its_code() -> None:
    before = deepcopy(SITE)
    verdict = SiteValidator().validate(SITE)
    assert (verdict.errors, verdict.warnings) == ((), ())
    tidy = {"name": "10001. - Garage", "ext_id": "10001.", "street": "1 Main Street", "state": "TX"}
    assert verdict.record == {**SITE, **tidy, "zip_code": "75001", "country": "US"}
    assert before == SITE


def test_an_address_that_is_not_known_stays_unknown() -> None:
    bare = {"name": "10001. - Garage", "ext_id": "10001.", "cluster_id": 4}
    verdict = SiteValidator().validate({**bare, "street": " ", "zip_code": "", "state": None})
    assert (verdict.errors, verdict.warnings) == ((), ())
    assert verdict.record == {**bare, "street": None, "zip_code": None, "state": None}
    assert SiteValidator().validate(bare).record == bare


@pytest.mark.parametrize("name", ["name", "cluster_id"])
def test_a_site_lacks_what_is_never_invented(name: str) -> None:
    assert SiteValidator().validate({**SITE, name: None}).errors == (f"{name}: missing",)


@pytest.mark.parametrize(
    ("name", "value"), [("zip_code", "7500"), ("state", "Texas"), ("country", "USA"), ("timezone", "Central")]
)
def test_what_of_a_site_cannot_be_used_is_left_out(name: str, value: str) -> None:
    verdict = SiteValidator().validate({**SITE, name: value})
    assert verdict.valid
    assert [warning.split(":")[0] for warning in verdict.warnings] == [name]
    assert name not in verdict.record


@pytest.mark.parametrize(
    ("validator", "record"), [(EMPLOYEES, VALID), (VehicleValidator(), VEHICLE), (SiteValidator(), SITE)]
)
def test_what_the_account_sets_itself_is_left_out(validator: Validator, record: dict[str, Any]) -> None:
    verdict = validator.validate({**record, **AUDIT})
    assert verdict.valid
    assert not set(AUDIT) & set(verdict.record)
    assert verdict.warnings == tuple(f"{name}: set by SafetyAmp, left out" for name in AUDIT)
    assert validator.validate({**record, **dict.fromkeys(AUDIT)}).warnings == ()


@pytest.mark.parametrize(("validator", "record"), [(VehicleValidator(), VEHICLE), (SiteValidator(), SITE)])
def test_a_second_validation_of_these_changes_nothing(validator: Validator, record: dict[str, Any]) -> None:
    once = validator.validate(record).record
    assert validator.validate(once).record == once


def test_the_deployment_decides_on_phones_and_genders() -> None:
    validator = EmployeeValidator(lambda: date(2026, 3, 10), phone_country_code="49", genders={"frau": 0})
    verdict = validator.validate({**VALID, "mobile_phone": "0171 2345678", "gender": "Frau"})
    assert (verdict.record["mobile_phone"], verdict.record["gender"]) == ("+491712345678", 0)


def test_all_keep_the_contract() -> None:
    made = (EMPLOYEES, VehicleValidator(), SiteValidator(), TitleValidator())
    assert all(isinstance(one, Validator) for one in made)
    assert [one.entity for one in made] == ["employee", "vehicle", "site", "title"]
