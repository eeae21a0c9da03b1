"""Dangers of reading that an earlier integration ran into, each as a test that bears its number: none may come back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from builders.safetyamp_house import JOBS, House, driver, vehicle, work, worked
from builders.safetyamp_parts import person
from busway.sync.report import JobReport, Outcome
from busway_safetyamp.sandbox.fault import Fault, FaultKind
from busway_safetyamp.sandbox.graph import GraphSandbox

RESOURCES = {
    "departments": "site_clusters",
    "titles": "user_titles",
    "jobs": "sites",
    "employees": "users",
    "vehicles": "assets",
}
PAGED = {job: resource for job, resource in RESOURCES.items() if job != "departments"}
BREAKS: dict[FaultKind, dict[str, Any]] = {
    FaultKind.FAIL: {"page": 1, "status": 500},
    FaultKind.THROTTLE: {"page": 1, "retry_after": "400"},
    FaultKind.HTML: {"page": 1},
    FaultKind.SHAPELESS: {"page": 1},
    FaultKind.EMPTY: {"page": 1},
    FaultKind.SHORTEN: {"page": 0},
    FaultKind.REPEAT: {"page": 1},
    FaultKind.SHUFFLE: {},
    FaultKind.TRUNCATE: {"page": 1},
    FaultKind.DROP: {"page": 1},
}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = House(tmp_path)
    yield found
    found.close()


@pytest.fixture
def filled(house: House) -> House:
    """Three pages of everything in the account; pages are of two."""
    house.changes = {"page_size": 2}
    for number in range(5):
        house.add("user_titles", name=f"Title {number}")
        house.add("sites", name=f"Site {number}", cluster_id=house.gulf)
        house.add("users", first_name="A", last_name="B", email=f"u{number}@example.test")
        house.add("assets", name=f"Tool {number}", site_id=house.office, asset_type_id=house.kind)
    return house


def ended(report: JobReport) -> bool:
    return report.outcome is Outcome.ABORTED and report.exit_code in (4, 5) and report.problem is not None


@pytest.mark.parametrize(
    ("job", "kind"),
    [
        *(("employees", kind) for kind in BREAKS),
        *((job, kind) for job in ("titles", "jobs", "vehicles") for kind in (FaultKind.FAIL, FaultKind.REPEAT)),
    ],
)
def test_d01_a_list_that_breaks_off_is_never_taken_for_the_whole(filled: House, job: str, kind: FaultKind) -> None:
    filled.sandbox.faults.arm(Fault(kind, PAGED[job], **BREAKS[kind]))
    assert ended(filled.run(job)[job])
    assert filled.writes == 0


@pytest.mark.parametrize("kind", [FaultKind.FAIL, FaultKind.HTML, FaultKind.EMPTY, FaultKind.SHAPELESS], ids=str)
def test_d01_a_tree_that_does_not_come_is_never_taken_for_an_empty_one(house: House, kind: FaultKind) -> None:
    house.sandbox.faults.arm(Fault(kind, "site_clusters"))
    reports = house.run("departments", "jobs", "employees")
    assert ended(reports["departments"])
    assert {reports[name].outcome for name in ("jobs", "employees")} == {Outcome.NOT_RUN}
    assert house.writes == 0


@pytest.mark.parametrize("calls", [0, 1])
@pytest.mark.parametrize("job", list(PAGED))
def test_d01_a_key_that_is_refused_half_way_ends_the_job_before_a_write(filled: House, job: str, calls: int) -> None:
    filled.sandbox.faults.arm(Fault(FaultKind.FAIL, PAGED[job], after=calls, status=401))
    report = filled.run(job)[job]
    assert ended(report)
    assert report.problem is not None
    assert (report.problem.code, filled.writes) == ("BW5001", 0)


def test_d02_after_a_read_that_broke_off_the_next_run_reads_all_of_it_again(filled: House) -> None:
    filled.run()
    before = filled.writes
    filled.sandbox.faults.arm(Fault(FaultKind.SHORTEN, "users", page=0))
    assert ended(filled.run("employees")["employees"])
    filled.sandbox.faults.clear()
    report = filled.run("employees")["employees"]
    assert (report.counts.created, report.counts.unchanged, filled.writes) == (0, 3, before)


def test_d03_no_answer_of_yesterday_decides_a_write(house: House) -> None:
    """Somebody made the user meanwhile: a remembered list would have it created a second time."""
    assert house.plan("titles").summary().startswith("1 create")
    house.add("user_titles", name="Welder")
    assert house.run("titles")["titles"].counts.created == 0
    assert house.writes == 0


def test_d04_what_a_run_writes_is_seen_by_the_jobs_after_it(house: House) -> None:
    house.run()
    assert house.only("assets", name="Unit 1")["current_user_id"] == house.user(1001)["id"]
    assert house.user(1001)["home_site_id"] == house.only("sites", ext_id="12345.")["id"]
    assert house.user(1001)["current_title"]["name"] == "Welder"
    assert house.is_idle()


def test_d05_an_empty_page_of_the_fleet_is_not_its_end(house: House) -> None:
    """Samsara cuts pages before it filters them, so the first may be empty while there are more."""
    house.vehicles[:] = [vehicle(1), vehicle(2), vehicle(3, tags=[{"id": "301", "name": "Field"}])]
    report = house.run("vehicles", samsara_page_size=1, samsara_tag_ids="301")["vehicles"]
    assert report.counts.created == 1
    assert house.only("assets")["name"] == "Unit 3"


def test_d05_a_fleet_that_breaks_off_ends_the_job(house: House) -> None:
    house.samsara.faults.fail_page("vehicles", 1)
    assert ended(house.run("vehicles", samsara_page_size=1)["vehicles"])
    assert house.writes == 0


# -- the directory


@pytest.fixture
def directory(house: House) -> Iterator[GraphSandbox]:
    accounts = [
        {"id": f"a{number}", "employeeId": str(number), "mail": f"own{number}@corp.test", "accountEnabled": True}
        for number in (1001, 1002)
    ]
    (house.folder / "ca.pem").write_bytes(b"")
    with GraphSandbox(accounts) as sandbox:
        (house.folder / "ca.pem").write_bytes(sandbox.authority)
        named = {"graph_authority": sandbox.url, "graph_domain": sandbox.url, "ca_file": "ca.pem"}
        application = sandbox.application
        house.changes |= named | {
            "graph_tenant_id": application.tenant,
            "graph_client_id": application.client_id,
            "graph_client_secret": application.secret,
            "enrichment": "required",
        }
        yield sandbox


def emails(house: House) -> dict[str, str]:
    return {user["emp_id"]: user["email"] for user in house.records("users") if user["emp_id"]}


FROM_BOTH = {"1001": "own1001@corp.test", "1002": "own1002@corp.test", "1003": "e1003@example.test"}


def test_d07_the_directory_decides_addresses_and_what_it_has_not_is_told(house: House, directory: GraphSandbox) -> None:
    report = house.run()["employees"]
    assert emails(house) == FROM_BOTH
    assert "people without an address in the directory, whose address is Vista's: 1" in report.warnings


def test_d07_a_directory_that_is_away_stops_its_job_and_no_other(house: House, directory: GraphSandbox) -> None:
    directory.faults.arm(Fault(FaultKind.FAIL, "users", status=403))
    reports = house.run()
    assert ended(reports["employees"])
    assert {name: reports[name].outcome for name in ("departments", "titles", "jobs")} == dict.fromkeys(
        ("departments", "titles", "jobs"), Outcome.DONE
    )
    assert house.written("users") == []


def test_d07_where_it_may_be_away_addresses_stay_as_they_are(house: House, directory: GraphSandbox) -> None:
    house.run()
    house.tables["bPREH"].append(person(1004, CellPhone=None))
    directory.faults.arm(Fault(FaultKind.FAIL, "users", status=403))
    house.sandbox.ledger.clear()
    report = house.run("employees", enrichment="optional")["employees"]
    assert emails(house) == {**FROM_BOTH, "1004": "e1004@example.test"}
    assert [method for method, _ in house.written()] == ["POST"], "nobody else was touched"
    assert any("the directory is not used in this run" in warning for warning in report.warnings)


# -- the source


@pytest.mark.parametrize(
    ("job", "table"),
    [("departments", "bPRDP"), ("titles", "bPREH"), ("jobs", "bJCJM"), ("employees", "bPREH"), ("vehicles", "")],
)
def test_d08_an_empty_source_is_held(tmp_path: Path, job: str, table: str) -> None:
    house = House(tmp_path, brakes=True)
    house.run()
    before = house.writes
    (house.tables[table] if table else house.vehicles).clear()
    report = house.run(job)[job]
    assert (report.outcome, report.exit_code, house.writes) == (Outcome.HELD, 7, before)
    house.close()


def test_d08_a_source_that_shrank_is_held(tmp_path: Path) -> None:
    house = House(tmp_path, brakes=True)
    house.run()
    before = house.writes
    del house.tables["bPREH"][1:]
    report = house.run("employees")["employees"]
    assert (report.outcome, house.writes) == (Outcome.HELD, before)
    assert "source" in str(report.problem)
    house.close()


def test_d09_the_work_of_somebody_elses_company_is_not_theirs(house: House) -> None:
    """Employee 1003 of company 2 has the same number, and a newer week of work."""
    other, contract = work("77777.", JCCo=2)
    house.tables["bJCJM"].append(other)
    house.tables["bJCCM"].append(contract)
    house.tables["bPRJC"].append(worked(1003, "77777.", PRCo=2, JCCo=2, PREndDate="2026-03-08"))
    house.tables["bPREH"].append(person(1003, PRCo=2, FirstName="Other", CellPhone=None))
    house.run()
    assert house.user(1003)["home_site_id"] == house.office
    assert house.user(1003)["first_name"] == "Ann"
    assert house.records("sites", ext_id="77777.") == []


def test_d09_of_two_companies_both_numbers_are_told_and_neither_is_written(house: House) -> None:
    house.tables["bPREH"].append(person(1003, PRCo=2, FirstName="Other", CellPhone=None))
    report = house.run(vista_companies="1,2")["employees"]
    assert [failure.label for failure in report.failures] == ["employee 1003", "employee 1003"]
    assert house.records("users", emp_id="1003") == []


def test_d10_of_two_jobs_in_one_pay_period_the_same_one_wins_every_time(house: House) -> None:
    house.tables["bPRJC"] = [worked(1001, "23456.", Hours=20), worked(1001, "12345. ", Hours=20)]
    house.run()
    home = house.user(1001)["home_site_id"]
    house.tables["bPRJC"].reverse()
    assert house.is_idle()
    house.tables["bPRJC"].append(worked(1001, "23456.", Hours=30))
    house.run()
    assert house.user(1001)["home_site_id"] != home, "more hours decide"


def test_d11_who_leaves_tomorrow_is_here_today_and_who_comes_tomorrow_is_not(house: House) -> None:
    """It is noon of 2026-03-10."""
    house.person(1001)["TermDate"] = "2026-03-11 00:00:00"
    house.person(1002)["TermDate"] = "2026-03-10 00:00:00"
    house.person(1003)["HireDate"] = "2026-03-11 00:00:00"
    house.run()
    assert [user["emp_id"] for user in house.records("users") if user["emp_id"]] == ["1001"]
    house.run(vista_hire_lead_days=1)
    assert house.user(1003)["current_hire_date"] == "2026-03-11"


def test_every_job_reads_its_source_once_in_a_run(house: House) -> None:
    """Titles and employees share the people, and what a job refers to is what the job before has read."""
    house.run()
    house.drivers.append(driver(2, 1002, house.vehicles[1]))
    before, fleet = house.sandbox.calls, sum(house.samsara.answers.values())
    house.run(*JOBS)
    lists = {"site_clusters": 1, "user_titles": 2, "sites": 2, "users": 2, "assets": 2, "roles": 2, "asset_types": 2}
    writes = 1  # the vehicle's driver
    assert house.sandbox.calls - before == sum(lists.values()) + writes
    assert sum(house.samsara.answers.values()) - fleet == 2


@pytest.mark.parametrize("kind", [kind for kind in BREAKS if kind is not FaultKind.SHUFFLE], ids=str)
def test_d05_whatever_goes_wrong_with_the_fleet_no_asset_is_written(tmp_path: Path, kind: FaultKind) -> None:
    """A page that comes short cannot be told from a small fleet; then the brakes hold what would be decommissioned."""
    house = House(tmp_path, brakes=True)
    house.vehicles[:] = [vehicle(number) for number in range(6)]
    house.run("vehicles")
    before = house.writes
    options = {name: value for name, value in BREAKS[kind].items() if name != "page"}
    house.samsara.faults.arm(Fault(kind, "vehicles", page=1 if kind is FaultKind.REPEAT else None, **options))
    report = house.run("vehicles", samsara_page_size=3)["vehicles"]
    assert report.outcome in (Outcome.ABORTED, Outcome.HELD)
    assert house.writes == before
    house.close()


@pytest.mark.parametrize("kind", [FaultKind.HTML, FaultKind.SHAPELESS, FaultKind.FAIL, FaultKind.DROP], ids=str)
def test_d07_whatever_goes_wrong_with_the_directory_no_user_is_written(
    house: House, directory: GraphSandbox, kind: FaultKind
) -> None:
    house.run("departments", "titles", "jobs")
    house.sandbox.ledger.clear()
    directory.faults.arm(Fault(kind, "users", **{name: v for name, v in BREAKS[kind].items() if name != "page"}))
    assert ended(house.run("employees")["employees"])
    assert house.writes == 0
