"""The stage of the demo: a folder with a deployment, a synthetic Vista, and the remote systems it talks to."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from busway_safetyamp.demo.post_office import PostOffice
from busway_safetyamp.sandbox.company import Company
from busway_safetyamp.sandbox.paste import write_env_file
from busway_safetyamp.sandbox.rows import Row
from busway_safetyamp.sandbox.seeding import world_for_company
from busway_safetyamp.sandbox.stand_ins import StandInOptions, StandIns
from busway_safetyamp.sandbox.vista import EMPLOYEES, VistaFile
from busway_safetyamp.sandbox.words import MAIL_DOMAIN

__all__ = ["Stage"]

DEPLOYMENT = """\
# The deployment of `busway demo`. The sandbox it talks to lives as long as the demo;
# `busway safetyamp sandbox --vista vista.db --env-file .env` in this folder starts another one.
app = "demo"

[plugins]
secrets = ["env", "dotenv"]
caches = ["memory"]
sinks = [{sinks}]
validators = ["safetyamp"]
jobs = ["safetyamp"]

[settings]
ENV = "dev"
SAFETYAMP_USER_AGENT = "BuswayDemo/1.0"
"""


class Stage:
    """Everything the demo needs, in one folder that stays. Use as a context manager; leaving it ends the sandbox.

    What is not installed is left out: the directory without ``trustme``, which makes its certificate, the mail without
    the email sink.
    """

    def __init__(self, people: int, seed: int) -> None:
        self.company = Company(seed, people)
        self.folder = Path(tempfile.mkdtemp(prefix="busway-demo-"))
        self.vista = VistaFile(self.folder / "vista.db")
        self.vista.write(self.company.rows)
        options = StandInOptions(quota=None, graph=find_spec("trustme") is not None)
        self.stand_ins = StandIns(world_for_company(self.company), self.company.active, seed=seed, options=options)
        self.sandbox = self.stand_ins.safetyamp
        self.post_office = PostOffice() if find_spec("busway_sink_email") is not None else None
        self._running = ExitStack()
        self._lost: list[int] = []

    def __enter__(self) -> Stage:
        self._running.enter_context(self.stand_ins)
        settings, sinks = self.stand_ins.settings(self.vista.url), ["log", "ledger"]
        if self.post_office is not None:
            self.post_office.start()
            self._running.callback(self.post_office.close)
            settings, sinks = {**settings, **self.post_office.settings}, [*sinks, "email"]
        named = ", ".join(f'"{sink}"' for sink in sinks)
        (self.folder / "busway.toml").write_text(DEPLOYMENT.format(sinks=named), "utf-8")
        write_env_file(self.folder / ".env", settings)
        return self

    def __exit__(self, *exc: object) -> None:
        self._running.close()

    def somebody_mends_an_address(self) -> str:
        """Whoever has no e-mail address in payroll gets one; returns the numbers of those people."""
        rows = [row for row in self.company.active if row["Email"] is None]
        for row in rows:
            row["Email"] = f"e{row['Employee']}@{MAIL_DOMAIN}"
            self._change([row], Email=row["Email"])
        return " and ".join(str(row["Employee"]) for row in rows)

    def a_day_passes(self) -> None:
        """One person leaves the company, another gets a new title, and two vehicles swap their gateways."""
        leaver, mover = self._sound()[-1], self._sound()[-2]
        title = next(one for one in self.company.titles if one != mover["udEmpTitle"].strip())
        leaver["ActiveYN"] = "N"
        self._change([leaver], ActiveYN="N", TermDate=self.company.today)
        self._change([mover], udEmpTitle=title)
        one, two = self.stand_ins.samsara.fleet.vehicles[:2]
        one["serial"], two["serial"] = two["serial"], one["serial"]

    def payroll_loses_people(self) -> int:
        """A tenth of the people are not active any more, says payroll; returns how many."""
        rows = self._sound()[::10]
        self._lost = [row["Employee"] for row in rows]
        self._change(rows, ActiveYN="N")
        return len(rows)

    def payroll_finds_them_again(self) -> None:
        """They were there all the time."""
        self._change([{"Employee": number} for number in self._lost], ActiveYN="Y")

    def _sound(self) -> list[Row]:
        """People at work whose records have no flaw. The last two were created by the first run, and are managed."""
        return [row for row in self.company.active if row["Email"] and row["udEmpTitle"]]

    def _change(self, rows: Iterable[Row], **values: Any) -> None:
        numbers = [row["Employee"] for row in rows]
        engine = sa.create_engine(self.vista.url, poolclass=sa.pool.NullPool)
        with engine.begin() as connection:
            connection.execute(sa.update(EMPLOYEES).where(EMPLOYEES.c.Employee.in_(numbers)).values(**values))
