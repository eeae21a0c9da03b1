"""Who in the directory and in the fleet is which employee, and what the directory decides."""

from __future__ import annotations

from typing import Any

import pytest

from busway.contracts.records import Record
from busway.errors import BuswayError, ConfigurationError, RefusedError, UnreachableError
from busway_safetyamp.graph.directory import Directory
from busway_safetyamp.graph.enrichment import Enrichment
from busway_safetyamp.jobs.contacts import Contacts
from busway_safetyamp.samsara.drivers import driver_numbers, employee_number_of


def account(number: str | None, mail: str | None, **more: Any) -> Record:
    return {"id": f"u-{number}-{mail}", "employeeId": number, "mail": mail, **more}


def directory(*users: Record, upn_fallback: bool = False, ignore_leading_zeros: bool = False) -> Directory:
    return Directory.of(users, upn_fallback=upn_fallback, ignore_leading_zeros=ignore_leading_zeros)


def addresses(found: Directory) -> dict[str, str]:
    return {number: user.email for number, user in found.users.items()}


def test_accounts_are_found_by_the_number_without_blanks() -> None:
    found = directory(account(" 12 ", " a@example.test"), account("0013", "b@example.test"))
    assert addresses(found) == {"12": "a@example.test", "0013": "b@example.test"}


def test_zeros_in_front_are_taken_away_only_when_asked() -> None:
    users = (account("0013", "b@example.test"), account("000", "c@example.test"))
    assert addresses(directory(*users, ignore_leading_zeros=True)) == {"13": "b@example.test", "0": "c@example.test"}


@pytest.mark.parametrize("mail", [None, "", "  ", "x@acme.onmicrosoft.com", "x@ACME.OnMicrosoft.com"])
def test_an_account_without_an_address_of_the_company_is_not_used(mail: str | None) -> None:
    found = directory(account("12", mail), account(None, "n@example.test"), account(" ", "b@example.test"))
    assert (dict(found.users), found.without_address) == ({}, 1)


def test_the_principal_name_is_the_address_only_when_asked() -> None:
    user = account("12", None, userPrincipalName="a@example.test")
    other = account("13", None, userPrincipalName="b@acme.onmicrosoft.com")
    assert addresses(directory(user, other)) == {}
    assert addresses(directory(user, other, upn_fallback=True)) == {"12": "a@example.test"}


def test_of_two_accounts_with_one_number_neither_is_used() -> None:
    found = directory(
        account("12", "a@example.test"), account("12 ", "b@example.test"), account("13", "c@example.test")
    )
    assert (addresses(found), found.ambiguous) == ({"13": "c@example.test"}, ("12",))
    zeros = directory(account("12", "a@x.test"), account("012", "b@x.test"), ignore_leading_zeros=True)
    assert zeros.ambiguous == ("12",)


def test_a_second_account_without_an_address_makes_the_number_ambiguous_too() -> None:
    assert directory(account("12", "a@example.test"), account("12", None)).ambiguous == ("12",)


def test_phones_come_with_the_account() -> None:
    user = account("12", "a@example.test", mobilePhone="+15045550123", businessPhones=["+15045550199", "x"])
    found = directory(user, account("13", "b@example.test", businessPhones=[])).users
    assert (found["12"].mobile_phone, found["12"].work_phone) == ("+15045550123", "+15045550199")
    assert (found["13"].mobile_phone, found["13"].work_phone) == (None, None)


AWAY = UnreachableError("BW5102", "Microsoft Graph did not answer")
REFUSED = RefusedError("BW5012", "Microsoft refused the application's sign-in")


def raising(error: BuswayError) -> Any:
    def load() -> Directory:
        raise error

    return load


VISTAS, KEPT = "v@example.test", "kept@example.test"


def email_of(enrichment: Enrichment, number: object) -> Any:
    """The address of somebody; employee 12 has one in SafetyAmp already."""
    contacts = Contacts(enrichment, lambda: [{"emp_id": "12", "email": KEPT}, {"emp_id": None, "email": "x"}])
    return contacts.of({"Employee": number, "Email": VISTAS})["email"]


def test_off_asks_nobody_and_the_address_is_that_of_vista() -> None:
    notes: list[str] = []
    found = Enrichment.read("off", raising(AssertionError("asked")), notes.append)  # type: ignore[arg-type]
    assert (email_of(found, 12), found.keeps(12), notes) == (VISTAS, False, [])


@pytest.mark.parametrize("error", [AWAY, REFUSED], ids=["away", "refused"])
def test_required_stops_when_the_directory_does_not_answer(error: BuswayError) -> None:
    with pytest.raises(BuswayError) as caught:
        Enrichment.read("required", raising(error), lambda note: None)
    assert caught.value is error


@pytest.mark.parametrize("error", [AWAY, REFUSED], ids=["away", "refused"])
def test_optional_freezes_addresses_and_says_so(error: BuswayError) -> None:
    notes: list[str] = []
    found = Enrichment.read("optional", raising(error), notes.append)
    assert (found.user(12), found.keeps(12), email_of(found, 12), email_of(found, 13)) == (None, True, KEPT, VISTAS)
    assert notes == [f"the directory is not used in this run, and e-mail addresses stay as they are ({error.code})"]


def test_a_wrong_setting_stops_both() -> None:
    wrong = ConfigurationError("BW5014", "the directory cannot be read without its settings")
    for policy in ("required", "optional"):
        with pytest.raises(ConfigurationError):
            Enrichment.read(policy, raising(wrong), lambda note: None)  # type: ignore[arg-type]


def test_of_two_accounts_neither_is_used_and_the_address_stays_as_it_is() -> None:
    loaded = directory(
        account("12", "a@example.test"), account("12", "b@example.test"), account("13", "c@example.test")
    )
    found = Enrichment.read("required", lambda: loaded, lambda note: None)
    assert [email_of(found, number) for number in (12, 13, 14)] == [KEPT, "c@example.test", VISTAS]


def test_people_whom_the_directory_does_not_know_are_counted() -> None:
    found = Enrichment(directory(account("12", "a@example.test")))
    contacts = Contacts(found, list)
    assert contacts.remarks([{"Employee": number} for number in (12, 13, 14)]) == [
        "people without an address in the directory, whose address is Vista's: 2"
    ]
    assert contacts.remarks([{"Employee": 12}]) == Contacts(Enrichment(None), list).remarks([{"Employee": 13}]) == []


def test_phones_of_the_directory_go_before_those_of_vista() -> None:
    loaded = directory(account("12", "a@example.test", mobilePhone="+15045550123", businessPhones=[]))
    row = {"Employee": 12, "Email": VISTAS, "MobilePhone": "504-555-0100", "WorkPhone": "504-555-0101"}
    found = Contacts(Enrichment(loaded), list)
    assert found.of(row) == {"email": "a@example.test", "mobile_phone": "+15045550123", "work_phone": "504-555-0101"}
    assert found.of({**row, "Employee": 13}) == {
        "email": VISTAS,
        "mobile_phone": "504-555-0100",
        "work_phone": "504-555-0101",
    }


def test_the_directory_decides_addresses_and_vista_those_it_has_not() -> None:
    notes: list[str] = []
    loaded = directory(account("12", "a@example.test"), ignore_leading_zeros=True)
    found = Enrichment.read("required", lambda: loaded, notes.append, ignore_leading_zeros=True)
    assert [email_of(found, number) for number in (12, "0012 ", 13)] == [
        "a@example.test",
        "a@example.test",
        "v@example.test",
    ]
    assert (found.frozen, notes) == (False, [])


def test_what_a_person_should_know_is_told_without_addresses() -> None:
    twice = [account(str(number), f"{side}@x.test") for number in range(20, 27) for side in "ab"]
    notes: list[str] = []
    Enrichment.read("required", lambda: directory(*twice, account("9", None)), notes.append)
    assert notes == [
        "employee numbers of several enabled accounts of the directory, none of which is used: "
        "20, 21, 22, 23, 24 and 2 more",
        "accounts of the directory without an address of the company: 1",
    ]


@pytest.mark.parametrize(
    ("driver", "number"),
    [
        ({"notes": "Employee 10017"}, "10017"),
        ({"notes": "unit 12, number 10017"}, "10017"),
        ({"notes": "10017 / 10017"}, "10017"),
        ({"notes": "10017 or 10023"}, None),
        ({"notes": "unit 12"}, None),
        ({"notes": ""}, None),
        ({"notes": None}, None),
        ({}, None),
        ({"externalIds": {"payroll": " 10017 "}, "notes": "10023"}, "10017"),
        ({"externalIds": {"payroll": ""}, "notes": "10023"}, "10023"),
        ({"externalIds": {"other": "1"}, "notes": "10023"}, "10023"),
        ({"externalIds": None, "notes": "10023"}, "10023"),
    ],
)
def test_a_driver_is_the_employee_its_ids_or_its_notes_name(driver: Record, number: str | None) -> None:
    assert employee_number_of(driver, key="payroll", pattern=r"\d{4,}") == number


def test_a_group_of_the_pattern_is_the_number() -> None:
    driver = {"notes": "badge 99999, emp#10017"}
    assert employee_number_of(driver, key="", pattern=r"emp#(\d+)") == "10017"
    assert employee_number_of(driver, key="", pattern=r"no#(\d+)?") is None


def test_drivers_without_a_number_are_left_out() -> None:
    drivers = [{"id": "1", "notes": "10017"}, {"id": 2, "notes": "10023"}, {"id": "3", "notes": ""}]
    assert driver_numbers(drivers, key="", pattern=r"\d{4,}") == {"1": "10017", "2": "10023"}
