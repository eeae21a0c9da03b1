"""Dangers of writing that an earlier integration ran into, each as a test that bears its number: none may come back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from builders.safetyamp_house import House, department, vehicle, work
from busway.sync.report import Outcome
from busway_safetyamp.sandbox.fault import Fault, FaultKind

ONE_READ = {"confirm_last_page": False}
"""Settings with which a list of a page takes one call."""
DEMANDED = {"first_name", "last_name", "email"}
CREATES = {
    "departments": ("site_clusters", {"external_code": "210"}),
    "titles": ("user_titles", {"name": "Welder"}),
    "jobs": ("sites", {"ext_id": "12345."}),
    "employees": ("users", {"emp_id": "1001"}),
    "vehicles": ("assets", {"serial": "GATE-0001"}),
}
PARENTS = {"jobs": ("departments",), "employees": ("departments", "titles", "jobs")}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = House(tmp_path)
    yield found
    found.close()


@pytest.fixture
def settled(house: House) -> House:
    """Everything is there; the ledger begins anew."""
    house.run()
    house.sandbox.ledger.clear()
    return house


LOST: dict[FaultKind, dict[str, Any]] = {
    FaultKind.RESET: {},
    FaultKind.TRUNCATE: {},
    FaultKind.FAIL_AFTER_COMMIT: {"status": 502},
    FaultKind.SHAPELESS: {},
}
REFUSED: dict[FaultKind, dict[str, Any]] = {
    FaultKind.FAIL: {"status": 500},
    FaultKind.HTML: {},
    FaultKind.DROP: {},
    FaultKind.THROTTLE: {"retry_after": "900"},
}


@pytest.mark.parametrize("kind", list(REFUSED), ids=str)
def test_d12_a_write_that_is_not_answered_well_counts_as_none(house: House, kind: FaultKind) -> None:
    """Every write of titles fails, in every way there is; the one read before them is let pass."""
    house.changes = ONE_READ
    house.sandbox.faults.arm(Fault(kind, "user_titles", after=1, **REFUSED[kind]))
    report = house.run("titles")["titles"]
    assert (report.counts.created, report.exit_code > 0, house.writes) == (0, True, 0)
    assert report.counts.failed == 1 or report.outcome is Outcome.ABORTED
    assert house.bench.state.managed_ids("titles") == frozenset()


def test_d13_what_only_optional_fields_are_refused_for_is_created_without_them(house: House) -> None:
    house.person(1002)["CellPhone"] = house.person(1001)["CellPhone"]
    report = house.run()["employees"]
    assert (report.counts.created, report.counts.failed) == (3, 0)
    assert [entry.reason for entry in house.bench.state.quarantine.of("employees")] == ["partial"]
    phones = [house.user(number)["mobile_phone"] for number in (1001, 1002)]
    assert sorted(phones, key=str) == ["+15045551001", None]
    assert len(house.written("users")) == 3
    house.sandbox.ledger.clear()
    assert house.is_idle(), "it waits in quarantine until the phone changes"
    house.person(1002)["CellPhone"] = "504-555-0177"
    house.run()
    assert house.written("users") == [("PATCH", DEMANDED | {"mobile_phone"})]


def test_d14_only_the_fields_named_are_dropped_and_never_one_that_is_required(house: House) -> None:
    """Two people with one address: the second is not sent without it, and nothing else of it is written either."""
    house.person(1002)["Email"] = house.person(1001)["Email"]
    report = house.run()["employees"]
    assert (report.counts.created, report.counts.failed) == (2, 1)
    assert house.records("users", emp_id="1002") == []
    assert len(house.written("users")) == 2
    assert house.user(1001)["mobile_phone"] is not None
    (entry,) = house.bench.state.quarantine.of("employees")
    assert (entry.reason, [*entry.fields], entry.label) == ("rejected", ["email"], "employee 1002")
    assert house.run()["employees"].counts.failed == 0, "the same request is not sent again"
    house.person(1002)["Email"] = "e1002@example.test"
    assert house.run()["employees"].counts.created == 1


def test_d15_a_move_keeps_the_true_name_and_code(settled: House) -> None:
    north = settled.add_region("North")
    cluster, site = settled.only("site_clusters", external_code="210"), settled.only("sites", ext_id="12345.")
    settled.tables["bPRDP"] = [department(region="North"), department("310", "Steel", "Gulf")]
    settled.row("bJCCM", Contract="12345.")["Department"] = "310"
    settled.run()
    moved = settled.only("site_clusters", external_code="210")
    assert (moved["id"], moved["name"], moved["parent_cluster_id"]) == (cluster["id"], "210 - Pipe", north)
    after = settled.only("sites", ext_id="12345.")
    assert after == {**site, "cluster_id": after["cluster_id"], "updated_at": after["updated_at"]} | {
        "updated_by": after["updated_by"]
    }
    assert after["cluster_id"] == settled.only("site_clusters", external_code="310")["id"]


def test_d16_a_cluster_is_moved_with_all_that_is_demanded_and_believed_for_its_answer(settled: House) -> None:
    cluster = settled.only("site_clusters", external_code="210")
    whole = {name: cluster[name] for name in ("name", "parent_cluster_id")}
    settled.world.edit("site_clusters", cluster["id"], {**whole, "osha_establishment": 1})
    settled.add_region("North")
    settled.tables["bPRDP"] = [department(region="North"), department("310", "Steel", "Gulf")]
    assert settled.run("departments")["departments"].counts.updated == 1
    put = [fields for method, fields in settled.written("site_clusters/") if method == "PUT"]
    assert put == [{"name", "external_code", "parent_cluster_id", "osha_establishment"}]
    assert settled.only("site_clusters", external_code="210")["osha_establishment"] == 1, "that is not ours"


def test_d17_an_account_that_never_serves_again_is_not_asked_for_ever(house: House) -> None:
    """429 to every write: the job ends within its budget, and who comes after does not knock."""
    house.changes = ONE_READ
    house.sandbox.faults.arm(Fault(FaultKind.THROTTLE, "user_titles", after=1))
    calls = house.sandbox.calls
    reports = house.run("titles", "employees")
    assert (reports["titles"].outcome, reports["titles"].exit_code) == (Outcome.DONE, 6)
    assert house.sandbox.answers[429] <= 3
    assert house.sandbox.calls - calls < 20
    assert house.bench.clock.slept + house.clock.passed <= 300


@pytest.mark.parametrize("kind", list(LOST), ids=str)
@pytest.mark.parametrize("job", list(CREATES))
def test_d19_a_create_whose_answer_is_lost_is_found_and_made_once(house: House, job: str, kind: FaultKind) -> None:
    resource, wanted = CREATES[job]
    house.changes = ONE_READ
    for parent in PARENTS.get(job, ()):
        house.run(parent)
    house.sandbox.ledger.clear()
    house.sandbox.faults.arm(Fault(kind, resource, after=_reads_of(kind), times=1, **LOST[kind]))
    report = house.run(job)[job]
    house.sandbox.faults.clear()
    assert report.counts.failed == 0
    assert len([method for method, _ in house.written(resource) if method == "POST"]) == report.counts.created
    house.only(resource, **wanted)
    assert house.is_idle(job)


def _reads_of(kind: FaultKind) -> int:
    """What strikes reads as well has to let the one before the writes pass."""
    return 0 if kind in (FaultKind.RESET, FaultKind.FAIL_AFTER_COMMIT) else 1


def test_d20_who_was_blocked_by_a_person_stays_blocked(settled: House) -> None:
    blocked = settled.user(1001)
    settled.world.edit("users", blocked["id"], {**{name: blocked[name] for name in DEMANDED}, "system_access": 0})
    settled.person(1001)["City"] = "Houma"
    settled.run()
    assert settled.written("users") == [("PATCH", DEMANDED | {"city"})]
    assert settled.user(1001)["system_access"] is False


def test_d21_who_returns_brings_all_changes_in_one_write(settled: House) -> None:
    row = settled.person(1001)
    row["ActiveYN"] = "N"
    settled.run()
    row.update(ActiveYN="Y", City="Houma", LastName="Roy")
    settled.sandbox.ledger.clear()
    assert settled.run()["employees"].counts.reactivated == 1
    assert settled.written("users") == [("PATCH", DEMANDED | {"city", "system_access"})]
    assert (settled.user(1001)["last_name"], settled.user(1001)["system_access"]) == ("Roy", True)


def test_d22_who_leaves_loses_access_and_nothing_else(settled: House) -> None:
    before = settled.user(1001)
    settled.person(1001)["TermDate"] = "2026-03-09"
    assert settled.run()["employees"].counts.deactivated == 1
    after = settled.user(1001)
    assert after["system_access"] is False
    changed = {name for name in before if before[name] != after[name]}
    assert changed <= {"system_access", "updated_at", "updated_by"}


def test_d23_an_unregulated_vehicle_is_in_use(house: House) -> None:
    house.vehicles[:] = [vehicle(at, vehicleRegulationMode=mode) for at, mode in enumerate(("unregulated", "mixed"))]
    house.run()
    assert [asset["status"] for asset in house.records("assets")] == [1, 1]


def test_d24_every_constant_is_the_deployments(house: House) -> None:
    """Nothing that an earlier integration had in its code: all of it set to something else, and written so."""
    root = house.world.clusters.add_root("Other Root", house.world.stamp())
    house.world.roles.add("Helper", house.world.stamp())
    other = house.add("sites", name="Yard", cluster_id=house.gulf)
    trucks = house.add_type("Lorries", other)
    settings = {
        "root_cluster": str(root),
        "role": "helper",
        "country": "CA",
        "timezone": "America/Edmonton",
        "state_timezones": "LA=America/Denver",
        "text_opt_out": False,
        "vehicle_site_types": f"{other}:{trucks}",
        "vehicle_description": "{year} {make}",
    }
    house.tables["bPRDP"] = [department("500", "Paint", "West")]
    house.tables["bJCJM"][0].update(ShipState="LA")
    house.row("bJCCM", Contract="12345.")["Department"] = "10"
    house.tables["bPRJC"] = house.tables["bPRJC"][:1]
    house.drivers.clear()
    house.run(**settings, department_map="10=500")
    assert house.only("site_clusters", name="West")["parent_cluster_id"] == root
    site = house.only("sites", ext_id="12345.")
    assert (site["country"], site["timezone"], site["street"], site["zip_code"]) == ("CA", "America/Denver", None, None)
    user = house.user(1001)
    assert (user["country"], user["timezone"], user["text_opt_out"]) == ("CA", "America/Edmonton", 0)
    assert [role["name"] for role in user["roles"]] == ["Helper"]
    asset = house.records("assets")[0]
    assert (asset["site_id"], asset["asset_type_id"], asset["description"]) == (other, trucks, "2021 Ford")


def test_d25_a_rename_is_sent_and_a_vehicle_without_a_driver_is_not_written_again(settled: House) -> None:
    assert settled.only("assets", name="Unit 2")["current_user_id"] is None
    assert settled.is_idle()
    settled.vehicles[1]["name"] = "Crane 2"
    settled.run()
    assert settled.written("assets") == [("PUT", {"name", "site_id", "asset_type_id"})]
    assert settled.only("assets", serial="GATE-0002")["name"] == "Crane 2"


def test_d26_what_only_the_account_may_set_is_never_sent(house: House) -> None:
    for one in house.vehicles:
        one.update(createdAtTime="2026-01-01T00:00:00Z", created_by="system", deleted_at="2026-01-01")
    house.run()
    house.vehicles[0]["name"] = "Crane"
    house.person(1001)["ActiveYN"] = "N"
    house.run()
    sent = set().union(*(fields for _, fields in house.written()))
    assert "name" in sent
    assert not sent & {"id", "created_at", "created_by", "updated_at", "updated_by", "deleted_at", "deleted_by"}


def test_d27_a_new_name_is_an_update_and_not_another_record(settled: House) -> None:
    settled.tables["bPRDP"][0]["Description"] = "Pipe and Steel"
    settled.tables["bJCJM"][0]["Description"] = "New Bridge"
    settled.vehicles[0]["name"] = "Crane"
    settled.run()
    assert [method for method, _ in settled.written()] == ["PUT", "PUT", "PUT"]
    assert settled.only("site_clusters", external_code="210")["name"] == "210 - Pipe and Steel"
    assert settled.only("sites", ext_id="12345.")["name"] == "12345. - New Bridge"


def test_d28_a_job_with_the_code_of_a_department_is_a_site_and_the_office_an_office(house: House) -> None:
    """Job 210 and department 210; a job that builds an office; and a site of the region that is none."""
    named = (work("210", Description="Depot"), work("55555.", Description="City Office"))
    house.tables["bJCJM"] += [job for job, _ in named]
    house.tables["bJCCM"] += [contract for _, contract in named]
    house.tables["bPRJC"] = [{**house.tables["bPRJC"][0], "Job": "210"}]
    house.add("sites", name="Yard", cluster_id=house.gulf)
    house.run()
    assert house.user(1001)["home_site_id"] == house.only("sites", ext_id="210")["id"]
    assert {house.user(number)["home_site_id"] for number in (1002, 1003)} == {house.office}


def test_d29_one_phone_is_not_written_to_two_fields(house: House) -> None:
    house.run()
    users = [house.user(number) for number in (1001, 1002, 1003)]
    assert all(user["mobile_phone"] and user["work_phone"] is None for user in users)
    house.run(work_phone_column="Phone")
    assert house.user(1001)["work_phone"] == "+15045550199"


def test_d30_a_new_title_is_taken_over_later(settled: House) -> None:
    settled.person(1001)["udEmpTitle"] = "Diver"
    settled.run()
    assert settled.user(1001)["current_title"]["name"] == "Diver"
    assert settled.written("users") == [("PATCH", DEMANDED | {"current_title_id"})]


def test_d31_what_is_not_valid_never_leaves_the_process(house: House) -> None:
    house.person(1001)["LastName"] = " "
    house.person(1002)["Email"] = "nowhere"
    report = house.run()["employees"]
    assert (report.counts.created, report.counts.failed) == (1, 2)
    assert len(house.written("users")) == 1
    assert {entry.reason for entry in house.bench.state.quarantine.of("employees")} == {"invalid"}
    assert house.is_idle()
    house.person(1001)["LastName"] = "Lee"
    assert house.run()["employees"].counts.created == 1, "mended, it goes through"


# -- nothing besides


def test_nothing_outside_the_managed_fields_of_managed_records_is_written(house: House) -> None:
    """The account is full of other people's work; afterwards all of it is as it was."""
    jobs = {job.name: job for job in house.bench.engine._jobs.values()}
    extras = {"nickname": "Ace", "street2": "Rear", "home_phone": "+15045550000", "extension": "7"}
    linked = {"first_name": "Ann", "last_name": "Lee", "email": "e1001@example.test", "emp_id": "1001"}
    house.add(
        "users", **linked, **extras, roles=[{"id": 1}], text_opt_out=0, timezone="America/Denver", system_access=1
    )
    house.add("users", first_name="V", last_name="W", email="vw@partner.test", emp_id="EXT-7", system_access=1)
    house.add("user_titles", name="Diver")
    house.add("sites", name="Depot", ext_id="D-1", cluster_id=house.gulf, latitude="29.9", naics_code="23")
    house.add(
        "sites", name="12345. - Bridge", ext_id="12345.", cluster_id=house.gulf, latitude="30.1", street2="Gate 4"
    )
    house.add_region("Elsewhere", osha_establishment=1)
    house.add("assets", name="Generator", code="GEN-1", site_id=house.office, asset_type_id=house.kind, status=0)
    known = {"name": "Old", "serial": "GATE-0001", "site_id": house.office, "asset_type_id": house.kind, "status": 0}
    house.add("assets", **known)
    before = {name: {one["id"]: one for one in house.records(name)} for name, _ in CREATES.values()}
    house.run()
    house.tables["bPREH"] = house.tables["bPREH"][1:]
    house.vehicles.pop(0)
    house.run()
    embedded = {"home_site", "current_title", "site", "asset_type", "current_user"}
    written_by_the_account = {"updated_at", "updated_by"} | embedded
    for job, (resource, _) in CREATES.items():
        managed = {name for name, rule in jobs[job].fields.items() if rule.policy == "always"} | {"parent_cluster_id"}
        now = {one["id"]: one for one in house.records(resource)}
        for key, old in before[resource].items():
            changed = {name for name in old if old[name] != now[key][name]} - written_by_the_account
            is_ours = old.get("emp_id") == "1001" or old.get("ext_id") == "12345." or old.get("serial") == "GATE-0001"
            assert changed <= (managed if is_ours else set()), (job, old, changed)
