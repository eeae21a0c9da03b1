"""Plugins of other people: five distributions built outside the workspace, installed beside the core, and used."""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from builders.clean_environment import CleanEnvironment, build_wheels
from builders.markdown import ROOT

INTEGRATION = "acme-busway-scim-people"
"""Written, installed, run and proven by docs/write-an-integration.md, which is followed by a test of its own."""
PLUGINS = sorted(path.parent for path in (ROOT / "examples" / "plugins").glob("*/pyproject.toml"))
EXAMPLES = [path for path in PLUGINS if path.name != INTEGRATION]
OURS = {"secrets": "files", "caches": "dict", "sinks": "pager", "validators": "rules", "jobs": "people"}
KEY = "synthetic-key-of-the-pager"
TOML = """\
app = "acme"
[plugins]
secrets = ["env", "files"]
caches = ["dict"]
sinks = ["log", "ledger", "pager"]
validators = ["rules"]
jobs = ["people"]
[settings]
ACME_PEOPLE_CSV = "people.csv"
[sync.people]
max_updates_pct = 100
"""
PEOPLE = "number,name,email\n1, Ada   Example,ADA@example.test\n2,Ben Example,ben@example.test\n"
REFUSED = "3,Cyd Example,nowhere\n"
CACHED = """\
from busway import App
loads = []
with App.from_config() as app:
    for _ in range(3):
        towns = app.data.get_or_populate("acme.towns", loader=lambda: loads.append(1) or ["Here", "There"])
    import json
    print(json.dumps({"loads": len(loads), "towns": towns, "levels": app.data.stats()["levels"]}))
"""
FUTURE = """\
from pathlib import Path
Path({marker!r}).touch()
"""


@dataclass
class Place:
    """The clean environment, and the sources its distributions were built from."""

    environment: CleanEnvironment
    sources: Path
    wheels: dict[str, Path]

    def module(self, distribution: str) -> Path:
        return self.environment.site / f"{distribution.replace('-', '_')}.py"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("elsewhere")
    wheels = build_wheels([ROOT / "core", *EXAMPLES], folder)
    environment = CleanEnvironment(folder / "venv")
    # The test runner for the authors' own tests, the build backend for an editable install.
    environment.link(*requirements_of_the_core(), "pytest", "hypothesis", "hatchling")
    environment.install(*wheels)
    return Place(environment, folder / "sources", {wheel.parent.name: wheel for wheel in wheels})


def requirements_of_the_core() -> list[str]:
    import tomllib

    return list(tomllib.loads((ROOT / "core" / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"])


class Deployment:
    """A deployment of somebody else, run with the installed command."""

    def __init__(self, folder: Path, environment: CleanEnvironment) -> None:
        self.folder = folder
        self._environment = environment
        self.write("busway.toml", TOML)
        self.write("people.csv", PEOPLE)
        (folder / "secrets").mkdir()
        self.write("secrets/ACME_PAGER_KEY", KEY + "\n")

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, "utf-8")

    def replace(self, name: str, old: str, new: str) -> None:
        text = (self.folder / name).read_text("utf-8")
        assert old in text
        self.write(name, text.replace(old, new))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._environment.run("busway", *arguments, cwd=self.folder)

    def json(self, *arguments: str, code: int = 0) -> Any:
        done = self.run(*arguments, "--json")
        assert done.returncode == code, done.stdout + done.stderr
        assert KEY not in done.stdout + done.stderr
        return json.loads(done.stdout)

    def counts(self, code: int = 0) -> dict[str, int]:
        (job,) = self.json("run", code=code)["data"]["jobs"]
        return {name: number for name, number in job["counts"].items() if number}

    @property
    def target(self) -> list[dict[str, str]]:
        lines = (self.folder / "people.jsonl").read_text("utf-8").splitlines()
        return [json.loads(line) for line in lines]

    @property
    def paged(self) -> list[dict[str, Any]]:
        """What the pager was told; every line must be signed with the key."""
        told = []
        for line in (self.folder / "pager.jsonl").read_text("ascii").splitlines():
            signed = json.loads(line)
            expected = hmac.digest(KEY.encode(), signed["body"].encode(), hashlib.sha256).hex()
            assert signed["signature"] == expected
            told.append(json.loads(signed["body"]))
        return told


@pytest.fixture
def acme(tmp_path: Path, place: Place) -> Deployment:
    return Deployment(tmp_path, place.environment)


def test_what_runs_is_installed_and_not_the_workspace(place: Place, acme: Deployment) -> None:
    code = "import busway, acme_busway_pager; print(busway.__file__, acme_busway_pager.__file__)"
    done = place.environment.run("python", "-c", code, cwd=acme.folder)
    assert all(path.startswith(str(place.environment.site)) for path in done.stdout.split()), done
    assert acme.run("--version").stdout.startswith("busway ")


def test_the_five_are_found_in_their_order_with_their_owners(acme: Deployment) -> None:
    rows = acme.json("plugins", "list")["data"]
    selected = {(row["kind"], row["name"]): row for row in rows if row["order"]}
    for kind, name in OURS.items():
        assert selected[kind, name]["distribution"].startswith("acme-busway-")
        assert selected[kind, name]["origin"].startswith("busway.toml:")
    assert [selected["sinks", name]["order"] for name in ("log", "ledger", "pager")] == [1, 2, 3]
    assert not {row["distribution"] for row in rows if row["distribution"].startswith("busway-")}, "a clean environment"


def test_the_five_are_checked_before_they_are_used(acme: Deployment) -> None:
    rows = acme.json("plugins", "check")["data"]
    states = {row["name"]: row["state"] for row in rows}
    assert {name: states[name] for name in OURS.values()} == dict.fromkeys(OURS.values(), "ready")


def test_a_job_runs_with_all_five(acme: Deployment) -> None:
    acme.write("people.csv", PEOPLE + REFUSED)
    assert acme.counts(code=6) == {"created": 2, "failed": 1}
    assert acme.target == [
        {"number": "1", "name": "Ada Example", "email": "ada@example.test", "id": "1"},
        {"number": "2", "name": "Ben Example", "email": "ben@example.test", "id": "2"},
    ], "as the validator tidied them"
    paged = acme.paged
    assert [event["entity"] for event in paged if event["category"] == "change"] == ["person", "person"]
    assert [event["message"] for event in paged if event["severity"] == "ERROR"] == ["BW6001: email: is not an address"]
    explained = acme.json("config", "explain", "ACME_PAGER_KEY")
    assert '"files"' in json.dumps(explained), "the secret came from the third party's source"

    mended = REFUSED.replace("nowhere", "cyd@example.test")
    acme.write("people.csv", PEOPLE.replace("Ben Example", "Ben Sample") + mended)
    assert acme.counts() == {"created": 1, "updated": 1, "unchanged": 1}
    assert [person["name"] for person in acme.target] == ["Ada Example", "Ben Sample", "Cyd Example"]
    assert acme.counts() == {"unchanged": 3}


def test_the_cache_level_of_a_third_party_is_used(place: Place, acme: Deployment) -> None:
    done = place.environment.run("python", "-c", CACHED, cwd=acme.folder)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["loads"] == 1
    assert found["towns"] == ["Here", "There"]
    assert "dict" in json.dumps(found["levels"])


def test_a_secret_that_is_missing_names_the_file_it_would_be_in(acme: Deployment) -> None:
    (acme.folder / "secrets" / "ACME_PAGER_KEY").unlink()
    envelope = acme.json("run")
    (warning,) = [text for text in envelope["warnings"] if "sinks.pager" in text]
    assert "ACME_PAGER_KEY" in warning
    assert acme.target, "a sink is optional"


def test_the_authors_tests_pass_against_the_installed_core(place: Place, acme: Deployment) -> None:
    tests = [str(path) for path in sorted(place.sources.glob("acme-*/test_*.py"))]
    assert len(tests) == len(OURS)
    done = place.environment.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, cwd=acme.folder)
    assert done.returncode == 0, done.stdout


@pytest.fixture
def future(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A sink of contract version 2, installed; the file its import would write."""
    source = tmp_path_factory.mktemp("future") / "acme-busway-future"
    shutil.copytree(ROOT / "examples" / "plugins" / "acme-busway-pager", source)
    project = source / "pyproject.toml"
    text = project.read_text("utf-8").replace("acme-busway-pager", "acme-busway-future")
    text = text.replace("busway.v1.sinks", "busway.v2.sinks").replace("acme_busway_pager", "acme_busway_future")
    project.write_text(text.replace("pager =", "holograms ="), "utf-8")
    marker = source / "imported"
    (source / "acme_busway_future.py").write_text(FUTURE.format(marker=str(marker)), "utf-8")
    place.environment.install(*build_wheels([source], source.parent))
    yield marker
    place.environment.uninstall("acme-busway-future")


def test_a_plugin_of_a_future_contract_is_refused_unseen(acme: Deployment, future: Path) -> None:
    acme.replace("busway.toml", '"pager"]', '"pager", "holograms"]')
    (row,) = [row for row in acme.json("plugins", "list")["data"] if row["name"] == "holograms"]
    assert (row["state"], row["contract"], row["distribution"]) == ("incompatible", 2, "acme-busway-future")
    assert row["remedy"].startswith("pip install -U busway")
    envelope = acme.json("run")
    assert [text for text in envelope["warnings"] if "contract v2" in text and "acme-busway-future 2.1" in text]
    assert len(acme.target) == 2, "a sink is optional: the run goes on"

    acme.replace("busway.toml", "[settings]", '[plugins.policy]\n"sinks.holograms" = "required"\n[settings]')
    assert acme.json("run", code=3)["error"]["code"] == "BW1302"
    assert acme.run("plugins", "check").returncode == 3
    assert not future.exists(), "it was imported"


@pytest.fixture
def editable(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The pager, installed in editable mode; its folder."""
    source = tmp_path_factory.mktemp("checkout") / "acme-busway-pager"
    shutil.copytree(ROOT / "examples" / "plugins" / "acme-busway-pager", source)
    place.environment.uninstall("acme-busway-pager")
    place.environment.install_editable(source)
    yield source
    place.environment.uninstall("acme-busway-pager")
    place.environment.install(place.wheels["acme-busway-pager"])


def test_a_plugin_installed_in_editable_mode(acme: Deployment, editable: Path) -> None:
    module = editable / "acme_busway_pager.py"
    assert acme.counts() == {"created": 2}
    assert [event["entity"] for event in acme.paged if event["category"] == "change"] == ["person", "person"]

    module.write_text(module.read_text("utf-8").replace('"category": event.category', '"category": "mine"'), "utf-8")
    acme.write("people.csv", PEOPLE + "4,Dee Example,dee@example.test\n")
    assert acme.counts() == {"created": 1, "unchanged": 2}
    assert "mine" in {event["category"] for event in acme.paged}, "a change of the source counts at once"


def test_an_editable_install_whose_folder_moved_is_named(acme: Deployment, editable: Path) -> None:
    editable.rename(editable.with_name("moved"))
    (warning,) = [text for text in acme.json("run")["warnings"] if "sinks.pager" in text]
    assert "acme-busway-pager 2.1" in warning
    assert "No module named 'acme_busway_pager'" in warning
    assert "pip install --force-reinstall acme-busway-pager" in warning


@pytest.fixture
def broken(place: Place) -> Iterator[Path]:
    """The pager with an import that fails; the module, to mend it with ``.bak`` beside it."""
    module = place.module("acme-busway-pager")
    good = module.with_suffix(".good")
    shutil.copy(module, good)
    module.write_text(module.read_text("utf-8") + "\nimport pagerapi\n", "utf-8")
    yield module
    good.replace(module)


def test_a_broken_sink_is_reported_and_the_run_goes_on(acme: Deployment, broken: Path) -> None:
    done = acme.run("run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(acme.target) == 2
    last = (done.stdout + done.stderr).strip().splitlines()[-3:]
    assert any("acme-busway-pager 2.1" in line and "pagerapi" in line for line in last), done.stdout + done.stderr
    assert "pip install pagerapi" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_broken_sink_that_is_required_stops_everything_before_any_work(acme: Deployment, broken: Path) -> None:
    acme.replace("busway.toml", "[settings]", '[plugins.policy]\n"sinks.pager" = "required"\n[settings]')
    error = acme.json("run", code=3)["error"]
    assert error["code"] == "BW1304"
    assert "acme-busway-pager 2.1" in error["where"]
    assert "pip install pagerapi" in error["fix"]
    assert not (acme.folder / "people.jsonl").exists(), "nothing written"
    assert acme.json("--safe", "sessions", "list")["data"] == [], "nothing begun"

    broken.with_suffix(".good").replace(broken)
    shutil.copy(broken, broken.with_suffix(".good"))
    assert acme.counts() == {"created": 2}, "mended"
    assert acme.paged


def test_two_broken_ones_are_told_at_once(acme: Deployment, broken: Path) -> None:
    acme.replace("busway.toml", "[settings]", '[plugins.policy]\n"sinks.pager" = "required"\n[settings]')
    acme.replace("busway.toml", 'ACME_PEOPLE_CSV = "people.csv"', "ACME_DICT_CACHE_MAX_ENTRIES = 0")
    done = acme.run("run")
    assert done.returncode == 3
    for part in ("pagerapi", "ACME_PEOPLE_CSV", "ACME_DICT_CACHE_MAX_ENTRIES"):
        assert part in done.stderr, done.stderr
