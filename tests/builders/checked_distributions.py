"""A deployment with throw-away distributions of its own, and the command line on it: in this process or another."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builders.distributions import Installed, Site
from busway.cli.main import main

__all__ = ["HEALTHY", "MODEL", "Answer", "CheckedDeployment", "install_specimen"]

MODEL = """
from busway import Secret, Settings, setting
class Mine(Settings):
    size: int = setting(7, env="ACME_SIZE", doc="How many.")
    token: Secret = setting(env="ACME_TOKEN", doc="The token.")
@hookimpl
def busway_settings():
    return Mine
"""
"""Lines of a module that declare two settings, one of them a secret that has to be set."""

HEALTHY = """
from busway.contracts.health import HealthCheck, HealthResult
@hookimpl
def busway_health_checks(context):
    return [
        HealthCheck("acme.folder", lambda: HealthResult("ok", "there is room")),
        HealthCheck("acme.ping", lambda: HealthResult("degraded", "nobody answers at acme.test", "call acme"), True),
    ]
"""
"""Lines of a module with a health check that passes, and one that talks to a remote and does not."""


@dataclass(frozen=True)
class Answer:
    """What one command said."""

    code: int
    out: str
    err: str

    @property
    def envelope(self) -> dict[str, Any]:
        """The JSON object on stdout."""
        found: dict[str, Any] = json.loads(self.out)
        return found

    def row(self, name: str) -> dict[str, Any]:
        """The row of the plugin `name`, or `kind.name`."""
        rows = [row for row in self.envelope["data"] if name in (row["name"], f"{row['kind']}.{row['name']}")]
        assert len(rows) == 1, rows
        found: dict[str, Any] = rows[0]
        return found


class CheckedDeployment:
    """A folder with `busway.toml`, and a site whose distributions this process and its children can import."""

    def __init__(self, folder: Path, site: Site) -> None:
        self.folder = folder
        self.site = site
        self.state_dir = folder / ".busway"
        folder.mkdir()

    def select(self, more: str = "", **plugins: list[str]) -> None:
        """Write `busway.toml`; kinds that are not named select nothing but the environment as a secret source."""
        chosen: dict[str, list[str]] = {"secrets": ["env"], "caches": [], "sinks": [], **plugins}
        lines = [f"{kind} = {json.dumps(names)}" for kind, names in chosen.items()]
        text = "\n".join(['app = "acme"', "[plugins]", *lines, more, ""])
        (self.folder / "busway.toml").write_text(text, "utf-8")

    def run(self, *arguments: str) -> Answer:
        """One command in this process; children that it starts are real."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(["-C", str(self.folder), *arguments])
        return Answer(code, out.getvalue(), err.getvalue())

    def check(self, *arguments: str) -> Answer:
        """`busway plugins check --json`."""
        return self.run("plugins", "check", *arguments, "--json")

    def run_apart(self, *arguments: str) -> Answer:
        """One command in a process of its own, for what could end this one."""
        path = filter(None, [str(self.site.folder), os.environ.get("PYTHONPATH")])
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
        command = [sys.executable, "-m", "busway.cli.main", "-C", str(self.folder), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env=environ, timeout=60, check=False)
        return Answer(done.returncode, done.stdout, done.stderr)


def install_specimen(site: Site, name: str, source: str, kind: str = "sinks") -> Installed:
    """A plugin whose settings have names of their own, so that many can be selected together."""
    prefix = name.upper().replace("-", "_")
    return site.install(name, source.replace("ACME_", f"{prefix}_"), kind=kind)
