"""A deployment with the sandbox it talks to: what end-to-end tests start from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from busway.cli.main import main
from busway_safetyamp.sandbox.company import Company
from busway_safetyamp.sandbox.paste import write_env_file
from busway_safetyamp.sandbox.seeding import world_for_company
from busway_safetyamp.sandbox.stand_ins import StandInOptions, StandIns
from busway_safetyamp.sandbox.vista import VistaFile

TOML = """\
app = "test"
[plugins]
sinks = ["log", "ledger"]
validators = ["safetyamp"]
jobs = ["safetyamp"]
[settings]
ENV = "dev"
SAFETYAMP_RETRY_BUDGET_SECONDS = 0
"""


class SandboxDeployment:
    """A folder with ``busway.toml``, ``.env`` and a synthetic Vista, and an account with a fleet; close it at the end.

    There is no directory: Microsoft's library speaks HTTPS only, and making certificates takes its time.
    """

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], *, people: int = 30, seed: int = 7) -> None:
        self.folder = folder
        self.company = Company(seed, people)
        self.vista = VistaFile(folder / "vista.db")
        self.vista.write(self.company.rows)
        world, options = world_for_company(self.company), StandInOptions(quota=None, graph=False)
        self.stand_ins = StandIns(world, self.company.active, seed=seed, options=options).start()
        self.sandbox = self.stand_ins.safetyamp
        self._capsys = capsys
        (folder / "busway.toml").write_text(TOML, "utf-8")
        self.configure({})

    def configure(self, changes: Mapping[str, str]) -> None:
        """Writes ``.env`` for the sandbox, with some settings changed; an empty one is left out."""
        settings = {**self.stand_ins.settings(self.vista.url), **changes}
        write_env_file(self.folder / ".env", {name: value for name, value in settings.items() if value})

    def add_toml(self, text: str) -> None:
        """Appends to ``busway.toml``."""
        with (self.folder / "busway.toml").open("a", encoding="utf-8") as file:
            file.write(text)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """One command in this process: exit code, stdout, stderr."""
        self._capsys.readouterr()
        code = main(["-C", str(self.folder), *arguments])
        shown = self._capsys.readouterr()
        return code, shown.out, shown.err

    def json(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """One command with ``--json``: exit code and the envelope."""
        code, out, _ = self.run(*arguments, "--json")
        envelope: dict[str, Any] = json.loads(out)
        return code, envelope

    @property
    def writes(self) -> int:
        """Writes the sandbox has taken."""
        return len(self.sandbox.ledger)

    def close(self) -> None:
        """Stops the stand-ins."""
        self.stand_ins.close()
