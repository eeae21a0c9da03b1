"""The job ``jobs``: open jobs as sites."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from builders.safetyamp_house import House, work
from busway.sync.report import Outcome
from busway_safetyamp.sandbox.fault import Fault, FaultKind


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = House(tmp_path)
    yield found
    found.close()


def works(house: House, *made: tuple[dict[str, object], dict[str, object]]) -> None:
    house.tables["bJCJM"], house.tables["bJCCM"] = [job for job, _ in made], [contract for _, contract in made]


def sites(house: House) -> dict[str, dict[str, object]]:
    return {one["ext_id"]: one for one in house.records("sites") if one["ext_id"]}


def test_a_job_becomes_a_site_with_its_dot_and_no_invented_address(house: House) -> None:
    address = {"ShipAddress": "9  Mill Street ", "ShipCity": "Houma", "ShipState": "LA ", "ShipZip": "70360-"}
    works(house, work("12345.  ", **address), work("23456.", Description=None))
    house.run("departments", "jobs")
    found = sites(house)
    assert found.keys() == {"12345.", "23456."}
    names = ("name", "street", "city", "state", "zip_code", "country", "timezone")
    assert [found["12345."][name] for name in names] == [
        *("12345. - Bridge", "9 Mill Street", "Houma", "LA", "70360", "US", "America/Chicago"),
    ]
    assert [found["23456."][name] for name in names] == ["23456.", None, None, None, None, "US", "America/Chicago"]
    assert house.is_idle("departments", "jobs")


def test_a_zip_code_that_is_longer_there_is_the_same_and_a_lost_address_stays(house: House) -> None:
    works(house, work("12345.", ShipZip="70360", ShipCity="Houma"))
    house.run("departments", "jobs")
    site = sites(house)["12345."]
    house.world.edit("sites", site["id"], {"name": site["name"], "zip_code": "70360-1234"})  # type: ignore[arg-type]
    works(house, work("12345.", ShipZip="70360", ShipCity=" "))
    assert house.is_idle("departments", "jobs")
    assert (sites(house)["12345."]["zip_code"], sites(house)["12345."]["city"]) == ("70360-1234", "Houma")


def test_a_site_that_somebody_made_without_a_code_is_taken_over_by_its_name(house: House) -> None:
    made = house.add("sites", name="12345. -  BRIDGE", cluster_id=house.gulf)
    works(house, work("12345."))
    report = house.run("departments", "jobs")["jobs"]
    assert (report.counts.created, report.counts.updated) == (0, 1)
    assert sites(house)["12345."]["id"] == made


def test_an_office_is_never_taken_for_a_job(house: House) -> None:
    works(house, work("Gulf", Description="Office"))
    house.run("departments", "jobs")
    assert house.only("sites", name="Gulf Office")["ext_id"] is None
    assert sites(house).keys() == {"Gulf"}


def test_a_job_without_a_cluster_is_skipped_with_what_to_do(house: House) -> None:
    works(house, work("1.", "777"), work("2.", None), work("3.", "10"), work("4.", "Gulf"))
    house.changes = {"department_map": "10=888"}
    house.run("departments")
    plan = house.plan("jobs")
    assert {one.label: one.reasons[0] for one in plan.skipped} == {
        "job 1.": "no cluster: department 777 is not in SafetyAmp; see SAFETYAMP_DEPARTMENT_MAP",
        "job 2.": "no cluster: its contract has no department",
        "job 3.": "no cluster: department 10, which stands for 888, is not in SafetyAmp; see SAFETYAMP_DEPARTMENT_MAP",
        "job 4.": "no cluster: department Gulf is not in SafetyAmp; see SAFETYAMP_DEPARTMENT_MAP",
    }
    assert plan.changes == []
    works(house, work("3.", "10"))
    house.run("jobs", department_map="10=210")
    assert sites(house)["3."]["cluster_id"] == house.only("site_clusters", external_code="210")["id"]


def test_a_closed_job_is_not_made_and_its_site_is_left_as_it_is(house: House) -> None:
    house.run("departments", "jobs")
    for row in house.tables["bJCJM"]:
        row.update(JobStatus=3, Description="Closed")
    works(house, work("99999."), *zip(house.tables["bJCJM"], house.tables["bJCCM"], strict=True))
    house.run("departments", "jobs")
    assert [one["name"] for one in sites(house).values()] == ["12345. - Bridge", "23456. - Bridge", "99999. - Bridge"]


def test_an_account_that_ignores_the_code_is_noticed_at_the_first_site(house: House) -> None:
    house.run("departments")
    house.sandbox.ledger.clear()
    house.sandbox.faults.arm(Fault(FaultKind.IGNORE, "sites", field="ext_id"))
    report = house.run("jobs")["jobs"]
    assert (report.outcome, house.writes) == (Outcome.ABORTED, 1)
    assert report.problem is not None
    assert report.problem.code == "BW5009"


def test_two_jobs_with_one_code_are_told_and_neither_is_written(house: House) -> None:
    works(house, work("12345."), work("12345.", JCCo=2))
    house.changes = {"vista_companies": "1,2"}
    report = house.run("departments", "jobs")["jobs"]
    assert (report.counts.created, report.counts.failed) == (0, 2)
