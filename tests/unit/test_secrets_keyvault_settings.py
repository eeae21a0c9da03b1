"""Which vault the settings lead to, and how names are written in it."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busway.contracts.plugins import PluginContext
from busway.contracts.settings import SettingClass, env_name, setting_class
from busway.errors import ConfigurationError
from busway_secrets_keyvault import busway_secret_source, busway_settings
from busway_secrets_keyvault.settings import KeyVaultSettings, vault_name_of, vault_url


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({"name": "acme-prod1"}, "https://acme-prod1.vault.azure.net"),
        ({"name": "acme", "suffix": "vault.usgovcloudapi.net"}, "https://acme.vault.usgovcloudapi.net"),
        ({"url": "https://acme.vault.azure.cn/"}, "https://acme.vault.azure.cn"),
        ({"url": " https://acme.vault.azure.net:443 "}, "https://acme.vault.azure.net"),
        ({"url": "https://localhost:8443"}, "https://localhost:8443"),
        ({"name": "Acme", "url": "https://acme.vault.azure.net/"}, "https://acme.vault.azure.net"),
    ],
)
def test_a_vault_is_named_by_name_or_url(settings: dict[str, Any], url: str) -> None:
    assert vault_url(KeyVaultSettings(**settings)) == url


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({}, "AZURE_KEY_VAULT_NAME"),
        ({"name": "acme", "url": "https://other.vault.azure.net"}, "AZURE_KEY_VAULT_NAME and AZURE_KEY_VAULT_URL"),
        ({"name": "ab"}, "AZURE_KEY_VAULT_NAME"),
        ({"name": "a" * 25}, "AZURE_KEY_VAULT_NAME"),
        ({"name": "1acme"}, "AZURE_KEY_VAULT_NAME"),
        ({"name": "acme-"}, "AZURE_KEY_VAULT_NAME"),
        ({"name": "ac--me"}, "AZURE_KEY_VAULT_NAME"),
        ({"name": "acme.evil.example/"}, "AZURE_KEY_VAULT_NAME"),
        ({"name": "acme", "suffix": "vault.azure.net/x"}, "KEY_VAULT_SUFFIX"),
        ({"url": "http://acme.vault.azure.net"}, "AZURE_KEY_VAULT_URL"),
        ({"url": "acme.vault.azure.net"}, "AZURE_KEY_VAULT_URL"),
        ({"url": "https://"}, "AZURE_KEY_VAULT_URL"),
        ({"url": "https://user:pw@acme.vault.azure.net"}, "AZURE_KEY_VAULT_URL"),
        ({"url": "https://acme.vault.azure.net\\@evil.example"}, "AZURE_KEY_VAULT_URL"),
        ({"url": "https://acme.vault.azure.net/secrets/x"}, "AZURE_KEY_VAULT_URL"),
        ({"url": "https://acme.vault.azure.net?x=1"}, "AZURE_KEY_VAULT_URL"),
        ({"url": "https://acme.vault.azure.net:port"}, "AZURE_KEY_VAULT_URL"),
    ],
)
def test_settings_that_name_no_vault_fail_when_the_source_is_built(settings: dict[str, Any], where: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        busway_secret_source(PluginContext("keyvault", KeyVaultSettings(**settings)))
    problem = caught.value.problem
    assert (problem.code, problem.where) == ("BW1401", where)
    assert problem.fix


def test_underscores_are_hyphens_in_the_vault() -> None:
    assert vault_name_of("VISTA_SQL_PASSWORD") == "VISTA-SQL-PASSWORD"


@pytest.mark.parametrize("name", ["", "A" * 128, "DB.PASSWORD", "DB PASSWORD", "ŻÓŁW", "../x", "A\n"])
def test_a_name_no_vault_can_hold_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        vault_name_of(name)
    assert caught.value.code == "BW1402"


@given(st.from_regex(r"[A-Z][A-Z0-9_]{0,126}", fullmatch=True))
def test_every_environment_name_has_a_name_in_the_vault(name: str) -> None:
    written = vault_name_of(name)
    assert re.fullmatch("[0-9A-Za-z-]{1,127}", written)
    assert written.replace("-", "_") == name


def test_names_and_classes_are_those_of_the_documentation() -> None:
    fields = busway_settings().model_fields
    assert {env_name(field): setting_class(field) for field in fields.values()} == {
        "AZURE_KEY_VAULT_NAME": SettingClass.PLAIN,
        "AZURE_KEY_VAULT_URL": SettingClass.PLAIN,
        "KEY_VAULT_SUFFIX": SettingClass.PLAIN,
        "KEY_VAULT_TIMEOUT_SECONDS": SettingClass.PLAIN,
    }


def test_nothing_of_azure_is_imported_before_the_first_fetch() -> None:
    code = (
        "import sys, busway_secrets_keyvault as p; from busway.contracts.plugins import PluginContext;"
        "source = p.busway_secret_source(PluginContext('keyvault', p.busway_settings()(name='acme')));"
        "print(source.locate('DB_PASSWORD')); source.close();"
        "print([m for m in sys.modules if m.split('.')[0] in ('azure', 'requests', 'msal')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.splitlines() == ["https://acme.vault.azure.net DB-PASSWORD", "[]"]
