"""The source on a real database with the quirks of real data."""

from __future__ import annotations

import sqlite3
import sys
import traceback
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import ProgrammingError

from builders.safetyamp_parts import make_vista, person, safetyamp_settings
from busway.contracts.records import Record
from busway.errors import BuswayError, ConfigurationError, RefusedError, UnreachableError
from busway_safetyamp.vista import engines
from busway_safetyamp.vista.database import VistaDatabase
from busway_safetyamp.vista.isolation import isolation_of
from busway_safetyamp.vista.source import VistaSource

TODAY = date(2026, 3, 10)


def source(root: Path, url: str = "sqlite:///vista.db", **changes: Any) -> VistaSource:
    settings = safetyamp_settings(vista_url=url, **changes)
    return VistaSource(VistaDatabase(settings.vista_url, root, no_server), settings, lambda: TODAY)


def no_server() -> str:
    raise AssertionError("VISTA_URL is set: nobody asks for a server")


def numbers(people: list[Record]) -> list[tuple[int, int]]:
    return [(row["PRCo"], row["Employee"]) for row in people]


def work(employee: int, job: str, end: str, **changes: Any) -> Record:
    return {"PRCo": 1, "JCCo": 1, "Employee": employee, "Job": job, "PREndDate": end, "Hours": 8, **changes}


def job(code: str, status: int = 1, company: int = 1) -> Record:
    return {"JCCo": company, "Job": code, "JobStatus": status}


def test_a_person_comes_as_the_columns_say(tmp_path: Path) -> None:
    make_vista(tmp_path / "vista.db", bPREH=[person(7)])
    (row,) = source(tmp_path, work_phone_column="Phone").employees()
    assert row == {
        **{key: value for key, value in person(7).items() if key not in ("CellPhone", "Phone", "ActiveYN")},
        "MobilePhone": "504-555-0123",
        "WorkPhone": "504-555-0199",
    }


def test_a_phone_is_never_copied_into_the_other_field(tmp_path: Path) -> None:
    make_vista(tmp_path / "vista.db", bPREH=[person(7)])
    assert "WorkPhone" not in source(tmp_path).employees()[0]
    assert "MobilePhone" not in source(tmp_path, mobile_phone_column="none").employees()[0]


@pytest.mark.parametrize("form", ["{}", "{} 00:00:00"])
def test_only_people_who_have_come_and_not_left_are_active(tmp_path: Path, form: str) -> None:
    yesterday, today, tomorrow = (form.format(day) for day in ("2026-03-09", "2026-03-10", "2026-03-11"))
    rows = [
        person(1, HireDate=today),
        person(2, HireDate=tomorrow),
        person(3, HireDate=None),
        person(4, TermDate=today),
        person(5, TermDate=tomorrow),
        person(6, TermDate=yesterday),
        person(7, ActiveYN="N"),
    ]
    make_vista(tmp_path / "vista.db", bPREH=rows)
    assert numbers(source(tmp_path).employees()) == [(1, 1), (1, 5)]
    assert numbers(source(tmp_path, vista_hire_lead_days=1).employees()) == [(1, 1), (1, 2), (1, 5)]


def test_activity_is_asked_for_only_where_the_column_exists(tmp_path: Path) -> None:
    row = {key: value for key, value in person(1).items() if key != "ActiveYN"}
    make_vista(tmp_path / "vista.db", leave_out="ActiveYN", bPREH=[row])
    assert numbers(source(tmp_path).employees()) == [(1, 1)]


def test_only_the_companies_asked_for_are_read_in_a_stable_order(tmp_path: Path) -> None:
    rows = [person(9), person(2, PRCo=3), person(2, PRCo=2), person(2)]
    make_vista(tmp_path / "vista.db", bPREH=rows)
    assert numbers(source(tmp_path).employees()) == [(1, 2), (1, 9)]
    assert numbers(source(tmp_path, vista_companies="3,1").employees()) == [(1, 2), (1, 9), (3, 2)]


def test_the_recent_job_is_the_newest_open_one_of_the_window(tmp_path: Path) -> None:
    jobs = [job("10001."), job("10002."), job("10003.", status=2), job("10004.", company=2)]
    rows = [
        work(1, "10001.", "2026-02-01 00:00:00"),
        work(1, "10002.", "2026-03-01 00:00:00"),
        work(1, "10003.", "2026-03-08 00:00:00"),
        work(1, "10004.", "2026-03-08 00:00:00"),
        work(2, "10001.", "2025-09-11"),
        work(3, "10001.", "2025-09-10"),
    ]
    make_vista(tmp_path / "vista.db", bPRJC=rows, bJCJM=jobs)
    assert source(tmp_path).recent_jobs() == [
        {"PRCo": 1, "Employee": 1, "Job": "10002."},
        {"PRCo": 1, "Employee": 2, "Job": "10001."},
    ]
    assert len(source(tmp_path, vista_job_window_days=181).recent_jobs()) == 3


@pytest.mark.parametrize("reverse", [False, True])
def test_ties_go_to_the_longer_hours_then_to_the_smaller_code(tmp_path: Path, reverse: bool) -> None:
    rows = [
        work(1, "10002.", "2026-03-01", Hours=30),
        work(1, "10001.", "2026-03-01", Hours=10),
        work(2, "10002.", "2026-03-01"),
        work(2, "10001.", "2026-03-01"),
    ]
    make_vista(tmp_path / "vista.db", bPRJC=rows[::-1] if reverse else rows, bJCJM=[job("10001."), job("10002.")])
    assert [row["Job"] for row in source(tmp_path).recent_jobs()] == ["10002.", "10001."]


def test_the_same_number_in_another_company_has_its_own_job(tmp_path: Path) -> None:
    rows = [work(5, "10001.", "2026-03-01"), work(5, "20001.", "2026-03-02", PRCo=2, JCCo=2)]
    make_vista(tmp_path / "vista.db", bPRJC=rows, bJCJM=[job("10001."), job("20001.", company=2)])
    assert [row["Job"] for row in source(tmp_path).recent_jobs()] == ["10001."]
    both = source(tmp_path, vista_companies="1,2").recent_jobs()
    assert [(row["PRCo"], row["Job"]) for row in both] == [(1, "10001."), (2, "20001.")]


def test_the_jobs_company_is_the_rows_own_where_it_says_so(tmp_path: Path) -> None:
    rows = [work(5, "20001.", "2026-03-01", JCCo=2)]
    jobs = [job("20001.", company=2)]
    make_vista(tmp_path / "vista.db", bPRJC=rows, bJCJM=jobs)
    assert [row["Job"] for row in source(tmp_path).recent_jobs()] == ["20001."]
    other = tmp_path / "other"
    other.mkdir()
    with closing(sqlite3.connect(other / "vista.db")) as database, database:
        database.execute("CREATE TABLE bPRJC (PRCo, Employee, Job, PREndDate)")
        database.execute("CREATE TABLE bJCJM (JCCo, Job, JobStatus)")
        database.execute("INSERT INTO bPRJC VALUES (1, 5, '20001.', '2026-03-01')")
        database.execute("INSERT INTO bJCJM VALUES (2, '20001.', 1)")
    assert source(other).recent_jobs() == []


def test_departments_are_read(tmp_path: Path) -> None:
    rows = [
        {"PRCo": 1, "PRDept": "210", "Description": "Pipe", "udRegion": "Gulf"},
        {"PRCo": 1, "PRDept": "110", "Description": None, "udRegion": None},
        {"PRCo": 2, "PRDept": "100", "Description": "Other", "udRegion": "North"},
    ]
    make_vista(tmp_path / "vista.db", bPRDP=rows)
    assert source(tmp_path).departments() == [rows[1], rows[0]]


def test_views_are_read_where_the_login_sees_them_and_tables_elsewhere(tmp_path: Path) -> None:
    make_vista(tmp_path / "vista.db", bPREH=[person(1), person(2)], bPRDP=[{"PRCo": 1, "PRDept": "210"}])
    with closing(sqlite3.connect(tmp_path / "vista.db")) as database, database:
        database.execute("CREATE VIEW PREH AS SELECT * FROM bPREH WHERE Employee = 1")
    assert numbers(source(tmp_path).employees()) == [(1, 1)], "the view hides what this login may not see"
    assert len(source(tmp_path).departments()) == 1, "there is no view of it"
    assert len(source(tmp_path, vista_table_prefix="b").employees()) == 2
    assert len(source(tmp_path, vista_table_prefix="none").employees()) == 1
    with pytest.raises(ConfigurationError, match="BW5106"):
        source(tmp_path, vista_table_prefix="none").departments()
    with pytest.raises(ConfigurationError, match="BW5106"):
        source(tmp_path, vista_table_prefix="x").employees()


def test_a_second_line_of_the_street_comes_where_there_is_one(tmp_path: Path) -> None:
    make_vista(tmp_path / "vista.db", bPREH=[person(1)])
    with closing(sqlite3.connect(tmp_path / "vista.db")) as database, database:
        database.execute("ALTER TABLE bPREH ADD COLUMN Address2")
        database.execute("UPDATE bPREH SET Address2 = 'Unit 4'")
    assert source(tmp_path).employees()[0]["Address2"] == "Unit 4"


def contract(code: str, department: str | None, company: int = 1) -> Record:
    return {"JCCo": company, "Contract": code, "Department": department}


def test_jobs_come_with_the_department_of_their_contract(tmp_path: Path) -> None:
    where = {"ShipAddress": "1 Main", "ShipCity": "Reno", "ShipState": "NV ", "ShipZip": "89501-"}
    jobs = [
        {**job("10002."), "Contract": "C-2", "Description": "Deck "},
        {**job("10001."), "Contract": "C-1", "Description": "Garage", **where},
        {**job("10001.", company=2), "Contract": "C-1"},
        {**job("10004.", status=0), "Contract": "C-1"},
    ]
    contracts = [contract("C-1", "10"), contract("C-1", "99", company=2)]
    make_vista(tmp_path / "vista.db", bJCJM=jobs, bJCCM=contracts)
    first, second = source(tmp_path).jobs()
    assert first == {**jobs[1], "Department": "10"}
    assert (second["Job"], second["Department"], second["ShipZip"]) == ("10002.", None, None)
    assert [row["JCCo"] for row in source(tmp_path, vista_companies="1,2").jobs()] == [1, 1, 2]


def test_closed_jobs_come_as_long_as_somebody_worked_on_them_lately(tmp_path: Path) -> None:
    jobs = [job("10001.", status=2), job("10002.", status=3), job("10003.", status=3), job("10004.", status=0)]
    rows = [
        work(1, "10001.", "2026-03-01"),
        work(1, "10002.", "2025-01-01"),
        work(1, "10003.", "2026-03-01", JCCo=2),
        work(1, "10004.", "2026-03-01"),
    ]
    make_vista(tmp_path / "vista.db", bJCJM=jobs, bPRJC=rows)
    assert [(row["Job"], row["JobStatus"]) for row in source(tmp_path).jobs()] == [("10001.", 2)]


def failure(vista: VistaSource, secret: str = "canary") -> BuswayError:
    with pytest.raises(BuswayError) as caught:
        vista.employees()
    told = "".join([caught.value.render(), *traceback.format_exception(caught.value)])
    assert secret not in told
    return caught.value


def test_a_file_that_is_not_there_is_not_created(tmp_path: Path) -> None:
    error = failure(source(tmp_path))
    assert (type(error), error.code) == (UnreachableError, "BW5105")
    assert str(tmp_path / "vista.db") in error.problem.where
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_unreachable(tmp_path: Path) -> None:
    (tmp_path / "vista.db").write_text("Employee,LastName\n" * 100)
    error = failure(source(tmp_path))
    assert (type(error), error.code) == (UnreachableError, "BW5105")
    assert error.problem.why == "file is not a database"


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "vista.db")) as database, database:
        database.execute("CREATE TABLE other (a)")
    error = failure(source(tmp_path))
    assert (type(error), error.code) == (ConfigurationError, "BW5106")
    assert "bPREH" in error.problem.where


@pytest.mark.parametrize(
    ("column", "changes"), [("udEmpTitle", {}), ("CellPhone", {}), ("Mobile2", {"mobile_phone_column": "Mobile2"})]
)
def test_a_missing_column_is_named(tmp_path: Path, column: str, changes: dict[str, str]) -> None:
    make_vista(tmp_path / "vista.db", leave_out=column)
    error = failure(source(tmp_path, **changes))
    assert (type(error), error.code) == (ConfigurationError, "BW5106")
    assert error.problem.why == f"it has no column {column}"


@pytest.mark.parametrize(
    "url",
    [
        "canary",
        "nosuchdb://user:canary@host/db",
        "mssql+nosuchdriver://user:canary@host/db",
        "mssql+pyodbc://u:canary@h",
    ],
)
def test_an_address_that_cannot_be_used_is_not_shown(tmp_path: Path, url: str) -> None:
    error = failure(source(tmp_path, url))
    assert (type(error), error.code) == (ConfigurationError, "BW5107")


def test_a_driver_that_is_missing_is_named(tmp_path: Path) -> None:
    error = failure(source(tmp_path, "mssql+pymssql://user:canary@127.0.0.1/db"))
    assert (error.code, error.problem.fix) == ("BW5107", "pip install pymssql")


def test_a_query_the_database_refuses_is_a_refusal(tmp_path: Path) -> None:
    make_vista(tmp_path / "vista.db")
    url = safetyamp_settings(vista_url="sqlite:///vista.db").vista_url
    database = VistaDatabase(url, tmp_path, no_server)
    with pytest.raises(RefusedError, match="BW5007"), database.connection():
        raise ProgrammingError("SELECT canary", {}, sqlite3.ProgrammingError("refused"))


def test_a_check_looks_for_every_table_and_counts_the_people(tmp_path: Path) -> None:
    make_vista(tmp_path / "vista.db", bPREH=[person(1), person(2), person(3, ActiveYN="N")])
    vista = source(tmp_path)
    vista.close()
    assert vista.check() == len(vista.employees()) == 2
    vista.close()
    assert vista.check() == 2
    with pytest.raises(ConfigurationError, match="BW5106"):
        source(tmp_path, work_phone_column="NoSuch").check()
    with closing(sqlite3.connect(tmp_path / "vista.db")) as database, database:
        database.execute("DROP TABLE bJCCM")
    with pytest.raises(ConfigurationError, match="BW5106") as caught:
        vista.check()
    assert "JCCM" in caught.value.problem.where
    with pytest.raises(UnreachableError, match="BW5105"):
        source(tmp_path, "sqlite:///elsewhere.db").check()


def test_d58_one_pool_serves_every_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_vista(tmp_path / "vista.db", bPREH=[person(1)])
    made: list[object] = []
    create = engines.sa.create_engine
    monkeypatch.setattr(engines.sa, "create_engine", lambda *a, **k: made.append(create(*a, **k)) or made[-1])
    vista = source(tmp_path)
    vista.employees(), vista.recent_jobs(), vista.departments(), vista.jobs(), vista.check()
    assert len(made) == 1


SERVER = (
    "DRIVER={ODBC Driver 18 for SQL Server};SERVER={127.0.0.1,9};DATABASE={Viewpoint};Encrypt=yes;"
    "TrustServerCertificate=no;UID={svc};PWD={canary}};Encrypt=no};"
)


def of_server(connection_string: Callable[[], str]) -> VistaSource:
    settings = safetyamp_settings(vista_url=None)
    return VistaSource(VistaDatabase(None, Path(), connection_string), settings, lambda: TODAY)


def test_without_an_address_the_settings_of_a_sql_server_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "CONNECT_SECONDS", 1)
    # mssql-python is there, and stands on libraries of the system that may not be: either is told as what it is.
    error = failure(of_server(lambda: SERVER))
    assert error.code in ("BW5105", "BW5107")
    assert error.problem.what in ("the Vista database did not answer", "the driver for SQL Server cannot be loaded")


def test_a_connection_string_the_driver_cannot_read_is_not_shown() -> None:
    error = failure(of_server(lambda: "SERVER={127.0.0.1};PWD={canary"))
    assert (error.code, error.problem.where) == ("BW5107", "SQL_SERVER")


def test_settings_that_are_missing_are_told_beside_the_address() -> None:
    def lacking() -> str:
        raise ConfigurationError("BW1202", "SQL_SERVER is not set")

    error = failure(of_server(lacking))
    assert [problem.code for problem in error.problems] == ["BW5107", "BW1202"]
    assert error.problem.where == "VISTA_URL"


@pytest.mark.parametrize("found", [{"pyodbc"}, set()])
def test_a_driver_is_chosen_by_what_is_installed(monkeypatch: pytest.MonkeyPatch, found: set[str]) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda name: name if name in found else None)
    for name in ("mssql_python", "pyodbc"):
        monkeypatch.setitem(sys.modules, name, None)
    error = failure(of_server(lambda: SERVER))
    wanted = "pyodbc" if found else "'busway-safetyamp[mssql]'"
    assert (error.code, error.problem.fix) == ("BW5107", f"pip install {wanted}")


@pytest.mark.parametrize(("state", "level"), [(1, "SNAPSHOT"), (0, "READ COMMITTED"), (None, "READ COMMITTED")])
def test_one_state_is_read_where_the_server_can_give_one(state: int | None, level: str) -> None:
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        connection.connection.dbapi_connection.create_function("DB_NAME", 0, lambda: "Viewpoint")  # type: ignore[union-attr]
        assert isolation_of(connection) == "READ COMMITTED", "the question was refused"
        connection.exec_driver_sql("ATTACH ':memory:' AS sys")
        connection.exec_driver_sql("CREATE TABLE sys.databases (name, snapshot_isolation_state)")
        if state is not None:
            connection.exec_driver_sql("INSERT INTO sys.databases VALUES ('Viewpoint', ?)", (state,))
        assert isolation_of(connection) == level
    engine.dispose()
