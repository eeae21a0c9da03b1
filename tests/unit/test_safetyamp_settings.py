"""Settings of the integration."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from builders.safetyamp_parts import TOKEN, safetyamp_settings
from busway.contracts.settings import SettingClass, env_name, setting_class
from busway_safetyamp.settings import SafetyAmpSettings


def test_companies_are_read_from_text() -> None:
    assert safetyamp_settings(vista_companies=" 1, 20,3 ").vista_companies == [1, 20, 3]
    assert safetyamp_settings(vista_companies=[4]).vista_companies == [4]


@pytest.mark.parametrize(
    "changes",
    [
        {"vista_companies": ""},
        {"vista_companies": "0"},
        {"vista_companies": "one"},
        {"user_agent": "Acme"},
        {"user_agent": "Acme/1.0\r\nX: y"},
        {"fqdn": "acme\r\n.com"},
        {"timezone": "Central"},
        {"timezone": "../etc/passwd"},
        {"country": "USA"},
        {"domain": "api.safetyamp.com"},
        {"domain": "https://user:password@api.safetyamp.com"},
        {"domain": "http://api.safetyamp.com"},
        {"page_size": 0},
        {"rate_limit_calls": -1},
        {"manage_system_access": "always"},
        {"site_code_field": "code"},
        {"mobile_phone_column": "Cell Phone"},
        {"office_suffix": ""},
        {"vista_table_prefix": "a b"},
        {"rate_limit_period": float("inf")},
        {"graph_authority": "http://127.0.0.1:80"},
        {"graph_domain": "graph.microsoft.com"},
        {"graph_tenant_id": "a/../b"},
        {"samsara_domain": "http://api.samsara.com"},
        {"samsara_page_size": 513},
        {"samsara_number_pattern": "("},
        {"samsara_number_pattern": "(a)(b)"},
        {"state_timezones": "CO=Mountain"},
        {"state_timezones": "Colorado=America/Denver"},
        {"department_map": "10="},
        {"department_map": "10=210,10=220"},
        {"vehicle_site_types": "12"},
        {"vehicle_site_types": "12:0"},
        {"vehicle_description": "{year"},
        {"vehicle_description": "{year.__class__}"},
        {"vehicle_description": "{price}"},
        {"phone_country_code": "0"},
        {"gender_words": "x=2"},
        {"enrichment": "sometimes"},
    ],
)
def test_what_cannot_work_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        safetyamp_settings(**changes)
    assert {error["loc"][0] for error in caught.value.errors()} == set(changes)


@pytest.mark.parametrize("domain", ["https://api.example.test/", "http://127.0.0.1:8080", "http://[::1]:80"])
def test_an_address_is_https_or_on_this_machine(domain: str) -> None:
    assert safetyamp_settings(domain=domain).domain == domain.rstrip("/")


def test_d24_what_depends_on_the_company_has_no_default() -> None:
    required = {name for name, field in SafetyAmpSettings.model_fields.items() if field.is_required()}
    assert required == {"token", "fqdn", "vista_companies", "role", "country", "timezone", "enrichment"}
    settings = safetyamp_settings()
    assert (settings.root_cluster, settings.vehicle_site_types, settings.department_map) == ("", [], [])
    assert (settings.state_timezones, settings.vehicle_description) == ([], "")


def test_words_for_nothing_and_for_what_is_found_are_understood() -> None:
    assert safetyamp_settings().work_phone_column == ""
    assert safetyamp_settings(mobile_phone_column="None").mobile_phone_column == ""
    assert [safetyamp_settings(vista_table_prefix=word).vista_table_prefix for word in ("none", "b", "auto")] == [
        "",
        "b",
        "auto",
    ]


def test_lists_are_read_from_text() -> None:
    settings = safetyamp_settings(vehicle_site_types="12:3, 15:4", samsara_tag_ids="7,8 ")
    assert (settings.vehicle_site_types, settings.samsara_tag_ids) == (["12:3", "15:4"], ["7", "8"])


GRAPH = {"graph_tenant_id": "t", "graph_client_id": "c", "graph_client_secret": "s"}


@pytest.mark.parametrize("lacking", list(GRAPH))
@pytest.mark.parametrize("enrichment", ["required", "optional"])
def test_a_directory_that_is_wanted_needs_its_settings(lacking: str, enrichment: str) -> None:
    assert safetyamp_settings(enrichment=enrichment, **GRAPH).enrichment == enrichment
    with pytest.raises(ValidationError) as caught:
        safetyamp_settings(enrichment=enrichment, **{**GRAPH, lacking: None if "secret" in lacking else ""})
    (error,) = caught.value.errors()
    assert error["loc"] == ("enrichment",)
    assert f"MS_{lacking.upper()}" in error["msg"]
    assert "set it to off" in error["msg"]


def test_no_part_takes_away_a_rule_of_another() -> None:
    named = [name for part in SafetyAmpSettings.__bases__ for name in vars(part) if callable(getattr(part, name))]
    rules = [name for name in named if name.startswith("_") and not name.startswith("__")]
    assert len(rules) == len(set(rules)) > 10


def test_pairs_are_looked_up() -> None:
    settings = safetyamp_settings(
        state_timezones="CO=America/Denver, NV=America/Los_Angeles",
        department_map="10=210, 20 = 220",
        gender_words="Mann=1,frau=0",
        vehicle_site_types="12:3,15:4",
    )
    assert [settings.timezone_of(state) for state in ("CO", "LA", None)] == [
        "America/Denver",
        "America/Chicago",
        "America/Chicago",
    ]
    assert [settings.payroll_department(code) for code in ("10", "20", "30")] == ["210", "220", "30"]
    assert settings.genders() == {"mann": 1, "frau": 0}
    assert settings.vehicle_types() == [(12, 3), (15, 4)]


def test_the_token_and_the_database_address_are_secret() -> None:
    classes = {env_name(field): setting_class(field) for field in SafetyAmpSettings.model_fields.values()}
    secret = {name for name, kind in classes.items() if kind is SettingClass.SECRET}
    assert secret == {"SAFETYAMP_TOKEN", "VISTA_URL", "MS_GRAPH_CLIENT_SECRET", "SAMSARA_API_KEY"}
    vaulted = {name for name, kind in classes.items() if kind is SettingClass.VAULTED}
    assert vaulted == {"MS_GRAPH_TENANT_ID", "MS_GRAPH_CLIENT_ID"}
    settings = safetyamp_settings(vista_url="mssql+pyodbc://u:canary-4@h/d")
    assert TOKEN not in repr(settings) + settings.model_dump_json()
    assert "canary-4" not in repr(settings) + settings.model_dump_json()


def test_d49_every_setting_has_a_name_that_a_shell_can_export_and_a_doc() -> None:
    for field in SafetyAmpSettings.model_fields.values():
        assert env_name(field).startswith(("SAFETYAMP_", "VISTA_", "MS_GRAPH_", "SAMSARA_"))
        assert env_name(field).isidentifier()
        assert (field.description or "").rstrip("}").endswith(".")
