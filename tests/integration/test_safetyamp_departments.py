"""The job ``departments``: regions and departments as clusters below a root."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from builders.safetyamp_house import House, department
from busway.sync.report import Outcome
from busway_safetyamp.jobs.cluster_tree import ClusterTree
from busway_safetyamp.jobs.departments import Departments
from busway_safetyamp.sandbox.fault import Fault, FaultKind


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = House(tmp_path)
    yield found
    found.close()


def departments(house: House, *rows: dict[str, object]) -> None:
    house.tables["bPRDP"] = [*rows]


def reasons(house: House) -> dict[str, str]:
    return {one.label: one.reasons[0] for one in house.plan("departments").invalid}


def test_a_new_region_and_its_departments_are_made_in_one_run(house: House) -> None:
    departments(house, department("310", "Paint ", " North"), department("320 ", "Steel", "North "))
    assert house.run("departments")["departments"].counts.created == 3
    north = house.only("site_clusters", name="North")
    assert (north["external_code"], north["parent_cluster_id"], north["depth"]) == ("North", house.root, 1)
    for name in ("310 - Paint", "320 - Steel"):
        made = house.only("site_clusters", name=name)
        assert (made["external_code"], made["parent_cluster_id"]) == (name[:3], north["id"])
    assert house.is_idle("departments")


def test_many_spellings_of_a_region_are_one(house: House) -> None:
    departments(
        house, department("310", "A", "NORTH"), department("320", "B", "North"), department("330", "C", "north ")
    )
    house.run("departments")
    assert [one["name"] for one in house.records("site_clusters", depth=1)] == ["Gulf", "NORTH"]
    assert house.is_idle("departments")


def test_a_row_that_says_not_enough_is_skipped_with_the_reason(house: House) -> None:
    departments(house, department(), department("999", "", None), department(" ", "Nameless", "Gulf"))
    plan = house.plan("departments")
    assert {one.label: one.reasons for one in plan.skipped} == {
        "department 999": ("payroll department without description and region",),
        "record 2": ("payroll department without code",),
    }
    assert len(plan.changes) == 1


def test_a_cluster_that_somebody_made_without_a_code_is_taken_over_by_its_name(house: House) -> None:
    region = house.add_region("North", external_code=None)
    made = house.add("site_clusters", name="310 - PAINT", parent_cluster_id=region)
    departments(house, department("310", "Paint", "North"))
    report = house.run("departments")["departments"]
    assert (report.counts.created, report.counts.updated) == (0, 2)
    assert house.only("site_clusters", external_code="310")["id"] == made
    assert house.only("site_clusters", external_code="310")["parent_cluster_id"] == region
    assert house.only("site_clusters", external_code="North")["id"] == region


def test_a_department_under_another_region_is_moved(house: House) -> None:
    house.run("departments")
    before = house.only("site_clusters", external_code="210")
    departments(house, department(region="South"))
    house.run("departments")
    south = house.only("site_clusters", external_code="South")
    after = house.only("site_clusters", external_code="210")
    assert (after["id"], after["parent_cluster_id"]) == (before["id"], south["id"])
    assert house.only("site_clusters", name="Gulf")["id"] == house.gulf, "a region without departments stays"


def test_codes_that_collide_are_told_before_anything_is_sent(house: House) -> None:
    """Regions and departments share one space of codes."""
    house.add("site_clusters", name="Deep", external_code="410", parent_cluster_id=house.gulf)
    departments(
        house, department("Gulf", "Odd", "Gulf"), department("510", "Paint", "410"), department("520", "X", "520")
    )
    assert reasons(house) == {
        "department Gulf": "code Gulf is the name of a region, too",
        "region 410": f"code 410 is that of another cluster in SafetyAmp already (id {house.gulf + 1})",
        "department 520": "code 520 is the name of a region, too",
    }
    report = house.run("departments")["departments"]
    assert report.counts.failed >= 3


def test_two_companies_with_one_code_are_told_and_the_same_row_twice_is_one(house: House) -> None:
    departments(
        house, department(), department(company=2), department("310", "A", "Gulf"), department("310", "B", "Gulf", 2)
    )
    house.changes = {"vista_companies": "1,2"}
    assert reasons(house) == {"department 310": "2 source records have this match key: records 3, 4"}
    house.run("departments")
    assert [one["external_code"] for one in house.records("site_clusters", depth=2)] == ["210"]


def test_the_root_may_be_named_by_its_id_and_must_be_there(house: House) -> None:
    second = house.world.clusters.add_root("Acme", house.world.stamp())
    for wanted, told in (
        ("", "is not set"),
        ("Nowhere", "no root cluster Nowhere"),
        ("acme", "several root clusters acme"),
    ):
        report = house.run("departments", root_cluster=wanted)["departments"]
        assert (report.outcome, report.exit_code, house.writes) == (Outcome.ABORTED, 3, 0)
        assert report.problem is not None
        assert report.problem.code == "BW5015"
        assert told in report.problem.what
        assert f"Acme (id {second})" in report.problem.why
    departments(house, department("310", "Paint", "North"))
    house.run("departments", root_cluster=str(second))
    assert house.only("site_clusters", name="North")["parent_cluster_id"] == second


def test_a_department_whose_region_could_not_be_made_waits_for_it(house: House) -> None:
    departments(house, department("310", "Paint", "North"))
    house.sandbox.faults.arm(Fault(FaultKind.FAIL, "site_clusters", after=1, status=422, times=1))
    report = house.run("departments")["departments"]
    assert (report.counts.created, report.counts.failed) == (0, 2)
    house.bench.clock.ns += 1
    decided = [one for one in house.bench.state.quarantine.of("departments") if one.label.startswith("region")]
    house.bench.engine.decisions.release(decided, "ann", "the account is mended")
    assert house.run("departments")["departments"].counts.created == 1, "the region"
    house.bench.clock.ns += 1
    assert house.run("departments")["departments"].counts.created == 1, "and what waited for it"
    assert house.only("site_clusters", name="310 - Paint")


def test_clusters_that_hang_nowhere_have_no_depth_and_stop_nothing() -> None:
    ring = [{"id": 1, "parent_cluster_id": 2}, {"id": 2, "parent_cluster_id": 1}, {"id": 3, "parent_cluster_id": 99}]
    tree = ClusterTree(ring)
    assert [one["depth"] for one in tree.placed()] == [None, None, None]
    assert tree.id_of(1, "root 1") is None


def test_records_are_spoken_of_by_what_they_are(house: House) -> None:
    job = house.bench.engine.job("departments")
    assert isinstance(job, Departments)
    assert job.label({"depth": 1, "external_code": " Gulf  Coast"}) == "region Gulf Coast"
    assert job.label({"depth": 2, "external_code": "210"}) == "department 210"
    assert job.label({}) == "department (no code)"
