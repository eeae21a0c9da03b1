"""The module behind the entry points."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pluggy
import pytest

import busway_safetyamp
from builders.safetyamp_parts import StillClock, safetyamp_settings
from busway import hookspecs
from busway.contracts.plugins import PluginContext
from busway_safetyamp.settings import SafetyAmpSettings


def context(**changes: object) -> PluginContext[SafetyAmpSettings]:
    return PluginContext("safetyamp", safetyamp_settings(**changes), clock=StillClock(), root=Path("/nowhere"))


def test_d52_importing_it_and_reading_settings_loads_no_http_and_no_sql() -> None:
    code = (
        "import sys, busway_safetyamp\n"
        "busway_safetyamp.busway_settings()\n"
        "print([name for name in ('httpx', 'sqlalchemy', 'tenacity') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_hooks_agree_with_the_contract() -> None:
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(busway_safetyamp)
    manager.check_pending()
    assert manager.hook.busway_settings() == [SafetyAmpSettings]


def test_jobs_are_built_without_connecting_and_share_one_client() -> None:
    jobs = busway_safetyamp.busway_jobs(context(vista_url="sqlite:////nowhere/vista.db", samsara_key="a-token"))
    assert {job.name: job.depends_on for job in jobs} == {
        "departments": (),
        "titles": (),
        "jobs": ("departments",),
        "employees": ("departments", "titles", "jobs"),
        "vehicles": ("employees",),
    }
    assert len({id(job._connections) for job in jobs}) == 1  # type: ignore[attr-defined]
    assert {job.account for job in jobs} == {"safetyamp"}


def test_who_has_no_fleet_is_not_asked_for_one_in_every_run() -> None:
    assert [job.name for job in busway_safetyamp.busway_jobs(context())][-1] == "employees"


def test_the_code_of_a_site_is_kept_where_the_deployment_says() -> None:
    jobs = {job.name: job for job in busway_safetyamp.busway_jobs(context(site_code_field="external_code"))}
    assert jobs["jobs"].match_on.fields == ("external_code",)
    assert "ext_id" not in jobs["jobs"].fields


@pytest.mark.parametrize(
    ("changes", "active_field", "adopts"),
    [
        ({}, "system_access", []),
        ({"manage_system_access": "create_only"}, "", []),
        ({"adopt_by_email": True}, "system_access", [("email",)]),
    ],
)
def test_settings_decide_lifecycle_and_adoption(
    changes: dict[str, object], active_field: str, adopts: list[tuple[str, ...]]
) -> None:
    employees = busway_safetyamp.busway_jobs(context(**changes))[3]
    assert employees.active_field == active_field
    assert [key.fields for key in employees.adopt_on] == adopts


def test_there_is_a_validator_for_every_entity() -> None:
    made = busway_safetyamp.busway_validators(context())
    assert [rule.entity for rule in made] == ["title", "employee", "vehicle", "site"]


def test_settings_reach_the_validator_of_employees() -> None:
    made = busway_safetyamp.busway_validators(context(phone_country_code="44", gender_words="frau=0"))
    employee = next(rule for rule in made if rule.entity == "employee")
    clean = employee.validate({"mobile_phone": "020 7946 0018", "gender": "Frau"}).record
    assert (clean["mobile_phone"], clean["gender"]) == ("+442079460018", 0)
