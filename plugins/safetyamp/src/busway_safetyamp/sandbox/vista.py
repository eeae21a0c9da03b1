"""A Vista in a SQLite file: its tables, how one is made, and what lies at an address."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy import exc

from busway.errors import UsageError
from busway_safetyamp.sandbox.rows import Row, VistaRows

__all__ = ["EMPLOYEES", "VistaFile"]

T = TypeVar("T")

_metadata = sa.MetaData()
EMPLOYEES = sa.Table(
    "bPREH",
    _metadata,
    sa.Column("PRCo", sa.SmallInteger, primary_key=True),
    sa.Column("Employee", sa.Integer, primary_key=True, autoincrement=False),
    *(sa.Column(name, sa.String(30)) for name in ("FirstName", "MidName", "LastName")),
    sa.Column("SortName", sa.String(15)),
    sa.Column("Sex", sa.String(1)),
    sa.Column("PRDept", sa.String(10)),
    sa.Column("Email", sa.String(60)),
    sa.Column("udEmpTitle", sa.String(60)),
    *(sa.Column(name, sa.DateTime) for name in ("BirthDate", "HireDate", "TermDate")),
    *(sa.Column(name, sa.String(20)) for name in ("Phone", "CellPhone")),
    *(sa.Column(name, sa.String(60)) for name in ("Address", "Address2", "City")),
    sa.Column("State", sa.String(4)),
    sa.Column("Zip", sa.String(12)),
    sa.Column("ActiveYN", sa.String(1)),
    *(sa.Column(name, sa.String(10)) for name in ("Craft", "Class")),
)
DEPARTMENTS = sa.Table(
    "bPRDP",
    _metadata,
    sa.Column("PRCo", sa.SmallInteger, primary_key=True),
    sa.Column("PRDept", sa.String(10), primary_key=True),
    *(sa.Column(name, sa.String(30)) for name in ("Description", "udRegion")),
)
JOBS = sa.Table(
    "bJCJM",
    _metadata,
    sa.Column("JCCo", sa.SmallInteger, primary_key=True),
    sa.Column("Job", sa.String(10), primary_key=True),
    sa.Column("Description", sa.String(60)),
    sa.Column("Contract", sa.String(10)),
    sa.Column("JobStatus", sa.SmallInteger),
    sa.Column("ShipAddress", sa.String(60)),
    sa.Column("ShipCity", sa.String(30)),
    sa.Column("ShipState", sa.String(4)),
    sa.Column("ShipZip", sa.String(12)),
)
CONTRACTS = sa.Table(
    "bJCCM",
    _metadata,
    sa.Column("JCCo", sa.SmallInteger, primary_key=True),
    sa.Column("Contract", sa.String(10), primary_key=True),
    sa.Column("Department", sa.String(10)),
)
RECENT_JOBS = sa.Table(
    "bPRJC",
    _metadata,
    sa.Column("PRCo", sa.SmallInteger),
    sa.Column("PREndDate", sa.DateTime),
    sa.Column("JCCo", sa.SmallInteger),
    sa.Column("Job", sa.String(10)),
    sa.Column("Employee", sa.Integer),
    sa.Column("Class", sa.String(10)),
    sa.Column("Hours", sa.Float),
    sa.Index("ibPRJC", "PRCo", "Employee", "PREndDate"),
)


class VistaFile:
    """The SQLite file behind an address: ``sqlite:///vista.db`` or just ``vista.db``.

    Other databases are refused: a sandbox has nothing to create or to replace in a real Vista.
    Raises ``UsageError`` BW8006 for an address that is not one of a SQLite file.
    """

    def __init__(self, address: str | Path) -> None:
        self.path = _file_of(str(address))

    @property
    def url(self) -> str:
        """The address with the absolute path, which holds in every folder."""
        return f"sqlite:///{self.path}"

    def people(self) -> int | None:
        """How many employees it holds; None where there is no Vista yet (no file, or an empty one).

        Raises ``UsageError`` BW8006 when the file holds something else.
        """
        if not self.path.exists() or self.path.stat().st_size == 0:
            return None
        try:
            names = set(self._read(lambda connection: sa.inspect(connection).get_table_names()))
            if names and not names >= set(_metadata.tables):
                raise _not_a_vista(self.path, f"it has tables, but not {EMPLOYEES.name} and the other four")
            count = sa.select(sa.func.count()).select_from(EMPLOYEES)
            return int(self._read(lambda connection: connection.scalar(count) or 0)) if names else None
        except (exc.DatabaseError, OSError) as error:
            raise _not_a_vista(self.path, "it cannot be read as a SQLite database") from error

    def read(self) -> VistaRows:
        """All rows but those of the people and of their work, which nobody needs to seed an account."""
        return self._read(
            lambda connection: VistaRows(
                departments=_rows(connection, DEPARTMENTS),
                jobs=_rows(connection, JOBS),
                contracts=_rows(connection, CONTRACTS),
            )
        )

    def active_people(self) -> list[Row]:
        """The people whose file is active, by their numbers."""
        active = sa.select(EMPLOYEES).where(EMPLOYEES.c.ActiveYN == "Y").order_by(EMPLOYEES.c.Employee)
        return self._read(lambda connection: [dict(row) for row in connection.execute(active).mappings()])

    def write(self, rows: VistaRows) -> None:
        """Makes the file, in place of one that may be there, all or nothing.

        The rows go into a file beside it that takes its name at the end; a kill in between leaves the old one.
        Raises ``UsageError`` BW8006 when the folder cannot be written.
        """
        try:
            with TemporaryDirectory(dir=self.path.parent, prefix=".vista-") as folder:
                draft = Path(folder, self.path.name)
                draft.touch(mode=0o600)
                _fill(draft, rows)
                draft.replace(self.path)
        except (OSError, exc.OperationalError) as error:
            raise _unwritable(self.path, error) from error

    def _read(self, question: Callable[[sa.Connection], T]) -> T:
        with _engine(self.path).connect() as connection:
            return question(connection)


def _engine(path: Path) -> sa.Engine:
    return sa.create_engine(sa.URL.create("sqlite", database=str(path)), poolclass=sa.NullPool, hide_parameters=True)


def _fill(path: Path, rows: VistaRows) -> None:
    contents = (
        (EMPLOYEES, rows.employees),
        (DEPARTMENTS, rows.departments),
        (JOBS, rows.jobs),
        (CONTRACTS, rows.contracts),
        (RECENT_JOBS, rows.recent_jobs),
    )
    with _engine(path).begin() as connection:
        _metadata.create_all(connection)
        for table, some in contents:
            if some:
                connection.execute(sa.insert(table), some)


def _rows(connection: sa.Connection, table: sa.Table) -> list[Row]:
    return [dict(row) for row in connection.execute(sa.select(table)).mappings()]


def _file_of(address: str) -> Path:
    if "://" not in address:
        return Path(address).absolute()
    try:
        url = sa.make_url(address)
    except exc.ArgumentError as error:
        raise _not_a_file("it is not a SQLAlchemy URL") from error
    name = url.database or ""
    if url.get_backend_name() != "sqlite" or name in ("", ":memory:") or name.startswith("file:"):
        raise _not_a_file(f"it is an address of {url.get_backend_name()}, not of a SQLite file")
    return Path(name).absolute()


def _not_a_file(why: str) -> UsageError:
    # The address itself is left out: it may hold a password.
    return UsageError(
        "BW8006",
        "a synthetic Vista lives in a SQLite file",
        where="the address given",
        why=why,
        fix="give a path or a URL such as sqlite:///vista.db",
    )


def _not_a_vista(path: Path, why: str) -> UsageError:
    return UsageError(
        "BW8006",
        "the file is not a Vista of the sandbox",
        where=str(path),
        why=why,
        fix="give another path; a file that does not exist is created",
    )


def _unwritable(path: Path, error: Exception) -> UsageError:
    reason = error.strerror if isinstance(error, OSError) else None
    return UsageError(
        "BW8006",
        "the Vista cannot be written",
        where=str(path),
        why=reason or "the database could not be written to the end",
        fix="check that the folder exists, may be written and has room",
    )
