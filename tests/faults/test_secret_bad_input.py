"""Bad input for settings and secrets, from the file to the exit code: told with code and place, never with a value."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from builders.canaries import MARK, canaries_in
from builders.distributions import Site
from busway import App
from busway.errors import ConfigurationError
from busway.plugins.index import load_index
from busway.redaction.spellings import spellings

CORE = Path(sys.modules["busway"].__file__ or "").parents[1]
ACME = """
import json
from busway import PluginContext, Secret, SecretValue, Settings, setting
class AcmeSettings(Settings):
    token: Secret = setting(env="ACME_TOKEN", doc="The token.")
    number: int = setting(1, env="ACME_NUMBER", doc="A number.", ge=1)
    hosts: list[str] = setting([], env="ACME_HOSTS", doc="Hosts.")
class Vault:
    serves_settings = False
    def __init__(self, path): self.path = path
    def fetch(self, name):
        held = json.loads(self.path.read_text("utf-8")) if self.path.exists() else {}
        return SecretValue(held[name], "shelf " + name) if name in held else None
    def fetch_many(self, names): return {name: one for name in names if (one := self.fetch(name)) is not None}
    def names(self): return ()
    def locate(self, name): return "shelf " + name
    def close(self): pass
@hookimpl
def busway_settings():
    return AcmeSettings
@hookimpl
def busway_secret_source(context):
    return Vault(context.root / "vault.json")
"""
LAYERS = ("env", "vault", "dotenv", "toml")
ODD = {
    "25 KB": f"{MARK}-0123" * 1_500,
    "non-ASCII": f"pässwörd-{MARK}-密码-🔑",
    "multi-line": f"-----BEGIN-----\n{MARK}\n\n{MARK}\n-----END-----\n",
    "blanks around": f"  {MARK} ",
    "quotes and signs": f"\"{MARK}' $x ${{y}} #z \\n {{}};=%41",
}


class Deployment:
    """A folder with files, and the ways of opening it."""

    def __init__(self, folder: Path, site: Path) -> None:
        self.folder = folder
        self.site = site
        self.environ: dict[str, str] = {}
        self.plugins = ["env", "acme", "dotenv"]
        self.settings = ""

    def put(self, layer: str, name: str, value: str) -> None:
        """Writes a value into one layer."""
        if layer == "env":
            self.environ[name] = value
        elif layer == "vault":
            (self.folder / "vault.json").write_text(json.dumps({name: value}), "utf-8")
        elif layer == "dotenv":
            escaped = value.replace("\\", "\\\\").replace("'", "\\'")
            self.dotenv(f"{name}='{escaped}'\n".encode())
        else:
            self.settings += f"{name} = {json.dumps(value, ensure_ascii=False)}\n"

    def dotenv(self, content: bytes) -> None:
        (self.folder / ".env").write_bytes(content)

    def write_toml(self) -> None:
        text = f'app = "acme"\n[plugins]\nsecrets = {json.dumps(self.plugins)}\n[settings]\n{self.settings}'
        (self.folder / "busway.toml").write_text(text, "utf-8")

    def open(self, *, require: bool = True) -> App:
        self.write_toml()
        return App.from_config(self.folder, self.environ, require=require)

    def run(self, *arguments: str) -> tuple[int, str]:
        """Exit code and all output of the real command."""
        self.write_toml()
        path = os.pathsep.join(map(str, (self.site, CORE)))
        environ = {"PATH": os.environ["PATH"], "PYTHONPATH": path, "PYTHONUTF8": "1", **self.environ}
        command = [sys.executable, "-m", "busway.cli.main", *arguments]
        done = subprocess.run(command, cwd=self.folder, env=environ, capture_output=True, text=True, check=False)
        assert "Traceback" not in done.stderr, done.stderr
        assert canaries_in(done.stdout + done.stderr) == []
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    monkeypatch.setattr("busway.app.load_index", lambda: load_index(cache_file=tmp_path / "index.json"))
    (tmp_path / "home").mkdir()
    with Site(tmp_path / "site") as site:
        site.install("acme", ACME, kind="secrets")
        yield Deployment(tmp_path / "home", tmp_path / "site")


def told(config: Any) -> str:
    """What a configuration says about the token and itself."""
    explained = config.explain("ACME_TOKEN", ask_vaults=True)
    status = config.get_configuration_status()
    return "\n".join((explained.render(), repr(explained), json.dumps(status), repr(config.warnings()), repr(config)))


def refusal(deployment: Deployment) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        deployment.open()
    assert canaries_in(caught.value.render() + repr(vars(caught.value))) == []
    return caught.value


# -- values of secrets


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("kind", ODD)
def test_an_odd_secret_arrives_as_it_is_and_is_not_shown(deployment: Deployment, layer: str, kind: str) -> None:
    value = ODD[kind]
    deployment.put(layer, "ACME_TOKEN", value)
    with deployment.open() as app:
        assert app.config.get_secret("ACME_TOKEN") == value
        assert value == app.config.ACME_TOKEN
        assert canaries_in(told(app.config)) == []
        app.events.emit("system", attributes={"text": f"it is {value}!"})
        app.events.flush(5)
        written = b"".join(path.read_bytes() for path in (deployment.folder / ".busway").rglob("*") if path.is_file())
    assert b"redacted" in written
    assert not [form for form in spellings(value) if form.encode() in written]


@pytest.mark.parametrize("layer", LAYERS)
def test_an_empty_secret_is_not_set_and_hides_nothing(deployment: Deployment, layer: str) -> None:
    deployment.put(layer, "ACME_TOKEN", "")
    error = refusal(deployment)
    assert (error.code, error.exit_code) == ("BW1201", 3)
    for place in ("environment variable ACME_TOKEN", "shelf ACME_TOKEN", ".env", "busway.toml"):
        assert place in error.render()
    deployment.settings = f'ACME_TOKEN = "{MARK}"\n'
    with deployment.open() as app:
        assert app.config.get_secret("ACME_TOKEN") == MARK


def test_an_empty_secret_ends_commands_with_3(deployment: Deployment) -> None:
    deployment.put("env", "ACME_TOKEN", "")
    code, said = deployment.run("config", "check")
    assert code == 3
    assert "BW1201" in said
    assert "export ACME_TOKEN=" in said


@pytest.mark.parametrize("layer", ["env", "vault", "dotenv"])
def test_blanks_alone_are_a_value_and_told(deployment: Deployment, layer: str) -> None:
    deployment.put(layer, "ACME_TOKEN", "   \t    ")
    with deployment.open() as app:
        assert app.config.get_secret("ACME_TOKEN") == "   \t    "
        assert "BW1217" in [problem.code for problem in app.config.warnings()]


@pytest.mark.parametrize("layer", LAYERS)
def test_a_short_secret_is_told_as_not_maskable(deployment: Deployment, layer: str) -> None:
    short = "q7!x#Zk"
    deployment.put(layer, "ACME_TOKEN", short)
    with deployment.open() as app:
        assert app.config.get_secret("ACME_TOKEN") == short
        (told_once,) = [problem for problem in app.config.warnings() if problem.code == "BW1215"]
        assert "ACME_TOKEN" in told_once.what
        assert short not in told(app.config)


def test_a_short_secret_does_not_fail_a_check(deployment: Deployment) -> None:
    deployment.put("env", "ACME_TOKEN", "q7!x#Zk")
    code, said = deployment.run("config", "check", "--json")
    assert (code, "BW1215" in said, "q7!x#Zk" in said) == (0, True, False)


# -- .env

TOKEN = f"{MARK}-0042"
READABLE: Mapping[str, bytes] = {
    "single quotes": f"ACME_TOKEN='{TOKEN}'\n".encode(),
    "double quotes": f'ACME_TOKEN="{TOKEN}"\n'.encode(),
    "export": f"export ACME_TOKEN={TOKEN}\n".encode(),
    "byte order mark": b"\xef\xbb\xbf" + f"ACME_TOKEN={TOKEN}\n".encode(),
    "CRLF": f"# one\r\n\r\nACME_TOKEN={TOKEN}\r\nACME_NUMBER=7\r\n".encode(),
    "CR alone": f"ACME_NUMBER=7\rACME_TOKEN={TOKEN}\r".encode(),
    "comment behind": f"ACME_TOKEN={TOKEN} # the token\n".encode(),
    "blanks around": f"  ACME_TOKEN =  {TOKEN}  \n".encode(),
    "no last newline": f"ACME_TOKEN={TOKEN}".encode(),
    "duplicates": f"ACME_TOKEN=older-{MARK}\nACME_NUMBER=7\nACME_TOKEN={TOKEN}\n".encode(),
}


@pytest.mark.parametrize("form", READABLE)
def test_a_dotenv_in_any_usual_form_is_read(deployment: Deployment, form: str) -> None:
    content = READABLE[form]
    deployment.dotenv(content)
    with deployment.open() as app:
        assert app.config.get_secret("ACME_TOKEN") == TOKEN
        number = app.config.ACME_NUMBER
        assert number == (7 if b"ACME_NUMBER" in content else 1)
        winner = app.config.explain("ACME_TOKEN").winner
        assert winner is not None
        assert (winner.layer, winner.place) == ("dotenv", f".env:{line_of(content)}")
        codes = [problem.code for problem in app.config.warnings()]
        assert ("BW1112" in codes) is (form == "duplicates")
        assert canaries_in(told(app.config)) == []


def line_of(content: bytes) -> int:
    """The last line that sets the token."""
    before = content.rpartition(b"ACME_TOKEN")[0]
    return 1 + before.replace(b"\r\n", b"\n").replace(b"\r", b"\n").count(b"\n")


UNREADABLE: Mapping[str, tuple[bytes, int]] = {
    "unterminated single quote": (f"ACME_NUMBER=7\nACME_TOKEN='{TOKEN}\nOTHER=1\n".encode(), 2),
    "unterminated double quote": (f'ACME_NUMBER=7\n\nACME_TOKEN="{TOKEN}\n'.encode(), 3),
    "no assignment": (f"ACME_NUMBER=7\n{TOKEN}\n".encode(), 2),
    "second line without quotes": (f"ACME_TOKEN=-----BEGIN-----\n{TOKEN}\n".encode(), 2),
}


@pytest.mark.parametrize("form", UNREADABLE)
def test_a_dotenv_that_cannot_be_read_is_told_by_its_line(deployment: Deployment, form: str) -> None:
    content, line = UNREADABLE[form]
    deployment.dotenv(content)
    error = refusal(deployment)
    assert (error.code, error.exit_code) == ("BW1104", 3)
    assert f".env:{line}" in error.problem.where
    assert error.problem.fix


def test_a_dotenv_in_another_encoding_is_told(deployment: Deployment) -> None:
    deployment.dotenv(f"ACME_TOKEN=pässwörd-{TOKEN}\n".encode("latin-1"))
    error = refusal(deployment)
    assert error.code == "BW1104"
    assert "UTF-8" in error.problem.why


def test_a_broken_dotenv_ends_commands_with_3_and_loses_no_other_layer(deployment: Deployment) -> None:
    deployment.dotenv(UNREADABLE["unterminated double quote"][0])
    deployment.put("env", "ACME_TOKEN", f"env-{TOKEN}")
    code, said = deployment.run("config", "check")
    assert code == 3
    assert "BW1104" in said
    assert ".env:3" in said
    with deployment.open(require=False) as app:
        assert app.config.get_secret("ACME_TOKEN") == f"env-{TOKEN}"


# -- busway.toml


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("ACME_NUMBER", json.dumps(TOKEN), "BW1108"),
        ("ACME_NUMBER", "1.5", "BW1108"),
        ("ACME_NUMBER", "0", "BW1108"),
        ("ACME_NUMBER", f"[{TOKEN!r}]", "BW1108"),
        ("ACME_NUMBER", f"{{x = {TOKEN!r}}}", "BW1102"),
        ("ACME_HOSTS", f"[1, {TOKEN!r}]", "BW1108"),
        ("ACME_HOSTS", f"[1, [{TOKEN!r}]]", "BW1102"),
        ("ACME_TOKEN", "4711", "BW1108"),
        ("ACME_TOKEN", f"[{TOKEN!r}]", "BW1108"),
        ("ACME_TOKEN", "true", "BW1108"),
    ],
)
def test_a_toml_value_of_a_wrong_type_is_told_with_its_line(
    deployment: Deployment, name: str, value: str, code: str
) -> None:
    if name != "ACME_TOKEN":
        deployment.put("env", "ACME_TOKEN", TOKEN)
    deployment.settings = f"# first\n{name} = {value}\n"
    error = refusal(deployment)
    (problem,) = error.problems
    assert (problem.code, error.exit_code) == (code, 3)
    assert name in problem.what
    assert "busway.toml:6" in problem.where
    assert "4711" not in error.render()


def test_a_wrong_type_ends_commands_with_3(deployment: Deployment) -> None:
    deployment.put("env", "ACME_TOKEN", TOKEN)
    deployment.put("toml", "ACME_NUMBER", TOKEN)
    for arguments in (("config", "check"), ("config", "check", "--json"), ("run",)):
        code, said = deployment.run(*arguments)
        assert code == 3, said
        assert "BW1108" in said


def test_everything_wrong_is_told_at_once(deployment: Deployment) -> None:
    deployment.settings = 'ACME_NUMBER = "many"\nACME_HOSTS = 5\nENV = true\n'
    codes = sorted(problem.code for problem in refusal(deployment).problems)
    assert codes == ["BW1108", "BW1108", "BW1108", "BW1201"]


# -- names of vaults


@pytest.mark.parametrize(
    "variables",
    [
        {"AZURE_KEY_VAULT_NAME": "My_Vault"},
        {"AZURE_KEY_VAULT_NAME": "9vault"},
        {"AZURE_KEY_VAULT_NAME": "a" * 40},
        {"AZURE_KEY_VAULT_NAME": "évault"},
        {"AZURE_KEY_VAULT_NAME": "evil.example.test/x"},
        {"AZURE_KEY_VAULT_URL": "http://acme.vault.azure.net"},
        {"AZURE_KEY_VAULT_URL": f"https://user:{TOKEN}@acme.vault.azure.net"},
        {"AZURE_KEY_VAULT_URL": "acme"},
        {"AZURE_KEY_VAULT_NAME": "acme", "AZURE_KEY_VAULT_URL": "https://other.vault.azure.net"},
        {},
    ],
    ids=lambda variables: "+".join(variables.values())[:40].replace(TOKEN, "TOKEN") or "none",
)
def test_a_vault_name_that_is_not_legal_is_told_before_anything_is_asked(
    deployment: Deployment, variables: dict[str, str]
) -> None:
    deployment.plugins = ["env", "keyvault", "acme"]
    deployment.environ = {"ACME_TOKEN": TOKEN, **variables}
    error = refusal(deployment)
    assert error.code.startswith("BW14"), error.render()
    assert error.exit_code == 3
    assert error.problem.fix


def test_an_illegal_vault_name_ends_commands_with_3(deployment: Deployment) -> None:
    deployment.plugins = ["env", "keyvault", "acme"]
    deployment.environ = {"ACME_TOKEN": TOKEN, "AZURE_KEY_VAULT_NAME": "My_Vault"}
    code, said = deployment.run("config", "check")
    assert code == 3
    assert "BW14" in said
    assert "AZURE_KEY_VAULT_NAME" in said


@pytest.mark.parametrize("name", ["", "A B", "A/B", "../x", "A" * 200, "Ä_TOKEN", "A\nB"])
def test_a_secret_name_that_nobody_can_hold_is_told(deployment: Deployment, name: str) -> None:
    deployment.put("env", "ACME_TOKEN", TOKEN)
    with deployment.open() as app, pytest.raises(ConfigurationError) as caught:
        app.config.get_secret(name)
    assert caught.value.exit_code == 3
