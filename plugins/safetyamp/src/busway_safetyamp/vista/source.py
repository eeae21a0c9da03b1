"""What is read from Vista: people, their recent jobs, departments and jobs, each in one query."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from busway.contracts.records import Record
from busway_safetyamp.settings.vista import VistaSettings
from busway_safetyamp.vista.database import VistaDatabase
from busway_safetyamp.vista.status import CLOSED, OPEN
from busway_safetyamp.vista.tables import VistaTables

__all__ = ["VistaSource"]

EMPLOYEE_COLUMNS = (
    *("PRCo", "Employee", "FirstName", "MidName", "LastName", "Sex", "PRDept", "Email", "udEmpTitle"),
    *("BirthDate", "HireDate", "TermDate", "Address", "City", "State", "Zip"),
)
JOB_COLUMNS = (
    *("JCCo", "Job", "Description", "Contract", "JobStatus"),
    *("ShipAddress", "ShipCity", "ShipState", "ShipZip"),
)
DEPARTMENT_COLUMNS = ("PRCo", "PRDept", "Description", "udRegion")
CONTRACT_COLUMNS = ("JCCo", "Contract", "Department")
WORK_COLUMNS = ("PRCo", "Employee", "Job", "PREndDate")
_EVERYTHING = {"PRDP": DEPARTMENT_COLUMNS, "JCJM": JOB_COLUMNS, "JCCM": CONTRACT_COLUMNS, "PRJC": WORK_COLUMNS}
ONE_DAY = timedelta(days=1)


class VistaSource:
    """Reads Vista's tables into plain records, named like the columns.

    Days are compared as half-open ranges ("before the day after"), which holds for dates, for points in time, and for
    both written as text. Every method raises ``UnreachableError`` (BW5105), ``RefusedError`` (BW5007) and
    ``ConfigurationError`` (BW5106 for a missing table or column, BW5107 for an address that cannot be used).

    :param today: the day it is where the people work.
    """

    def __init__(self, database: VistaDatabase, settings: VistaSettings, today: Callable[[], date]) -> None:
        self._database = database
        self._settings = settings
        self._tables = VistaTables(settings.vista_table_prefix)
        self._today = today

    def employees(self) -> list[Record]:
        """The active people: hired by today (plus the lead), not yet left; phones as ``MobilePhone``, ``WorkPhone``."""
        named = self._phones()
        with self._database.connection() as connection:
            needed = (*EMPLOYEE_COLUMNS, *named.values())
            people = self._tables.find(connection, "PREH", needed, ("Address2", "ActiveYN"))
            columns = [people.c[name] for name in (*EMPLOYEE_COLUMNS, "Address2") if name in people.c]
            labelled = [people.c[name].label(label) for label, name in named.items()]
            query = sa.select(*columns, *labelled).where(*self._active(people))
            return _records(connection.execute(query.order_by(people.c.PRCo, people.c.Employee)))

    def recent_jobs(self) -> list[Record]:
        """``PRCo``, ``Employee`` and ``Job`` (with its dot): the open job each person last worked on in the window."""
        with self._database.connection() as connection:
            work = self._tables.find(connection, "PRJC", WORK_COLUMNS, ("JCCo", "Hours"))
            jobs = self._tables.find(connection, "JCJM", ("JCCo", "Job", "JobStatus"))
            # Total order: two jobs in one pay period must not take turns from run to run.
            hours = [work.c.Hours.desc()] if "Hours" in work.c else []
            order = (work.c.PREndDate.desc(), *hours, work.c.Job)
            place = sa.func.row_number().over(partition_by=(work.c.PRCo, work.c.Employee), order_by=order)
            ranked = (
                sa.select(work.c.PRCo, work.c.Employee, work.c.Job, place.label("place"))
                .join_from(work, jobs, sa.and_(jobs.c.JCCo == _job_company(work), jobs.c.Job == work.c.Job))
                .where(work.c.PRCo.in_(self._settings.vista_companies), work.c.PREndDate >= self._window())
                .where(jobs.c.JobStatus == OPEN)
                .subquery()
            )
            columns = (ranked.c.PRCo, ranked.c.Employee, ranked.c.Job)
            query = sa.select(*columns).where(ranked.c.place == 1).order_by(*columns)
            return _records(connection.execute(query))

    def departments(self) -> list[Record]:
        """Payroll departments: ``PRCo``, ``PRDept``, ``Description``, ``udRegion``; region and text may be missing."""
        with self._database.connection() as connection:
            table = self._tables.find(connection, "PRDP", DEPARTMENT_COLUMNS)
            query = sa.select(*table.c).where(table.c.PRCo.in_(self._settings.vista_companies))
            return _records(connection.execute(query.order_by(table.c.PRCo, table.c.PRDept)))

    def jobs(self) -> list[Record]:
        """Open jobs, and closed ones that somebody worked on within the window, with ``Department`` of the contract.

        ``JobStatus`` is among the columns. ``Department`` is a job-cost department, and ``None`` without a contract.
        """
        with self._database.connection() as connection:
            jobs = self._tables.find(connection, "JCJM", JOB_COLUMNS)
            contracts = self._tables.find(connection, "JCCM", CONTRACT_COLUMNS)
            work = self._tables.find(connection, "PRJC", WORK_COLUMNS, ("JCCo",))
            worked_on = sa.exists().where(
                _job_company(work) == jobs.c.JCCo, work.c.Job == jobs.c.Job, work.c.PREndDate >= self._window()
            )
            same = sa.and_(contracts.c.JCCo == jobs.c.JCCo, contracts.c.Contract == jobs.c.Contract)
            query = (
                sa.select(*jobs.c, contracts.c.Department)
                .join_from(jobs, contracts, same, isouter=True)
                .where(jobs.c.JCCo.in_(self._settings.vista_companies))
                .where(sa.or_(jobs.c.JobStatus == OPEN, sa.and_(jobs.c.JobStatus.in_(CLOSED), worked_on)))
                .order_by(jobs.c.JCCo, jobs.c.Job)
            )
            return _records(connection.execute(query))

    def expect_address(self) -> None:
        """Raises ``ConfigurationError`` (BW5107) when no database is named, without asking it anything."""
        self._database.expect_address()

    def check(self) -> int:
        """Looks for every table and column that is read, and returns how many people :meth:`employees` would."""
        with self._database.connection() as connection:
            for name, columns in _EVERYTHING.items():
                self._tables.find(connection, name, columns)
            people = self._tables.find(connection, "PREH", (*EMPLOYEE_COLUMNS, *self._phones().values()), ("ActiveYN",))
            query = sa.select(sa.func.count()).select_from(people).where(*self._active(people))
            return int(connection.scalar(query) or 0)

    def close(self) -> None:
        """Closes the pool."""
        self._database.close()

    def _phones(self) -> dict[str, str]:
        named = {"MobilePhone": self._settings.mobile_phone_column, "WorkPhone": self._settings.work_phone_column}
        return {label: column for label, column in named.items() if column}

    def _active(self, people: sa.TableClause) -> list[sa.ColumnElement[bool]]:
        today = self._today()
        hired_before = today + timedelta(days=self._settings.vista_hire_lead_days) + ONE_DAY
        rules: list[sa.ColumnElement[bool]] = [
            people.c.PRCo.in_(self._settings.vista_companies),
            people.c.HireDate < hired_before,
            sa.or_(people.c.TermDate.is_(None), people.c.TermDate >= today + ONE_DAY),
        ]
        return [*rules, people.c.ActiveYN == "Y"] if "ActiveYN" in people.c else rules

    def _window(self) -> date:
        return self._today() - timedelta(days=self._settings.vista_job_window_days)


def _job_company(work: sa.TableClause) -> sa.ColumnElement[Any]:
    """The job's company is the row's own where the table says it."""
    return work.c.JCCo if "JCCo" in work.c else work.c.PRCo


def _records(result: Any) -> list[Record]:
    names = tuple(result.keys())
    return [dict(zip(names, map(_plain, row), strict=True)) for row in result]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, (date, datetime)) else value
