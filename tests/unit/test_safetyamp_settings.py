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
    ],
)
def test_what_cannot_work_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        safetyamp_settings(**changes)
    assert [error["loc"][0] for error in caught.value.errors()] == list(changes)


@pytest.mark.parametrize("domain", ["https://api.example.test/", "http://127.0.0.1:8080", "http://[::1]:80"])
def test_an_address_is_https_or_on_this_machine(domain: str) -> None:
    assert safetyamp_settings(domain=domain).domain == domain.rstrip("/")


def test_what_depends_on_the_company_has_no_default() -> None:
    required = {name for name, field in SafetyAmpSettings.model_fields.items() if field.is_required()}
    assert required == {"token", "fqdn", "vista_url", "vista_companies", "role", "country", "timezone"}


def test_the_token_and_the_database_address_are_secret() -> None:
    classes = {env_name(field): setting_class(field) for field in SafetyAmpSettings.model_fields.values()}
    secret = {name for name, kind in classes.items() if kind is SettingClass.SECRET}
    assert secret == {"SAFETYAMP_TOKEN", "VISTA_URL"}
    settings = safetyamp_settings(vista_url="mssql+pyodbc://u:canary-4@h/d")
    assert TOKEN not in repr(settings) + settings.model_dump_json()
    assert "canary-4" not in repr(settings) + settings.model_dump_json()


def test_every_setting_has_a_name_of_ours_and_a_doc() -> None:
    for field in SafetyAmpSettings.model_fields.values():
        assert env_name(field).startswith(("SAFETYAMP_", "VISTA_"))
        assert (field.description or "").endswith(".")
