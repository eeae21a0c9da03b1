"""The helpers of the data manager, answered by the jobs of SafetyAmp; and how often the sources are read for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from builders.deployment import SandboxDeployment
from builders.safetyamp_house import JOBS, House
from busway import App, data_manager
from busway.testing import use_app
from busway_safetyamp.samsara.client import SamsaraClient
from busway_safetyamp.vista.source import VistaSource

READS = {
    VistaSource: ("employees", "recent_jobs", "departments", "jobs"),
    SamsaraClient: ("vehicles", "drivers"),
}


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each source was really read."""
    counted: Counter[str] = Counter()

    def counting(name: str, read: Any) -> Any:
        def call(self: object, *arguments: Any) -> Any:
            counted[name] += 1
            return read(self, *arguments)

        return call

    for kind, names in READS.items():
        for name in names:
            monkeypatch.setattr(kind, name, counting(name, getattr(kind, name)))
    return counted


@pytest.fixture
def deployment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[SandboxDeployment]:
    made = SandboxDeployment(tmp_path, capsys)
    yield made
    made.close()


def test_every_helper_gives_the_records_of_its_source_and_asks_safetyamp_nothing(
    deployment: SandboxDeployment, reads: Counter[str]
) -> None:
    company = deployment.company
    with App.from_config(deployment.folder, {}) as app, use_app(app):
        for _ in range(2):
            numbers = [row["emp_id"] for row in data_manager.get_employees()]
            assert numbers == sorted(str(row["Employee"]) for row in company.active)
            opened = {row["Job"] for row in company.jobs if row["JobStatus"] == 1}
            assert {row["Job"] for row in data_manager.get_jobs()} == opened
            held = {" ".join(row["udEmpTitle"].split()) for row in company.active if row["udEmpTitle"]}
            assert {row["name"] for row in data_manager.get_titles()} == held
            departments = {row["PRDept"] for row in data_manager.get_departments() if row["PRDept"]}
            assert departments == {row["PRDept"] for row in company.departments}
            assert len(data_manager.get_vehicles()) == len(deployment.stand_ins.samsara.fleet.vehicles)
    # The people twice: titles are theirs. Each entity is loaded once, and then it is there.
    assert reads == {"employees": 2, "jobs": 1, "departments": 1, "vehicles": 1}
    assert deployment.sandbox.calls == 0


def test_people_are_validated_by_the_rules_of_the_integration(deployment: SandboxDeployment) -> None:
    with App.from_config(deployment.folder, {}) as app, use_app(app):
        payload = {"first_name": " Ann ", "last_name": "Lee", "email": "ANN@example.test", "mobile_phone": "555"}
        valid, errors, clean = data_manager.validate_employee_data(payload, "12", "Ann Lee")
    assert (valid, errors) == (False, ["emp_id: missing", "home_site_id: missing"])
    assert clean == {"first_name": "Ann", "last_name": "Lee", "email": "ann@example.test"}, "555 is no phone number"


def test_a_run_reads_each_source_once_for_all_its_jobs(tmp_path: Path, reads: Counter[str]) -> None:
    house = House(tmp_path)
    house.run(*JOBS)
    house.close()
    assert reads == dict.fromkeys([name for names in READS.values() for name in names], 1)


def test_a_run_decides_on_what_its_source_says_now(deployment: SandboxDeployment) -> None:
    """Not on what a helper has in its cache."""
    with App.from_config(deployment.folder, {}) as app:
        before = app.data.get_employees()
        assert len(before) == len(deployment.company.active)
        deployment.company.rows.employees.clear()
        deployment.vista.write(deployment.company.rows)
        assert app.data.get_employees() == before
        assert app.sync.plan("titles").source_count == 0
