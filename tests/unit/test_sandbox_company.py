from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from busway_safetyamp import normalise
from busway_safetyamp.sandbox.company import Company
from busway_safetyamp.sandbox.formats import is_email, is_phone
from busway_safetyamp.sandbox.people import _phone
from busway_safetyamp.sandbox.rows import Row
from busway_safetyamp.sandbox.seeding import FIELD_ROLE, world_for_company, world_for_vista
from busway_safetyamp.sandbox.vista import VistaFile

TODAY = date(2025, 6, 4)


@pytest.fixture(scope="module")
def company() -> Company:
    return Company(1, 1776, TODAY)


def share(company: Company, test: Callable[[Row], bool]) -> float:
    return sum(map(test, company.active)) / len(company.active)


def test_the_same_seed_makes_the_same_company() -> None:
    assert Company(5, 60, TODAY).rows == Company(5, 60, TODAY).rows
    assert Company(5, 60, TODAY).rows != Company(6, 60, TODAY).rows


def test_people_counts_those_at_work(company: Company) -> None:
    assert len(company.active) == 1776
    rows = company.employees
    assert any(row["TermDate"] and row["TermDate"] <= company.today for row in rows)
    assert any(row["TermDate"] and row["TermDate"] > company.today for row in company.active)
    assert any(row["HireDate"] > company.today for row in rows)
    assert any(row["ActiveYN"] == "N" and row["TermDate"] is None for row in rows)
    assert len({row["Employee"] for row in rows}) == len(rows)


def test_the_flaws_come_in_their_proportions(company: Company) -> None:
    assert 0.2 < share(company, lambda row: any(row[n] != row[n].strip() for n in ("FirstName", "LastName"))) < 0.3
    assert 0.37 < share(company, lambda row: row["MidName"] is None) < 0.45
    assert 0.12 < share(company, lambda row: row["State"].endswith(" ")) < 0.2
    assert 0.05 < share(company, lambda row: row["udEmpTitle"] != row["udEmpTitle"].strip()) < 0.1
    zips = Counter(len(row["Zip"]) for row in company.active)
    assert zips[10] > 1720
    assert all(zips[length] for length in (4, 5, 6))


def test_a_handful_has_unusable_or_shared_addresses(company: Company) -> None:
    mails = Counter(row["Email"] for row in company.active)
    assert mails.pop(None) == 3
    assert sum(count - 1 for count in mails.values()) == 6
    phones = Counter(row["CellPhone"] for row in company.active if row["CellPhone"])
    assert sum(normalise.phone(phone) is None for phone in phones) == 4
    assert sum(count - 1 for phone, count in phones.items() if normalise.phone(phone)) == 8


def test_what_is_not_flawed_is_what_the_account_accepts(company: Company) -> None:
    assert all(is_email(row["Email"]) for row in company.active if row["Email"])
    phones = {normalise.phone(row[name]) for row in company.active for name in ("Phone", "CellPhone")} - {None}
    assert all(map(is_phone, phones))
    assert all(phone and phone[5:10] == "55501" for phone in phones)


def test_job_codes_end_in_a_dot(company: Company) -> None:
    assert all(len(job["Job"]) == 6 and job["Job"].endswith(".") for job in company.jobs)
    assert {job["JobStatus"] for job in company.jobs} == {0, 1, 2, 3}


def test_most_people_worked_on_an_open_job_lately(company: Company) -> None:
    opened = {job["Job"] for job in company.jobs if job["JobStatus"] == 1}
    recent = {
        row["Employee"]
        for row in company.recent_jobs
        if row["Job"] in opened and (company.today - row["PREndDate"]).days <= 180
    }
    lately = share(company, lambda row: row["Employee"] in recent)
    assert 0.88 < lately < 0.98


@given(seed=st.integers(), people=st.integers(1, 80))
@settings(max_examples=25, deadline=None)
def test_any_company_can_be_put_into_an_account(seed: int, people: int) -> None:
    company = Company(seed, people, TODAY)
    world = world_for_company(company)
    assert len(company.active) == people
    assert len(world.ledger) == 0
    roots = [cluster for cluster in world.records("site_clusters") if cluster["depth"] == 0]
    assert len(roots) == 1


@pytest.mark.parametrize("people", [0, 1_000_001])
def test_the_number_of_people_has_limits(people: int) -> None:
    with pytest.raises(ValueError, match="people"):
        Company(1, people)


def test_the_account_lacks_the_newest_places_of_the_company_and_some_are_out_of_date() -> None:
    company = Company(1, 300, TODAY)
    world = world_for_company(company)
    sites, clusters = world.records("sites"), world.records("site_clusters")
    opened = {job["Job"]: job for job in company.jobs if job["JobStatus"] == 1}
    known = {site["ext_id"]: site for site in sites if site["ext_id"]}
    assert known.keys() < opened.keys()
    assert 0.7 < len(known) / len(opened) < 0.9
    assert any(site["street"] == "1 Former Street" for site in known.values())
    departments = [row["PRDept"] for row in company.departments if row["udRegion"]]
    assert [cluster["external_code"] for cluster in clusters if cluster["depth"] == 2] == departments[:-1]
    assert len([cluster for cluster in clusters if cluster["name"].endswith(" - Formerly")]) == 1


def test_an_account_for_a_vista_has_its_places(tmp_path: Path) -> None:
    company = Company(1, 300, TODAY)
    file = VistaFile(tmp_path / "vista.db")
    file.write(company.rows)
    world = world_for_vista(file)
    sites, clusters = world.records("sites"), world.records("site_clusters")
    opened = [job["Job"] for job in company.jobs if job["JobStatus"] == 1]
    assert [site["ext_id"] for site in sites if site["ext_id"]] == opened
    offices = [site["name"] for site in sites if site["name"].endswith(" Office")]
    assert offices == [f"{region} Office" for region in company.regions]
    departments = {row["PRDept"] for row in company.departments if row["udRegion"]}
    assert {cluster["external_code"] for cluster in clusters if cluster["depth"] == 2} == departments
    assert FIELD_ROLE in [role["name"] for role in world.records("roles")]


def test_the_account_knows_some_people_and_a_few_of_them_are_no_employees() -> None:
    company = Company(1, 300, TODAY)
    users = world_for_company(company).records("users")
    numbers = {str(row["Employee"]) for row in company.active}
    employees = [user for user in users if user["emp_id"] in numbers]
    assert len(employees) == 15
    assert any(user["street"] == "1 Former Street" for user in employees)
    assert len(users) - len(employees) == 3


def test_telephone_numbers_are_unique_as_long_as_there_are_any() -> None:
    first = [_phone(at, column) for at in range(100) for column in (0, 1)]
    assert len(set(first)) == 200
    supply = next(at for at in range(100_000) if _phone(at, 1) is None)
    assert supply > 30_000
    assert (_phone(supply - 1, 1) is None, _phone(supply, 0), _phone(supply * 2, 0)) == (False, None, None)
