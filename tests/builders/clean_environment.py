"""A Python environment of its own, with what a test puts into it and nothing of this workspace besides.

What the distributions in it require is linked from the environment the tests run in, so that nothing is downloaded
and only declared requirements are found.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterable, Mapping
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

SOURCE = Path(sysconfig.get_path("purelib"))
BUILD = "import os, sys; from hatchling.build import build_wheel; os.chdir(sys.argv[1]); build_wheel(sys.argv[2])"
START = "import sys\nfrom {module} import {call}\nsys.exit({call}())\n"


class CleanEnvironment:
    """A virtual environment in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Nobody needs pip in it where uv installs, and it takes longer than all the rest.
        venv.create(folder, symlinks=True, with_pip=_uv() is None)
        self.bin = folder / "bin"
        self.python = self.bin / "python"
        self.site = next(folder.glob("lib/python3*/site-packages"))

    def link(self, *requirements: str) -> None:
        """Makes installed distributions of the environment the tests run in visible, with all they require.

        Those that are named have their commands, too.
        """
        for name in _closure(requirements):
            for entry in _top_level(name):
                if not (self.site / entry).exists():
                    (self.site / entry).symlink_to(SOURCE / entry)
        for requirement in requirements:
            self._add_commands(Requirement(requirement).name)

    def link_core(self) -> None:
        """Makes the core of this workspace visible, with its command."""
        self.link("busway")

    def _add_commands(self, name: str) -> None:
        for point in distribution(name).entry_points.select(group="console_scripts"):
            command = self.bin / point.name
            command.write_text(f"#!{self.python}\n{START.format(module=point.module, call=point.attr)}", "utf-8")
            command.chmod(0o755)

    def install(self, *arguments: str | Path) -> None:
        """``pip install``, without an index: what is required must be there already.

        uv would take requirements from its cache rather than see the linked ones, and the cache need not have them.
        """
        uv = _uv()
        if uv is not None:
            command = [uv, "pip", "install", "--quiet", "--offline", "--python", str(self.python)]
            command += [] if "--no-deps" in arguments else ["--no-deps"]
        else:
            command = [str(self.python), "-m", "pip", "install", "--quiet", "--no-index"]
        self._check([*command, "--no-build-isolation", *map(str, arguments)])

    def install_editable(self, project: Path) -> None:
        """``pip install --editable``."""
        # By itself hatchling asks for the distribution `editables`, which nothing else here needs.
        (project / "hatch.toml").write_text('[build]\ndev-mode-dirs = ["."]\n', "utf-8")
        # What it requires is not looked at: a linked core that is editable itself satisfies nothing in the eyes of uv.
        self.install("--no-deps", "--editable", project)

    def uninstall(self, distribution_name: str) -> None:
        """``pip uninstall``."""
        uv = _uv()
        if uv is not None:
            command = [uv, "pip", "uninstall", "--quiet", "--python", str(self.python)]
        else:
            command = [str(self.python), "-m", "pip", "uninstall", "--quiet", "--yes"]
        self._check([*command, distribution_name])

    def environ(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment variables of a shell in which this environment is active, and no setting of Busway is set."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("BUSWAY_", "ACME_"))}
        inherited.pop("PYTHONPATH", None)
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        # Authors' tests need no plugins of pytest, and loading that of hypothesis takes longer than most of them.
        quick = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        return {**inherited, **quick, "VIRTUAL_ENV": str(self.folder), "PATH": path, **(more or {})}

    def run(self, *command: str, cwd: Path, more: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Runs a program of this environment."""
        program = str(self.bin / command[0])
        return subprocess.run(
            [program, *command[1:]], cwd=cwd, env=self.environ(more), capture_output=True, text=True, check=False
        )

    def _check(self, command: list[str]) -> None:
        done = subprocess.run(command, env=self.environ(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"


def build_wheels(sources: Iterable[Path], folder: Path) -> list[Path]:
    """The wheel of each project, made from a copy of it outside the workspace; no index and no download."""
    made = []
    for source in sources:
        copy = folder / "sources" / source.name
        shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
        out = folder / "wheels" / source.name
        out.mkdir(parents=True)
        subprocess.run([sys.executable, "-c", BUILD, str(copy), str(out)], check=True, capture_output=True)
        made += sorted(out.glob("*.whl"))
    return made


def _uv() -> str | None:
    return os.environ.get("UV") or shutil.which("uv")


def _closure(requirements: Iterable[str]) -> list[str]:
    """The distributions named, and what they require on this platform, each once."""
    found: dict[str, None] = {}
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        wanted = waiting.pop()
        if wanted.name in found:
            continue
        found[wanted.name] = None
        extras = ["", *wanted.extras]
        for text in distribution(wanted.name).requires or ():
            needed = Requirement(text)
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(needed)
    return list(found)


def _top_level(name: str) -> set[str]:
    """The entries of ``site-packages`` that a distribution consists of."""
    parts = {file.parts[0] for file in distribution(name).files or ()}
    return {part for part in parts if part not in ("..", "__pycache__") and (SOURCE / part).exists()}
