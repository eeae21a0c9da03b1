"""The stage of the demo: a folder with a deployment, a synthetic Vista, and the sandbox it talks to."""

from __future__ import annotations

import tempfile
from pathlib import Path

import sqlalchemy as sa

from busway_safetyamp.sandbox.company import Company
from busway_safetyamp.sandbox.paste import sandbox_settings, write_env_file
from busway_safetyamp.sandbox.seeding import world_for_company
from busway_safetyamp.sandbox.server import Sandbox
from busway_safetyamp.sandbox.vista import EMPLOYEES, VistaFile

__all__ = ["Stage"]

DEPLOYMENT = """\
# The deployment of `busway demo`. The sandbox it talks to lives as long as the demo;
# `busway safetyamp sandbox --env-file .env` in this folder starts another one.
app = "demo"

[plugins]
secrets = ["env", "dotenv"]
caches = ["memory"]
sinks = ["log", "ledger"]
validators = ["safetyamp"]
jobs = ["safetyamp"]

[settings]
ENV = "dev"
"""


class Stage:
    """Everything the demo needs, in one folder that stays. Use as a context manager; leaving it stops the sandbox."""

    def __init__(self, people: int, seed: int) -> None:
        self.company = Company(seed, people)
        self.folder = Path(tempfile.mkdtemp(prefix="busway-demo-"))
        self.vista = VistaFile(self.folder / "vista.db")
        self.vista.write(self.company.rows)
        self.sandbox = Sandbox(world_for_company(self.company), quota=None)

    def __enter__(self) -> Stage:
        self.sandbox.start()
        (self.folder / "busway.toml").write_text(DEPLOYMENT, "utf-8")
        write_env_file(self.folder / ".env", sandbox_settings(self.sandbox, self.vista.url))
        return self

    def __exit__(self, *exc: object) -> None:
        self.sandbox.close()

    @property
    def users(self) -> int:
        """Users in the sandbox now."""
        return len(self.sandbox.world.records("users"))

    def a_day_passes(self) -> None:
        """One person leaves the company, and another gets a new title."""
        leaver, mover = self._two_who_stay()
        title = next(one for one in self.company.titles if one != mover["udEmpTitle"].strip())
        engine = sa.create_engine(self.vista.url, poolclass=sa.pool.NullPool)
        with engine.begin() as connection:
            gone = {"ActiveYN": "N", "TermDate": self.company.today}
            connection.execute(_change(leaver["Employee"]).values(**gone))
            connection.execute(_change(mover["Employee"]).values(udEmpTitle=title))

    def _two_who_stay(self) -> tuple[dict[str, object], dict[str, str]]:
        """The last two whose records have no flaw: they were created by the first run, and are managed."""
        sound = [row for row in self.company.active if row["Email"] and row["udEmpTitle"]]
        return sound[-1], sound[-2]


def _change(employee: object) -> sa.Update:
    return sa.update(EMPLOYEES).where(EMPLOYEES.c.Employee == employee)
