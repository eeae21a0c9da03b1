"""500 random steps of real installers on a real environment: the index is never stale.

Another process asks all the time, so that it finds the environment in the middle of steps, too, and keeps what it found
whenever the rules let it.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from busway.plugins.index import load_index
from busway.plugins.index_build import TRUST_AFTER_NS

STEPS = 500
AGEING_STEPS = 60
"""After so many of them the environment is left alone until its index is kept."""
NAMES = ("acme-a", "acme-b", "acme-c")
VERSIONS = ("1.0", "1.1", "2.0", "3.0")
KINDS = ("secrets", "caches", "sinks", "validators", "jobs")

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]

TRUTH = """
import json, sys
from importlib.metadata import distributions
found = {}
for each in distributions(path=[sys.argv[1]]):
    assert each.name not in found, each.name
    found[each.name] = [
        [point.group.removeprefix("busway.v1."), point.name, point.value, each.name, each.version]
        for point in each.entry_points if point.group.startswith("busway.v1.")
    ]
print(json.dumps(sorted(sum(found.values(), []))))
"""
READER = """
import sys, time
from pathlib import Path
from busway.plugins.index import load_index
while True:
    load_index(path=[sys.argv[1]], cache_file=Path(sys.argv[2]))
    time.sleep(0.02)
"""


def wheel(folder: Path, name: str, version: str) -> Path:
    """A wheel whose plugins depend on its version; one version has none."""
    package = name.replace("-", "_")
    kinds = KINDS[: VERSIONS.index(version)]
    points = "".join(f"[busway.v1.{kind}]\n{name}-{version} = {package}\n" for kind in kinds)
    info = f"{package}-{version}.dist-info"
    files = {
        f"{package}/__init__.py": f"version = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: Soaked.\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: busway\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": points,
    }
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    path = folder / f"{package}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inside, text in files.items():
            archive.writestr(inside, text)
    return path


class Environment:
    """A virtual environment, two installers, and the wheels they install."""

    def __init__(self, folder: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
        self.python = str(folder / "venv" / "bin" / "python")
        (self.site,) = (folder / "venv" / "lib").glob("python*/site-packages")
        self.kept = folder / "kept" / "index"
        (folder / "wheels").mkdir()
        self.wheels = {(name, one): wheel(folder / "wheels", name, one) for name in NAMES for one in VERSIONS}
        self.pip = [self.python, "-m", "pip", "--disable-pip-version-check", "--quiet"]
        self.uv = ["uv", "--offline", "--quiet", "--cache-dir", str(folder / "uv-cache"), "pip"]

    def install(self, tool: str, name: str, version: str) -> None:
        """Installs, upgrades, downgrades, or installs again."""
        file = str(self.wheels[name, version])
        if tool == "pip":
            self._run([*self.pip, "install", "--no-index", "--no-deps", "--force-reinstall", "--no-compile", file])
        else:
            self._run([*self.uv, "install", "--python", self.python, "--no-index", "--no-deps", "--reinstall", file])

    def remove(self, tool: str, name: str) -> None:
        if tool == "pip":
            self._run([*self.pip, "uninstall", "--yes", name])
        else:
            self._run([*self.uv, "uninstall", "--python", self.python, name])

    def ask(self) -> list[list[str]]:
        """What the index says."""
        index = load_index(path=[str(self.site)], cache_file=self.kept)
        assert not index.unreadable()
        entries = [each for kind in KINDS for each in index.entries(kind)]
        return sorted([each.kind, each.name, each.value, each.distribution, each.version] for each in entries)

    def truth(self) -> list[list[str]]:
        """What the metadata says to a fresh process."""
        done = subprocess.run([self.python, "-c", TRUTH, str(self.site)], check=True, capture_output=True, text=True)
        found: list[list[str]] = json.loads(done.stdout)
        return found

    def age(self) -> None:
        """Leaves the environment alone until an index of it is kept."""
        time.sleep(TRUST_AFTER_NS / 1e9 + 0.1)
        self.ask()
        assert self.kept.exists()

    def _run(self, command: list[str]) -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[Environment]:
    if shutil.which("uv") is None:
        pytest.skip("uv is not installed")
    made = Environment(tmp_path)
    reader = subprocess.Popen([sys.executable, "-c", READER, str(made.site), str(made.kept)])
    yield made
    assert reader.poll() is None, "the process that asked all the time has died"
    reader.kill()
    reader.wait()


def test_no_answer_is_stale_in_500_steps_of_pip_and_uv(environment: Environment) -> None:
    chance = random.Random(500)
    ageing = set(chance.sample(range(STEPS), AGEING_STEPS))
    there: dict[str, str] = {}
    ended: list[float] = []
    stale: list[str] = []
    for number in range(STEPS):
        tool, name = chance.choice(["pip", "uv", "uv"]), chance.choice(NAMES)
        if name in there and chance.random() < 0.3:
            what = f"{number}: {tool} removes {name} {there.pop(name)}"
            environment.remove(tool, name)
        else:
            before, there[name] = there.get(name, "nothing"), chance.choice(VERSIONS)
            what = f"{number}: {tool} puts {name} {there[name]} in place of {before}"
            environment.install(tool, name, there[name])
        answer = environment.ask()
        ended.append(time.monotonic())
        if answer != environment.truth():
            stale.append(what)
        if number in ageing:
            environment.age()
    within_a_second = sum(later - earlier < 1 for earlier, later in zip(ended, ended[2:], strict=False))
    assert not stale
    assert within_a_second > STEPS // 10, "the steps are meant to come several in a second"
