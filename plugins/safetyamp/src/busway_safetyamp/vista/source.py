"""The source: people, their recent jobs and departments in Viewpoint Vista. Read-only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc

from busway.contracts.records import Record
from busway.errors import ConfigurationError
from busway_safetyamp.settings import SafetyAmpSettings
from busway_safetyamp.vista_database import VistaDatabase

__all__ = ["VistaSource"]

EMPLOYEE_COLUMNS = (
    *("PRCo", "Employee", "FirstName", "MidName", "LastName", "Sex", "PRDept", "Email", "udEmpTitle"),
    *("BirthDate", "HireDate", "TermDate", "Address", "City", "State", "Zip"),
)
OPEN = 1
ONE_DAY = timedelta(days=1)


class VistaSource:
    """Reads Vista's tables into plain records, named like the columns.

    Days are compared as half-open ranges ("before the day after"), which holds for dates, for points in time, and for
    both written as text. Every method raises ``UnreachableError`` (BW5105), ``RefusedError`` (BW5007) and
    ``ConfigurationError`` (BW5106 for a missing table or column, BW5107 for an unusable ``VISTA_URL``).
    """

    def __init__(self, database: VistaDatabase, settings: SafetyAmpSettings, today: Callable[[], date]) -> None:
        self._database = database
        self._settings = settings
        self._today = today

    def employees(self) -> list[Record]:
        """The active people: hired by today (plus the lead), not yet left; phones as ``MobilePhone``, ``WorkPhone``."""
        today = self._today()
        phones = {"MobilePhone": self._settings.mobile_phone_column, "WorkPhone": self._settings.work_phone_column}
        named = {label: name for label, name in phones.items() if name}
        with self._database.connection() as connection:
            people, present = self._table(connection, "PREH", (*EMPLOYEE_COLUMNS, *named.values()), ("ActiveYN",))
            hired_before = today + timedelta(days=self._settings.vista_hire_lead_days) + ONE_DAY
            rules = [
                people.c.PRCo.in_(self._settings.vista_companies),
                people.c.HireDate < hired_before,
                sa.or_(people.c.TermDate.is_(None), people.c.TermDate >= today + ONE_DAY),
            ]
            if "ActiveYN" in present:
                rules.append(people.c.ActiveYN == "Y")
            columns: list[sa.ColumnElement[Any]] = [people.c[name] for name in EMPLOYEE_COLUMNS]
            columns += [people.c[name].label(label) for label, name in named.items()]
            query = sa.select(*columns).where(*rules).order_by(people.c.PRCo, people.c.Employee)
            return _records(connection.execute(query))

    def recent_jobs(self) -> list[Record]:
        """``PRCo``, ``Employee`` and ``Job`` (with its dot): the open job each person last worked on in the window."""
        since = self._today() - timedelta(days=self._settings.vista_job_window_days)
        with self._database.connection() as connection:
            needed = ("PRCo", "Employee", "Job", "PREndDate")
            work, present = self._table(connection, "PRJC", needed, ("JCCo", "Hours"))
            jobs, _ = self._table(connection, "JCJM", ("JCCo", "Job", "JobStatus"), ())
            company = work.c.JCCo if "JCCo" in present else work.c.PRCo
            # Total order: two jobs in one pay period must not take turns from run to run.
            order = [work.c.PREndDate.desc(), *([work.c.Hours.desc()] if "Hours" in present else []), work.c.Job]
            place = sa.func.row_number().over(partition_by=(work.c.PRCo, work.c.Employee), order_by=order)
            ranked = (
                sa.select(work.c.PRCo, work.c.Employee, work.c.Job, place.label("place"))
                .join_from(work, jobs, sa.and_(jobs.c.JCCo == company, jobs.c.Job == work.c.Job))
                .where(work.c.PRCo.in_(self._settings.vista_companies), work.c.PREndDate >= since)
                .where(jobs.c.JobStatus == OPEN)
                .subquery()
            )
            columns = (ranked.c.PRCo, ranked.c.Employee, ranked.c.Job)
            query = sa.select(*columns).where(ranked.c.place == 1).order_by(*columns)
            return _records(connection.execute(query))

    def departments(self) -> list[Record]:
        """Payroll departments: ``PRCo``, ``PRDept``, ``Description``, ``udRegion``."""
        columns = ("PRCo", "PRDept", "Description", "udRegion")
        with self._database.connection() as connection:
            table, _ = self._table(connection, "PRDP", columns, ())
            query = sa.select(*(table.c[name] for name in columns))
            query = query.where(table.c.PRCo.in_(self._settings.vista_companies))
            return _records(connection.execute(query.order_by(table.c.PRCo, table.c.PRDept)))

    def ping(self) -> None:
        """Asks the database one question; raises when it does not answer."""
        with self._database.connection() as connection:
            connection.execute(sa.select(sa.literal(1)))

    def close(self) -> None:
        """Closes the pool."""
        self._database.close()

    def _table(
        self, connection: sa.Connection, name: str, needed: Sequence[str], optional: Iterable[str]
    ) -> tuple[sa.TableClause, set[str]]:
        full_name = self._settings.vista_table_prefix + name
        try:
            present = {column["name"] for column in sa.inspect(connection).get_columns(full_name)}
        except exc.NoSuchTableError:
            raise _missing(full_name, "there is no such table or view, or the login may not see it") from None
        absent = [column for column in needed if column not in present]
        if absent:
            raise _missing(full_name, f"it has no column {', '.join(absent)}")
        used = dict.fromkeys((*needed, *(column for column in optional if column in present)))
        return sa.table(full_name, *(sa.column(column) for column in used)), present


def _missing(table: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        "BW5106",
        "Vista does not have what the job reads",
        where=f"VISTA_URL, table {table}",
        why=why,
        fix="set VISTA_TABLE_PREFIX, VISTA_MOBILE_PHONE_COLUMN or VISTA_WORK_PHONE_COLUMN to what the database has",
    )


def _records(result: Any) -> list[Record]:
    names = tuple(result.keys())
    return [dict(zip(names, map(_plain, row), strict=True)) for row in result]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, (date, datetime)) else value
