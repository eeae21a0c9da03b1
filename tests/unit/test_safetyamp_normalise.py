"""Normalisers: the vectors of the specification, and what holds for any input."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busway.sync.diff import same
from busway_safetyamp import normalise
from busway_safetyamp.comparison import ZipCode, either
from busway_safetyamp.vin import check_digit, has_check_digit, with_check_digit

ANYTHING = st.one_of(st.none(), st.text(), st.integers(), st.floats(), st.booleans(), st.dates(), st.datetimes())
TODAY = date(2026, 3, 10)


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ("(504) 555-0123", "+15045550123"),
        ("1-504-555-0123", "+15045550123"),
        ("504.555.0123 ", "+15045550123"),
        (5045550123, "+15045550123"),
        ("+44 20 7946 0018", "+442079460018"),
        ("442079460018", "+442079460018"),
        ("555-0123", None),
        ("", None),
        (None, None),
        ("0123456789", None),
        ("504-155-0123", None),
        ("1-504-155-0123", None),
        ("04420794600", None),
        ("+0123", None),
        ("+1", None),
        ("+1234567890123456", None),
        ("504-555-0123 x12", "+15045550123"),
        ("504-555-0123 ext. 12", "+15045550123"),
        ("n/a", None),
    ],
)
def test_a_phone_becomes_e164_or_nothing(given_: Any, expected: str | None) -> None:
    assert normalise.phone(given_) == expected


@pytest.mark.parametrize(
    ("given_", "code", "expected"),
    [
        ("020 7946 0018", "44", "+442079460018"),
        ("2079460018", "44", "+442079460018"),
        ("442079460018", "44", "+442079460018"),
        ("0044 20 7946 0018", "44", "+442079460018"),
        ("00 1 504 555 0123", "44", "+15045550123"),
        ("+1 504 555 0123", "44", "+15045550123"),
        ("0123456789", "33", "+33123456789"),
        ("12345", "44", None),
        ("00", "44", None),
        ("1234567890123456", "44", None),
        ("", "44", None),
    ],
)
def test_elsewhere_a_number_gets_the_code_of_the_country(given_: Any, code: str, expected: str | None) -> None:
    assert normalise.phone(given_, code) == expected


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ("A.B@ Ex.Com ", "a.b@ex.com"),
        ("o'neil+x@ex-1.co.uk", "o'neil+x@ex-1.co.uk"),
        ("x@y", None),
        ("x@y.z", None),
        ("a..b@ex.com", None),
        ("a@ex..com", None),
        (".a@ex.com", None),
        ("a@-ex.com", None),
        ("jürgen@ex.com", None),
        ("a@b@ex.com", None),
        (f"{'a' * 250}@ex.com", None),
        (None, None),
    ],
)
def test_an_email_is_lower_case_ascii_or_nothing(given_: Any, expected: str | None) -> None:
    assert normalise.email(given_) == expected


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        *(("M", 1), (" male ", 1), ("F", 0), ("Female", 0), (1, 1), (0, 0)),
        *(("1", None), ("true", None), (True, None), (False, None), (2, None), ("X", None), (None, None)),
    ],
)
def test_a_gender_is_not_guessed_at(given_: Any, expected: int | None) -> None:
    assert normalise.gender(given_) == expected
    assert type(normalise.gender(given_)) is type(expected)


def test_further_words_for_a_gender_are_those_the_deployment_names() -> None:
    assert normalise.gender("Frau ", {"frau": 0}) == 0
    assert normalise.gender("m", {"frau": 0}) == 1
    assert normalise.gender("mann", {"frau": 0}) is None


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        (date(1980, 5, 4), "1980-05-04"),
        (datetime(1980, 5, 4, 23, 59), "1980-05-04"),  # noqa: DTZ001 - what the database driver gives
        ("1980-05-04 00:00:00", "1980-05-04"),
        ("1980-05-04T00:00:00", "1980-05-04"),
        (" 1980-5-4 ", "1980-05-04"),
        ("1980-02-30", None),
        ("05/04/1980", None),
        ("19800504", None),
        ("", None),
        (None, None),
    ],
)
def test_a_day_is_iso_or_nothing(given_: Any, expected: str | None) -> None:
    assert normalise.day(given_) == expected


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ("1900-01-01", "1900-01-01"),
        ("1899-12-31", None),
        ("2026-03-10", "2026-03-10"),
        ("2026-03-11", None),
        ("soon", None),
    ],
)
def test_a_birth_date_lies_between_1900_and_today(given_: str, expected: str | None) -> None:
    assert normalise.birth_date(given_, TODAY) == expected


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ("70801-1234", "70801-1234"),
        (" 70801- ", "70801"),
        ("70801", "70801"),
        (70801, "70801"),
        ("7080", None),
        ("70801-12", None),
        ("٧٠٨٠١", None),
        (None, None),
    ],
)
def test_a_zip_code_has_five_or_nine_digits(given_: Any, expected: str | None) -> None:
    assert normalise.zip_code(given_) == expected


@pytest.mark.parametrize(
    ("given_", "expected"), [("TX ", "TX"), ("la", "LA"), ("Tex", None), ("T1", None), (None, None)]
)
def test_a_state_has_two_letters(given_: Any, expected: str | None) -> None:
    assert normalise.state(given_) == expected


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ("1HGCM82633A004352", "1HGCM82633A004352"),
        (" 1hgcm826 33a004352 ", "1HGCM82633A004352"),
        ("1HGCM82643A004352", "1HGCM82643A004352"),
        ("1HGCM82633A00435", None),
        ("1HGCM82633A0043521", None),
        ("IHGCM82633A004352", None),
        ("1HGCM82633A00435Q", None),
        ("1HGCM82633A00435-", None),
        ("", None),
        (None, None),
    ],
)
def test_a_vin_has_seventeen_letters_and_digits(given_: Any, expected: str | None) -> None:
    assert normalise.vin(given_) == expected


@pytest.mark.parametrize(
    ("given_", "digit"), [("1HGCM82633A004352", "3"), ("1M8GDM9AXKP042788", "X"), ("11111111111111111", "1")]
)
def test_the_ninth_place_of_a_vin_checks_the_others(given_: str, digit: str) -> None:
    assert (check_digit(given_), has_check_digit(given_)) == (digit, True)
    assert not has_check_digit(given_[:8] + ("2" if digit != "2" else "3") + given_[9:])
    assert with_check_digit(given_[:8] + "0" + given_[9:]) == given_


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        (1, 1),
        (0, 0),
        (True, 1),
        (False, 0),
        ("1", 1),
        (" TRUE ", 1),
        ("false", 0),
        (2, None),
        ("x", None),
        (None, None),
    ],
)
def test_a_flag_is_0_or_1(given_: Any, expected: int | None) -> None:
    assert normalise.flag(given_) == expected
    assert type(normalise.flag(given_)) is type(expected)


@pytest.mark.parametrize(("given_", "expected"), [("us ", "US"), ("USA", None), ("", None), (None, None), ("1A", None)])
def test_a_country_has_two_letters(given_: Any, expected: str | None) -> None:
    assert normalise.country(given_) == expected


@pytest.mark.parametrize(
    ("given_", "expected"), [(2003, "2003"), (" 2003", "2003"), ("03", None), ("2203", None), (None, None)]
)
def test_a_year_has_four_digits(given_: Any, expected: str | None) -> None:
    assert normalise.year(given_) == expected


def test_blanks_are_collapsed() -> None:
    assert normalise.collapse_blanks("  Lead \t Welder\n") == "Lead Welder"
    assert normalise.collapse_blanks(None) == ""
    assert normalise.collapse_blanks(12) == "12"


@pytest.mark.parametrize(
    "normaliser",
    [
        *(normalise.phone, normalise.email, normalise.gender, normalise.day, normalise.zip_code, normalise.state),
        *(normalise.vin, normalise.flag, normalise.country, normalise.year),
        lambda value: normalise.phone(value, "44"),
    ],
)
@given(value=ANYTHING)
def test_a_result_normalises_to_itself(normaliser: Any, value: Any) -> None:
    once = normaliser(value)
    assert once is None or normaliser(once) == once


@given(st.text(alphabet="+0123456789 ()-x", max_size=24))
def test_every_phone_is_e164(text: str) -> None:
    result = normalise.phone(text)
    assert result is None or re.fullmatch(r"\+[1-9][0-9]{1,14}", result)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (None, "", True),
        (None, "  ", True),
        (7, "7", True),
        (True, 1, True),
        (False, "0", True),
        (False, None, False),
        (0, None, False),
        ("Ann ", "Ann", True),
        ("Ann", "ann", False),
        (29.95, "29.95", True),
        ([1], [1], True),
        ({"id": 1}, {"id": 2}, False),
    ],
)
def test_values_are_compared_by_what_they_mean(one: Any, other: Any, equal: bool) -> None:
    assert same(one, other) is same(other, one) is equal


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("70801", "70801-1234", True),
        ("70801-1234", "70801-9999", False),
        ("70801-1234", "70801-1234 ", True),
        ("70801", "70802-1234", False),
        (70801, "70801-1234", True),
        (None, "", True),
        (None, "70801", False),
    ],
)
def test_a_zip_code_without_its_last_four_is_the_same(one: Any, other: Any, equal: bool) -> None:
    left, right = ZipCode.of(one), ZipCode.of(other)
    assert same(left, right) is same(right, left) is equal
    assert left != str(one), "a zip code is compared to another one only"
    if equal:
        assert hash(left) == hash(right)


@given(value=ANYTHING)
def test_what_is_compared_is_compared_to_itself(value: Any) -> None:
    assert same(ZipCode.of(value), ZipCode.of(value))
    assert either(normalise.email)(value) == either(normalise.email)(value)
