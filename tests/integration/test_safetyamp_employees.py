"""The job ``employees`` on a real source and a real target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest
from pytest_httpserver import HTTPServer

from builders.safetyamp_parts import PlainRun, StillClock, make_vista, person, safetyamp_settings
from busway.contracts.fields import FieldPolicy
from busway.contracts.plugins import PluginContext
from busway.contracts.records import Pending, Record, Skip
from busway.errors import ConfigurationError, UnreachableError
from busway_safetyamp.connections import Connections
from busway_safetyamp.jobs.employees import Employees, employees_job
from busway_safetyamp.validators import EmployeeValidator

CLUSTERS = [
    {"id": 1, "name": "Acme", "parent_cluster_id": None, "depth": 0, "parent": ""},
    {"id": 10, "name": "Gulf", "external_code": "Gulf", "parent_cluster_id": 1, "depth": 1, "parent": "root 1"},
    {"id": 11, "name": "210 - Pipe", "external_code": "210", "parent_cluster_id": 10, "depth": 2, "parent": "Gulf"},
]
SITES = [
    {"id": 500, "name": "12345. - Bridge", "ext_id": "12345.", "cluster_id": 11},
    {"id": 501, "name": "Gulf Office", "ext_id": None, "cluster_id": 10},
]
ROLES = [{"id": 3, "name": "Administrator"}, {"id": 4, "name": " field"}]
TITLES = [{"id": 8, "name": "WELDER"}, {"id": Pending("titles", "painter"), "name": "Painter"}]
PEOPLE = [
    person(1),
    person(2, udEmpTitle="Painter", MidName=" B ", Sex="M", Email="E2@Example.test"),
    person(3, PRDept="999", udEmpTitle="Diver"),
    person(4, PRDept=None, udEmpTitle=None),
    person(5, PRDept=None, udEmpTitle="Diver "),
]
WORK = [
    {"PRCo": 1, "JCCo": 1, "Employee": 1, "Job": "12345. ", "PREndDate": "2026-03-01", "Hours": 8},
    {"PRCo": 1, "JCCo": 1, "Employee": 3, "Job": "99999.", "PREndDate": "2026-03-01", "Hours": 8},
    {"PRCo": 1, "JCCo": 1, "Employee": 5, "Job": "12345. ", "PREndDate": "2026-03-01", "Hours": 8},
]
JOBS = [{"JCCo": 1, "Job": "12345. ", "JobStatus": 1}, {"JCCo": 1, "Job": "99999.", "JobStatus": 1}]
USER = {"id": "abcde", "emp_id": "1", "first_name": "Ann", "last_name": "Lee", "email": "e1@example.test"}


class Company:
    """A Vista and a SafetyAmp, and the job between them."""

    def __init__(self, folder: Path, server: HTTPServer) -> None:
        self._folder, self._server = folder, server
        make_vista(folder / "vista.db", bPREH=PEOPLE, bPRJC=WORK, bJCJM=JOBS)
        lists = {"roles": ROLES, "users": [USER]}
        for name, records in lists.items():
            server.expect_request(f"/api/{name}", method="GET").respond_with_json({"data": records})
        self.connections: list[Connections] = []

    def job(self, **changes: Any) -> Employees:
        domain = self._server.url_for("").rstrip("/")
        settings = safetyamp_settings(domain=domain, confirm_last_page=False, **changes)
        context = PluginContext("safetyamp", settings, root=self._folder, clock=StillClock())
        self.connections.append(Connections(context))
        return employees_job(self.connections[-1])

    def calls(self) -> list[tuple[str, str]]:
        return [(request.method, request.path) for request, _ in self._server.log]

    def sent(self) -> list[tuple[str, str, Any]]:
        """What was written."""
        requests = [request for request, _ in self._server.log if request.method != "GET"]
        return [(request.method, request.path, orjson.loads(request.get_data())) for request in requests]


@pytest.fixture
def company(tmp_path: Path, httpserver: HTTPServer) -> Iterator[Company]:
    found = Company(tmp_path, httpserver)
    yield found
    for connections in found.connections:
        connections.close()


def a_run(titles: Sequence[Record] = TITLES) -> PlainRun:
    """A run that has read the targets of the jobs before."""
    return PlainRun(titles=titles, jobs=SITES, departments=CLUSTERS, employees=[USER])


def mapped(job: Employees, run: PlainRun) -> list[Record | Skip]:
    return [job.map(record, run) for record in job.source(run)]


def test_a_person_becomes_a_user(company: Company) -> None:
    job, run = company.job(), a_run()
    first = mapped(job, run)[0]
    assert isinstance(first, dict)
    assert EmployeeValidator(lambda: date(2026, 3, 10)).validate(first).record == {
        "emp_id": "1",
        "first_name": "Ann",
        "middle_name": None,
        "last_name": "Lee",
        "email": "e1@example.test",
        "gender": 0,
        "date_of_birth": "1980-05-04",
        "current_hire_date": "2015-01-01",
        "street": "1 Main Street",
        "city": "Baton Rouge",
        "state": "LA",
        "zip_code": "70801",
        "country": "US",
        "mobile_phone": "+15045550123",
        "work_phone": None,
        "home_site_id": 500,
        "current_title_id": 8,
        "timezone": "America/Chicago",
        "roles": [{"id": 4}],
        "system_access": 1,
        "text_opt_out": 1,
    }
    assert set(first) == set(job.fields), "what is mapped is managed, and the other way round"


def test_home_sites_and_titles(company: Company) -> None:
    run = a_run()
    _, second, third, fourth, fifth = mapped(company.job(text_opt_out=False), run)
    assert isinstance(second, dict)
    assert isinstance(fifth, dict)
    assert (second["home_site_id"], second["current_title_id"]) == (501, Pending("titles", "painter"))
    assert second["text_opt_out"] == 0
    assert third == Skip(
        "no home site: no site has the code of job 99999., and the region of department 999 has no office"
    )
    assert fourth == Skip("no home site: no recent job, and the region of department (none) has no office")
    assert (fifth["home_site_id"], fifth["current_title_id"]) == (500, None)
    assert run.notes == ["title Diver is not in SafetyAmp; the people who have it keep the title they have there"]


def test_every_source_record_carries_the_key_that_a_skipped_one_needs(company: Company) -> None:
    job = company.job()
    keys = [job.match_on.of(record) for record in job.source(a_run())]
    assert keys == ["1", "2", "3", "4", "5"]


def test_references_are_read_once_per_run_and_again_for_the_next(company: Company) -> None:
    job = company.job()
    mapped(job, a_run())
    assert company.calls() == [("GET", "/api/roles")], "sites, clusters and titles are what the jobs before have read"
    later = a_run([])
    record = job.map({**PEOPLE[0]}, later)
    assert isinstance(record, dict)
    assert record["current_title_id"] is None
    assert len(company.calls()) == 2


def test_a_role_that_does_not_exist_stops_the_job_before_any_write(company: Company) -> None:
    with pytest.raises(ConfigurationError, match="BW5008") as caught:
        mapped(company.job(role="Foreman"), a_run())
    assert "Administrator, field" in caught.value.problem.why
    assert company.sent() == []


def test_who_only_wants_to_see_the_people_asks_safetyamp_nothing(company: Company) -> None:
    assert len(list(company.job().source(PlainRun()))) == len(PEOPLE)
    assert company.calls() == []


def test_a_source_that_is_not_there_stops_the_job(company: Company) -> None:
    with pytest.raises(UnreachableError, match="BW5105"):
        company.job(vista_url="sqlite:///gone.db").source(a_run())


def test_create_leaves_out_what_has_no_value(company: Company, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/api/users", method="POST").respond_with_json({"data": USER}, 201)
    named = {"first_name": "Ann", "last_name": "Lee", "email": "a@example.test"}
    record = {**named, "emp_id": "1", "gender": 0, "middle_name": None, "city": "", "roles": [{"id": 4}]}
    assert company.job().create(record) == USER
    assert company.sent() == [("POST", "/api/users", {**named, "emp_id": "1", "gender": 0, "roles": [{"id": 4}]})]


def test_updates_and_the_lifecycle_send_what_safetyamp_demands(company: Company, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/api/users/abcde", method="PATCH").respond_with_json({"data": USER})
    job = company.job()
    demanded = {"first_name": "Ann", "last_name": "Lee", "email": "e1@example.test"}
    assert job.update(USER, {**demanded, "city": "Houma"}) == USER
    job.deactivate(USER)
    job.reactivate(USER, {"last_name": "Roy", "city": "Houma"})
    assert company.sent() == [
        ("PATCH", "/api/users/abcde", {**demanded, "city": "Houma"}),
        ("PATCH", "/api/users/abcde", {**demanded, "system_access": 0}),
        ("PATCH", "/api/users/abcde", {**demanded, "last_name": "Roy", "city": "Houma", "system_access": 1}),
    ]
    assert job.always_send == tuple(demanded)


def test_a_lost_create_is_looked_for_by_number(company: Company) -> None:
    job = company.job()
    assert job.find({"emp_id": "1"}) == USER
    assert job.find({"emp_id": "2"}) is None


def test_the_target_is_every_user(company: Company) -> None:
    assert list(company.job().target(PlainRun())) == [USER]


def test_people_are_spoken_of_by_number(company: Company) -> None:
    job = company.job()
    assert job.label({"emp_id": "12", "first_name": "Ann"}) == "employee 12"
    assert job.label({"Employee": 12}) == "employee 12"
    assert job.label({}) == "employee (no number)"


@pytest.mark.parametrize(
    ("field", "ours", "theirs"),
    [
        ("mobile_phone", "+15045550123", "(504) 555-0123"),
        ("email", "a@ex.com", "A@Ex.com "),
        ("date_of_birth", "1980-05-04", "1980-05-04 00:00:00"),
        ("state", "LA", "la "),
        ("zip_code", "70801", "70801-1234"),
        ("street", "1 Main Street", "1  Main Street "),
    ],
)
def test_forms_of_one_value_are_equal(field: str, ours: str, theirs: str) -> None:
    normaliser = Employees.fields[field].normaliser
    assert normaliser is not None
    assert normaliser(ours) == normaliser(theirs)


@pytest.mark.parametrize("field", ["mobile_phone", "email", "date_of_birth", "state"])
def test_an_unusable_value_in_the_target_is_not_taken_for_an_empty_one(field: str) -> None:
    normaliser = Employees.fields[field].normaliser
    assert normaliser is not None
    assert normaliser("??") == "??"


def test_the_title_is_read_where_safetyamp_shows_it() -> None:
    reader = Employees.fields["current_title_id"].reader
    assert reader is not None
    assert reader({"current_title": {"id": 8, "name": "Welder"}}) == 8
    assert reader({"current_title": None}) is None


def test_personal_fields_are_marked_and_access_is_not_a_managed_value() -> None:
    personal = {name for name, rule in Employees.fields.items() if rule.is_personal}
    assert personal >= {"first_name", "last_name", "email", "date_of_birth", "street", "mobile_phone", "gender"}
    assert Employees.fields["system_access"].policy is FieldPolicy.CREATE_ONLY
    assert not any(Employees.fields[name].is_optional for name in ("first_name", "last_name", "email", "emp_id"))
    assert not Employees.fields["text_opt_out"].is_optional
