"""Cases of people that payroll and the account do not agree on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from builders.safetyamp_house import House

DEMANDED = {"first_name", "last_name", "email"}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = House(tmp_path)
    yield found
    found.close()


def test_somebody_rehired_under_the_old_number_is_the_same_user(house: House) -> None:
    house.run()
    before = house.user(1001)["id"]
    row = house.person(1001)
    row["TermDate"] = "2026-03-01"
    house.run()
    row.update(TermDate=None, HireDate="2026-03-09")
    house.sandbox.ledger.clear()
    assert house.run()["employees"].counts.reactivated == 1
    user = house.user(1001)
    assert (user["id"], user["system_access"], user["current_hire_date"]) == (before, True, "2026-03-09")
    assert house.written("users") == [("PATCH", DEMANDED | {"current_hire_date", "system_access"})]


def test_somebody_rehired_under_a_new_number_is_told_while_the_old_user_has_the_address(house: House) -> None:
    house.run()
    house.person(1001).update(Employee=4001)
    house.tables["bPRJC"][0]["Employee"] = 4001
    report = house.run()["employees"]
    assert (report.counts.deactivated, report.counts.created, report.counts.failed) == (1, 0, 1)
    (entry,) = house.bench.state.quarantine.of("employees")
    assert (entry.label, set(entry.fields)) == ("employee 4001", {"email", "mobile_phone"})
    assert house.user(1001)["system_access"] is False


def test_a_user_without_a_number_is_taken_over_by_the_address_where_that_is_wanted(house: House) -> None:
    somebody = {"first_name": "Annie", "last_name": "Lee", "email": "E1001@Example.test"}
    known = house.add("users", **somebody, system_access=1)
    house.add("users", first_name="Other", last_name="One", email="e1002@example.test", emp_id="77", system_access=1)
    report = house.run(adopt_by_email=True)["employees"]
    assert (report.counts.created, report.counts.updated, report.counts.failed) == (1, 1, 1)
    assert (house.user(1001)["id"], house.user(1001)["first_name"]) == (known, "Ann")
    assert house.records("users", emp_id="1002") == [], "the address is somebody's who has a number"
    house.person(1001)["ActiveYN"] = "N"
    assert house.run()["employees"].counts.deactivated == 1, "who was taken over is ours"


def test_two_people_with_the_address_of_one_user_are_told_and_neither_takes_it_over(house: House) -> None:
    house.add("users", first_name="Ann", last_name="Lee", email="e1001@example.test", system_access=1)
    house.person(1002)["Email"] = "e1001@example.test"
    report = house.run(adopt_by_email=True)["employees"]
    assert (report.counts.created, report.counts.updated, report.counts.failed) == (1, 0, 2)
    assert {failure.label for failure in report.failures} == {"employee 1001", "employee 1002"}


def test_a_user_without_a_number_stays_alone_where_nothing_else_is_said(house: House) -> None:
    known = house.add("users", first_name="Ann", last_name="Lee", email="e1001@example.test", system_access=1)
    report = house.run()["employees"]
    assert (report.counts.created, report.counts.failed) == (2, 1)
    assert house.only("users", id=known)["emp_id"] is None


def test_who_cannot_be_placed_has_not_left(house: House) -> None:
    """No recent job, and the department has gone: skipped, and access stays."""
    house.run()
    house.tables["bPRJC"].clear()
    house.person(1001)["PRDept"] = "999"
    plan = house.plan("employees")
    assert [one.reasons[0] for one in plan.skipped] == [
        "no home site: no recent job, and the region of department 999 has no office"
    ]
    house.run()
    assert house.user(1001)["system_access"] is True


def test_without_a_lifecycle_nobody_loses_access(house: House) -> None:
    house.run(manage_system_access="create_only")
    house.person(1001)["ActiveYN"] = "N"
    report = house.run()["employees"]
    assert (report.counts.deactivated, house.user(1001)["system_access"]) == (0, True)


def test_a_title_that_differs_by_case_or_blanks_is_the_same(house: House) -> None:
    house.add("user_titles", name="WELDER")
    house.person(1002)["udEmpTitle"] = " Lead   Welder"
    house.person(1003)["udEmpTitle"] = "lead welder"
    report = house.run()["titles"]
    assert report.counts.created == 1
    assert house.user(1001)["current_title"]["name"] == "WELDER"
    assert {house.user(number)["current_title"]["name"] for number in (1002, 1003)} == {"Lead Welder"}


def test_what_the_source_has_not_stays_is_told_and_is_cleared_only_where_that_is_asked_for(house: House) -> None:
    house.run()
    house.person(1001)["CellPhone"] = None
    house.person(1002)["CellPhone"] = " "
    plan = house.plan("employees")
    assert plan.changes == []
    assert "mobile_phone: empty in the source, stays as it is in the target (2 records)" in plan.warnings
    house.sync["employees"]["clear_when_empty"] = ["mobile_phone"]
    house.sandbox.ledger.clear()
    assert house.run()["employees"].counts.updated == 2
    assert house.written("users") == [("PATCH", DEMANDED | {"mobile_phone"})] * 2
    assert house.user(1001)["mobile_phone"] is None
    assert house.is_idle()
