"""Which vault the settings lead to, and how names are written in it."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from busway.contracts.plugins import PluginContext
from busway.contracts.settings import SettingClass, env_name, setting_class
from busway.errors import ConfigurationError
from busway_secrets_keyvault import busway_secret_source, busway_settings
from busway_secrets_keyvault.address import vault_url
from busway_secrets_keyvault.names import collisions, vault_name_of
from busway_secrets_keyvault.settings import KeyVaultSettings, budget_seconds


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({"name": "acme-prod1"}, "https://acme-prod1.vault.azure.net"),
        ({"name": "acme", "suffix": "vault.usgovcloudapi.net"}, "https://acme.vault.usgovcloudapi.net"),
        ({"url": "https://acme.vault.azure.cn/"}, "https://acme.vault.azure.cn"),
        ({"url": " https://acme.vault.azure.net:443 "}, "https://acme.vault.azure.net"),
        ({"url": "https://localhost:8443"}, "https://localhost:8443"),
        ({"name": "Acme", "url": "https://acme.vault.azure.net/"}, "https://acme.vault.azure.net"),
        ({"name": " acme ", "url": "HTTPS://ACME.VAULT.AZURE.NET:443//"}, "https://acme.vault.azure.net"),
        ({"name": "acme", "suffix": " .Vault.Azure.CN. "}, "https://acme.vault.azure.cn"),
        ({"url": "https://Acme.vault.azure.net:8443/"}, "https://acme.vault.azure.net:8443"),
        ({"name": "a" * 24}, f"https://{'a' * 24}.vault.azure.net"),
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
        ({"name": "acme", "suffix": " "}, "KEY_VAULT_SUFFIX"),
        ({"name": "acme", "url": "https://acme.vault.azure.net:8443"}, "AZURE_KEY_VAULT_NAME and AZURE_KEY_VAULT_URL"),
        (
            {"name": "acme", "suffix": "vault.azure.cn", "url": "https://acme.vault.azure.net"},
            "AZURE_KEY_VAULT_NAME and AZURE_KEY_VAULT_URL",
        ),
        ({"name": " ", "url": " "}, "AZURE_KEY_VAULT_NAME"),
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


@pytest.mark.parametrize(
    ("name", "why", "fix"),
    [
        ("hunter2_synthetic", "character 8 is an underscore", "write - in place of _"),
        ("hunter2 synthetic", "character 8 is none of", "az keyvault list"),
        ("hunter2.vault.azure.net", "it is a host or a URL", "AZURE_KEY_VAULT_URL"),
        ("https://hunter2.vault.azure.net", "it is a host or a URL", "before the first dot"),
        ("2hunter2", "begins with a letter", "az keyvault list"),
        ("hunter2-", "does not end with a hyphen", "remove the last hyphen"),
        ("hunter2--x", "two hyphens in a row at character 8", "write one hyphen"),
        ("hunter2" * 4, "it has 28 characters", "az keyvault list"),
        ("hü", "character 2 is none of", "az keyvault list"),
    ],
)
def test_an_illegal_name_is_told_with_what_to_change_and_not_shown(name: str, why: str, fix: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        vault_url(KeyVaultSettings(name=name))
    assert why in caught.value.problem.why
    assert fix in caught.value.problem.fix
    assert "hunter2" not in caught.value.render()


@given(st.text(max_size=40))
def test_whatever_is_set_is_a_url_or_a_coded_error_that_does_not_show_it(text: str) -> None:
    marked = f"hunter2{text}"
    for settings in (KeyVaultSettings(name=marked), KeyVaultSettings(url=f"https://{marked}")):
        url, error = attempted(settings)
        if error is None:
            assert re.fullmatch(r"https://[a-z0-9-]+(\.[a-z0-9-]+)*(:\d+)?", url)
        else:
            assert (error.code, "hunter2" in error.render()) == ("BW1401", False)


def attempted(settings: KeyVaultSettings) -> tuple[str, ConfigurationError | None]:
    try:
        return vault_url(settings), None
    except ConfigurationError as error:
        return "", error


@pytest.mark.parametrize(
    ("wanted", "call_seconds", "budget"), [(None, 3.0, 2.7), (None, 10.0, 9.0), (1.0, 3.0, 1.0), (60.0, 3.0, 2.7)]
)
def test_the_budget_stays_below_what_the_core_waits(wanted: float | None, call_seconds: float, budget: float) -> None:
    assert budget_seconds(KeyVaultSettings(name="acme", budget_seconds=wanted), call_seconds) == pytest.approx(budget)


@pytest.mark.parametrize("field", ["budget_seconds", "timeout_seconds"])
@pytest.mark.parametrize("value", [0, -1, "soon"])
def test_times_are_positive(field: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        KeyVaultSettings(**{"name": "acme", field: value})


def test_underscores_are_hyphens_in_the_vault() -> None:
    assert vault_name_of("VISTA_SQL_PASSWORD") == "VISTA-SQL-PASSWORD"


@pytest.mark.parametrize("name", ["", "A" * 128, "DB.PASSWORD", "DB PASSWORD", "ŻÓŁW", "../x", "A\n"])
def test_a_name_no_vault_can_hold_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        vault_name_of(name)
    problem = caught.value.problem
    assert problem.code == "BW1402"
    assert all(text.isprintable() for text in problem.as_dict().values())


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("DB.PASSWORD", "rename it to DB_PASSWORD, which is DB-PASSWORD in the vault"),
        ("DB PASSWORD!", "rename it to DB_PASSWORD, which"),
        ("A" * 130, "shorten the name: it has 130 characters"),
        ("...", "rename it,"),
    ],
)
def test_an_illegal_name_of_a_secret_is_told_with_a_legal_one(name: str, fix: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        vault_name_of(name)
    assert fix in caught.value.problem.fix


NAMES = st.lists(st.from_regex(r"[ab_.-]{1,3}|[AB_-]{1,3}", fullmatch=True), max_size=12)


@given(NAMES)
def test_names_collide_exactly_when_the_vault_cannot_tell_them_apart(names: list[str]) -> None:
    def same(one: str, other: str) -> bool:
        return one != other and one.replace("_", "-").lower() == other.replace("_", "-").lower()

    legal = [name for name in names if "." not in name]
    found = collisions(names)
    assert set(found) == {one for one in legal if any(same(one, other) for other in legal)}
    assert all(name in error.problem.what and error.code == "BW1410" for name, error in found.items())


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
        "KEY_VAULT_BUDGET_SECONDS": SettingClass.PLAIN,
        "KEY_VAULT_REFUSE_EXPIRED": SettingClass.PLAIN,
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
