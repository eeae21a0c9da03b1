"""A tenant of SafetyAmp for ``safetyamp.py``: a Vista of its size, and the account and fleet that answer."""

from __future__ import annotations

from pathlib import Path
from random import Random

import sqlalchemy as sa

from busway_safetyamp.sandbox.company import Company
from busway_safetyamp.sandbox.fleet import Fleet
from busway_safetyamp.sandbox.paste import samsara_settings, sandbox_settings, write_env_file
from busway_safetyamp.sandbox.samsara import SamsaraSandbox
from busway_safetyamp.sandbox.seeding import world_for_vista
from busway_safetyamp.sandbox.server import Sandbox
from busway_safetyamp.sandbox.vista import VistaFile
from busway_safetyamp.sandbox.works import OPEN, contract_rows, job_rows

__all__ = ["Tenant"]

PEOPLE, SITES, OFFICES = 1_880, 946, 4
ACCOUNT_CALLS, ACCOUNT_PERIOD = 60, 6.0
"""What the account allows: 60 a minute, on a clock that runs ten times as fast."""


class Tenant:
    """Use as a context manager. The account has its regions, offices, role and asset types; the jobs bring the rest."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._vista = VistaFile(folder / "vista.db")
        company = Company(1, PEOPLE)
        rows = company.rows
        regions = rows.departments[:OFFICES]
        # An account of regions: a department to each of them, as a Vista without jobs would have it.
        rows.jobs, jobs = [], rows.jobs
        rows.departments, departments = regions, rows.departments
        self._vista.write(rows)
        world = world_for_vista(self._vista)
        rows.jobs, rows.departments = jobs, departments
        self._add_jobs(company)
        self._vista.write(rows)
        self.sandbox = Sandbox(world, quota=ACCOUNT_CALLS, period=ACCOUNT_PERIOD)
        self._fleet = SamsaraSandbox(Fleet(1, company.active), quota=None)

    def __enter__(self) -> Tenant:
        self.sandbox.start()
        self._fleet.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.sandbox.close()
        self._fleet.close()

    def write_settings(self, *, calls: int, period: float) -> None:
        """Writes ``.env``; without ``calls`` neither side keeps a quota."""
        settings = sandbox_settings(self.sandbox, self._vista.url) | samsara_settings(self._fleet)
        quota = {"SAFETYAMP_RATE_LIMIT_CALLS": str(calls), "SAFETYAMP_RATE_LIMIT_PERIOD": str(period)}
        write_env_file(self._folder / ".env", settings | quota)
        self.sandbox.limiter.quota = ACCOUNT_CALLS if calls else None

    def count(self, resource: str) -> int:
        """How many records of a resource there are."""
        return len(self.sandbox.world.rows(resource))

    def writes_per(self, seconds: float, path: str) -> float:
        """The pace of the writes to ``path``, from the first to the last."""
        times = [write.time_ns for write in self.sandbox.ledger.writes if write.path == path]
        return (len(times) - 1) / (times[-1] - times[0]) * 1e9 * seconds

    def twelve_changes(self, number: int) -> None:
        """What a quiet hour brings, the ``number`` of which it is: ten people have moved, two vehicles are renamed."""
        engine = sa.create_engine(self._vista.url, poolclass=sa.pool.NullPool)
        known = {user["emp_id"] for user in self.sandbox.world.records("users") if user["emp_id"]}
        moved = sorted(known)[:10]
        with engine.begin() as connection:
            table = sa.table("bPREH", sa.column("Employee"), sa.column("City"))
            connection.execute(
                sa.update(table).where(table.c.Employee.in_(map(int, moved))).values(City=f"Newtown {number}")
            )
        for vehicle in self._fleet.fleet.vehicles[:2]:
            vehicle["name"] = f"Unit {vehicle['id'][-4:]} {number}"

    def _add_jobs(self, company: Company) -> None:
        """Open jobs until there is one for each site but the offices; the account has none of them yet."""
        random, rows = Random(1), company.rows
        known = {row["Job"] for row in rows.jobs}
        missing = SITES - OFFICES - sum(row["JobStatus"] == OPEN for row in rows.jobs)
        more = [row for row in job_rows(random, 8 * missing) if row["Job"] not in known][:missing]
        rows.jobs += [{**row, "JobStatus": OPEN} for row in more]
        rows.contracts += contract_rows(random, more, list(rows.departments))
