"""``busway config`` on a deployment with environment, Key Vault, ``.env`` and ``busway.toml`` in play."""

from __future__ import annotations

import json
import os
import re
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from builders.key_vault_server import CALLER, KeyVaultServer, StoredSecret, StubCredential, forbidden
from busway.app import App
from busway.cli.main import main

TOML = """\
app = "people"

[plugins]
secrets = ["env", "keyvault", "dotenv"]
caches = ["memory", "redis"]
validators = ["safetyamp"]
jobs = ["safetyamp"]

[settings]
ENV = "dev"
REDIS_HOST = "redis.internal"
REDIS_PORT = 6380
SAFETYAMP_FQDN = "acme.safetyamp.com"
SAFETYAMP_ROLE = "Field"
SAFETYAMP_COUNTRY = "US"
SAFETYAMP_ENRICHMENT = "off"
VISTA_COMPANIES = [1, 2]
"""
DOTENV = "# of this machine\nSAFETYAMP_TOKEN={below}\nSAFETYAMP_TIMEZONE=America/Chicago\nREDIS_HOST=redis.local\n"
TOKEN = "t0ken-" + "5ecret" * 8
BELOW = "b3low-5ecret-of-dotenv"
VISTA = "sqlite:///synthetic-5ecret.db"


class Page:
    """The deployment, its vault, and the command line on it."""

    def __init__(self, folder: Path, vault: KeyVaultServer, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.vault = vault
        self.credential = StubCredential()
        self._capsys = capsys

    def run(self, *arguments: str) -> tuple[int, str]:
        """Exit code and stdout of one command; nothing it says holds a secret."""
        self._capsys.readouterr()
        code = main(["-C", str(self.folder), *arguments])
        shown = self._capsys.readouterr()
        for secret in (TOKEN, BELOW, VISTA):
            assert secret not in shown.out + shown.err
        return code, shown.out.replace(self.vault.url, "https://vault.test")

    def json(self, *arguments: str) -> tuple[int, Any]:
        """Exit code and data."""
        code, out = self.run(*arguments, "--json")
        return code, json.loads(out)["data"]

    @property
    def asked(self) -> list[str]:
        """The names the vault was asked for with a token, in order."""
        return [path.split("/")[2].split("?")[0].lower() for _, path, _, known in self.vault.requests if known]


@pytest.fixture
def page(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    for name in [name for name in os.environ if name != "PATH"]:
        monkeypatch.delenv(name)
    folder = tmp_path / "deployment"
    folder.mkdir()
    (folder / "busway.toml").write_text(TOML)
    (folder / ".env").write_text(DOTENV.format(below=BELOW))
    with KeyVaultServer(tmp_path) as vault:
        vault.secrets = {
            "SAFETYAMP-TOKEN": StoredSecret(TOKEN, version="3f2c9a8b7c6d5e4f3f2c9a8b7c6d5e4f"),
            "VISTA-URL": StoredSecret(VISTA, expires=4_102_444_800),
            "SQL-SERVER": StoredSecret("sql.example.test"),
        }
        monkeypatch.setenv("AZURE_KEY_VAULT_URL", vault.url)
        made = Page(folder, vault, capsys)
        doubles = {"azure_credential": made.credential, "azure_client_options": vault.client_options}
        original = App.__init__

        def init(self: App, *arguments: Any, **options: Any) -> None:
            original(self, *arguments, **{**options, "doubles": doubles})

        monkeypatch.setattr(App, "__init__", init)
        yield made


def test_a_secret_of_the_vault_over_the_one_in_dotenv(page: Page) -> None:
    code, out = page.run("config", "explain", "SAFETYAMP_TOKEN")
    assert code == 0
    assert out == (
        "SAFETYAMP_TOKEN   set (secret, 40 characters or more)   owner busway-safetyamp   required\n"
        "  wins      keyvault   https://vault.test SAFETYAMP-TOKEN  version 3f2c…  read just now, fresh for 10 min\n"
        "  shadowed  dotenv     .env:2\n"
        "  not set   env        environment variable SAFETYAMP_TOKEN\n"
        "  about     The API key of the SafetyAmp account.\n"
    )


def test_what_the_environment_has_is_not_asked_of_the_vault(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFETYAMP_TOKEN", TOKEN)
    _, out = page.run("config", "explain", "SAFETYAMP_TOKEN")
    assert "  wins      env        environment variable SAFETYAMP_TOKEN\n" in out
    assert "  not asked keyvault   https://vault.test SAFETYAMP-TOKEN" in out
    assert "safetyamp-token" not in page.asked
    _, out = page.run("config", "explain", "SAFETYAMP_TOKEN", "--ask-vaults")
    assert "  shadowed  keyvault   https://vault.test SAFETYAMP-TOKEN  version 3f2c…\n" in out


def test_plain_settings_in_three_layers(page: Page) -> None:
    _, out = page.run("config", "explain", "REDIS_HOST", "SQL_SERVER", "VISTA_URL")
    host, server, vista = out.split("\n\n")
    assert host.splitlines()[:3] == [
        "REDIS_HOST   = redis.local (plain, str)   owner busway-cache-redis   default localhost",
        "  wins      dotenv     .env:4",
        "  shadowed  toml       busway.toml:11",
    ]
    assert server.startswith("SQL_SERVER   = sql.example.test (vaulted, str)   owner busway\n  wins      keyvault ")
    assert "expires 2100-01-01 00:00 UTC" in vista


def test_the_page_of_everything(page: Page) -> None:
    code, out = page.run("config", "explain", "--all")
    names = [block.split("   ")[0] for block in out.strip().split("\n\n")]
    assert code == 0
    assert names == sorted(names)
    assert {"ENV", "REDIS_HOST", "SAFETYAMP_TOKEN", "AZURE_KEY_VAULT_URL"} <= set(names)
    _, data = page.json("config", "explain", "--all")
    assert [one["name"] for one in data] == names


def test_a_check_of_a_whole_deployment_asks_the_vault_once_for_each_name(page: Page) -> None:
    code, out = page.run("config", "check")
    assert code == 0, out
    assert out.splitlines()[-1].startswith("configuration: valid")
    held = [name for name in page.asked if name.upper() in page.vault.secrets]
    assert sorted(held) == sorted(set(held)) == ["safetyamp-token", "sql-server", "vista-url"]
    assert not {"redis-host", "env", "azure-key-vault-url", "safetyamp-role"} & set(page.asked)
    assert len(page.credential.calls) == 1


def test_a_role_that_is_missing_is_told_with_the_command_that_grants_it(page: Page) -> None:
    page.vault.faults["safetyamp-token"] = deque([forbidden("ForbiddenByRbac")] * 3)
    code, out = page.run("config", "check")
    assert code == 4
    assert out.count("error[BW14") == 1
    assert CALLER in out
    assert "az role assignment create --role 'Key Vault Secrets User'" in out


def test_a_vault_that_does_not_answer_is_one_problem(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_KEY_VAULT_URL", "https://localhost:9")
    code, data = page.json("config", "check")
    assert code == 5
    assert len(data["problems"]) == 1
    _, out = page.run("config", "explain", "SAFETYAMP_TOKEN")
    assert re.search(r"^  failed    keyvault   https://localhost:9 SAFETYAMP-TOKEN\S*.*BW14\d\d: ", out, re.MULTILINE)
    assert "  shadowed  dotenv     .env:2\n" in out
    assert out.startswith("SAFETYAMP_TOKEN   not known (secret)")


def test_everything_that_is_wrong_comes_in_one_pass(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    del page.vault.secrets["SAFETYAMP-TOKEN"]
    (page.folder / ".env").write_text("SAFETYAMP_TIMEZONE=America/Chicago\n")
    page.vault.secrets["REDIS-PASSWORD"] = StoredSecret("short\n")
    page.vault.secrets["VISTA-URL"] = StoredSecret(VISTA, expires=1_700_000_000)
    monkeypatch.setenv("REDIS_TLS", "perhaps")
    monkeypatch.setenv("SAFETYAMP_TOKNE", TOKEN)
    code, data = page.json("config", "check")
    assert code == 3
    assert {one["code"] for one in data["problems"]} == {"BW1108", "BW1201"}
    (missing,) = [one for one in data["problems"] if one["code"] == "BW1201"]
    assert "was SAFETYAMP_TOKEN meant?" in missing["why"]
    assert missing["fix"].splitlines()[0] == "export SAFETYAMP_TOKEN=..."
    assert {one["code"] for one in data["warnings"]} >= {"BW1215", "BW1217", "BW1216"}


def test_secrets_one_by_one(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    page.vault.faults["redis-password"] = deque([forbidden("ForbiddenByRbac")] * 3)
    code, data = page.json("secrets", "check")
    assert code == 4
    verdicts = {row["name"]: row["verdict"] for row in data["secrets"]}
    assert verdicts["SAFETYAMP_TOKEN"] == "ok"
    assert verdicts["REDIS_PASSWORD"] == "problem"
    assert verdicts["VISTA_SQL_PASSWORD"] == "unset"
    code, data = page.json("secrets", "check", "safetyamp-token", "VISTA_URL")
    assert code == 0
    assert [row["name"] for row in data["secrets"]] == ["SAFETYAMP_TOKEN", "VISTA_URL"]
