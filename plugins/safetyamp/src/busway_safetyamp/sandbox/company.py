"""A synthetic company: people, departments, jobs and contracts, as a Vista would hold them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from busway_safetyamp.sandbox.people import People
from busway_safetyamp.sandbox.rows import Row, VistaRows
from busway_safetyamp.sandbox.words import COMPANY_NAME, MOST_PEOPLE
from busway_safetyamp.sandbox.works import (
    COMPANY,
    OPEN,
    contract_rows,
    department_rows,
    job_rows,
    job_title_names,
)

__all__ = ["Company"]

_PERIODS = 3


class Company:
    """The same ``seed``, ``people`` and ``today`` give the same company.

    ``people`` is the number of those at work on ``today``; a few leavers, joiners to come and people on leave are
    added. Their rows have the flaws of real payroll data: padded names, unusual zip codes, malformed and shared
    telephone numbers, and for a handful an e-mail address that is missing or belongs to somebody else.
    """

    def __init__(self, seed: int, people: int = 300, today: date | None = None) -> None:
        if not 1 <= people <= MOST_PEOPLE:
            raise ValueError(f"people must be from 1 to {MOST_PEOPLE}")
        self.name = COMPANY_NAME
        self.seed = seed
        self.today = datetime.combine(today or datetime.now(UTC).date(), time())
        self.titles: list[str] = job_title_names(_random(seed, "titles"), people)
        departments = department_rows(people)
        jobs = job_rows(_random(seed, "jobs"), people)
        contracts = contract_rows(_random(seed, "contracts"), jobs, departments)
        staff = People(_random(seed, "people"), people, departments=departments, titles=self.titles, today=self.today)
        recent = _recent_jobs(_random(seed, "work"), staff.rows, jobs, self.today)
        self.rows = VistaRows(staff.rows, departments, jobs, contracts, recent)

    @property
    def employees(self) -> Sequence[Row]:
        """``bPREH``, leavers included."""
        return self.rows.employees

    @property
    def active(self) -> list[Row]:
        """Those at work on ``today``: active, hired and not gone."""
        return [row for row in self.rows.employees if _at_work(row, self.today)]

    @property
    def departments(self) -> Sequence[Row]:
        """``bPRDP``"""
        return self.rows.departments

    @property
    def regions(self) -> list[str]:
        """The regions the departments belong to, each once."""
        return list(dict.fromkeys(row["udRegion"] for row in self.rows.departments if row["udRegion"]))

    @property
    def jobs(self) -> Sequence[Row]:
        """``bJCJM``, closed ones included."""
        return self.rows.jobs

    @property
    def contracts(self) -> Sequence[Row]:
        """``bJCCM``"""
        return self.rows.contracts

    @property
    def recent_jobs(self) -> Sequence[Row]:
        """``bPRJC``"""
        return self.rows.recent_jobs

    def __repr__(self) -> str:
        return f"Company({len(self.employees)} people, {len(self.jobs)} jobs)"


def _random(seed: int, part: str) -> Random:
    """Each part draws from its own sequence, so that a change in one leaves the others as they were."""
    return Random(f"{seed}/{part}")  # noqa: S311 - synthetic data has to be repeatable, not unguessable


def _at_work(row: Row, today: datetime) -> bool:
    leaves = row["TermDate"]
    return row["ActiveYN"] == "Y" and row["HireDate"] <= today and (leaves is None or leaves > today)


def _recent_jobs(random: Random, employees: list[Row], jobs: list[Row], today: datetime) -> list[Row]:
    """The weeks people worked: most on an open job lately, some long ago or on a job closed since."""
    open_jobs = [job["Job"] for job in jobs if job["JobStatus"] == OPEN]
    closed_jobs = [job["Job"] for job in jobs if job["JobStatus"] != OPEN] or open_jobs
    # Pay weeks end on the Sunday before today.
    sunday = today - timedelta(days=today.weekday() + 1)
    rows: list[Row] = []
    for employee in employees:
        luck = random.random()
        weeks_ago = random.randint(0, 10) if luck < 0.96 else random.randint(40, 60)
        codes = random.sample(open_jobs if luck < 0.93 else closed_jobs, 1) * (_PERIODS if luck < 0.98 else 0)
        if codes and random.random() < 0.05:
            codes.append(random.choice(open_jobs))  # two jobs in the latest week
        for at, code in enumerate(codes):
            ended = sunday - timedelta(weeks=weeks_ago + at % _PERIODS)
            rows.append(_work(employee, code, ended, random.choice((8.0, 24.0, 32.0, 40.0))))
    return rows


def _work(employee: Row, job: str, ended: datetime, hours: float) -> Row:
    return {
        "PRCo": COMPANY,
        "PREndDate": ended,
        "JCCo": COMPANY,
        "Job": job,
        "Employee": employee["Employee"],
        "Class": employee["Class"],
        "Hours": hours,
    }
