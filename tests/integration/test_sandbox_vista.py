from __future__ import annotations

import sqlite3
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from busway.errors import UsageError
from busway_safetyamp.sandbox.company import Company
from busway_safetyamp.sandbox.load_vista import load_vista
from busway_safetyamp.sandbox.rows import VistaRows
from busway_safetyamp.sandbox.seeding import world_for_vista
from busway_safetyamp.sandbox.vista import VistaFile

HEADER = "Employee,LastName,FirstName,MidName,Title,Department\n"
PEOPLE = HEADER + (
    "10000,AARON,JEFFERY,M,SERGEANT,POLICE\n"
    "10001,ABAD JR,VICENTE,,CIVIL ENGINEER IV,WATER MGMNT\n"
    '10002,"ABARCA, SR",EMMANUEL,,SERGEANT,POLICE BOARD\n'
)


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text(PEOPLE, "utf-8")
    return path


def code_of(csv: Path, target: Path, *, replace: bool = False) -> UsageError:
    before = sorted(path.name for path in target.parent.iterdir()) if target.parent.exists() else []
    with pytest.raises(UsageError) as caught:
        load_vista(csv, str(target), replace=replace)
    after = sorted(path.name for path in target.parent.iterdir()) if target.parent.exists() else []
    assert before == after
    return caught.value


def test_a_company_can_be_read_back_as_the_tables_of_vista(tmp_path: Path) -> None:
    company = Company(1, 40, date(2025, 6, 4))
    vista = VistaFile(tmp_path / "vista.db")
    assert vista.people() is None
    vista.write(company.rows)
    assert vista.people() == len(company.employees)
    engine = sa.create_engine(vista.url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        query = "SELECT count(*) FROM bPREH WHERE ActiveYN = 'Y' AND HireDate <= '2025-06-05' "
        active = connection.scalar(sa.text(query + "AND (TermDate IS NULL OR TermDate > '2025-06-04')"))
        joined = "SELECT count(*) FROM bPRJC JOIN bJCJM USING (JCCo, Job) JOIN bJCCM USING (JCCo, Contract)"
        work = connection.scalar(sa.text(joined))
        columns = {column["name"] for column in sa.inspect(connection).get_columns("bPREH")}
    assert active == len(company.active)
    assert work == len(company.recent_jobs)
    assert {"ActiveYN", "CellPhone", "udEmpTitle", "PRDept"} <= columns
    assert vista.read().departments == company.departments


def test_the_file_of_people_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    vista = VistaFile(tmp_path / "vista.db")
    vista.write(VistaRows())
    assert vista.path.stat().st_mode & 0o077 == 0
    assert vista.people() == 0


@pytest.mark.parametrize(
    "address",
    ["sqlite://", "sqlite:///:memory:", "mssql+pyodbc://user:hunter2@server/db", "://", "sqlite:///file:x?mode=ro"],
)
def test_only_sqlite_files_are_accepted(address: str) -> None:
    with pytest.raises(UsageError) as caught:
        VistaFile(address)
    assert caught.value.code == "BW8006"
    assert "hunter2" not in caught.value.render()


def test_a_file_of_something_else_is_never_used(tmp_path: Path, people: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a database at all, but long enough to look at " * 50, "utf-8")
    other = tmp_path / "other.db"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE mine (a)")
    connection.close()
    assert code_of(people, text, replace=True).code == "BW8006"
    assert code_of(people, other, replace=True).code == "BW8006"


def test_load_vista_makes_people_and_departments(tmp_path: Path, people: Path) -> None:
    target = tmp_path / "vista.db"
    report = load_vista(people, f"sqlite:///{target}")
    assert (report.people, report.titles, report.departments) == (3, 2, 3)
    assert report.as_dict()["url"] == f"sqlite:///{target}"
    connection = sqlite3.connect(target)
    first = connection.execute("SELECT PRCo, Employee, LastName, MidName, Email, HireDate, ActiveYN FROM bPREH")
    assert first.fetchone() == (1, 10000, "AARON", "M", "e10000@example.test", "2015-01-01 00:00:00.000000", "Y")
    homes = connection.execute("SELECT Description, PRDept FROM bPREH JOIN bPRDP USING (PRCo, PRDept)").fetchall()
    regions = connection.execute("SELECT DISTINCT udRegion FROM bPRDP").fetchall()
    connection.close()
    codes = dict(homes)
    assert codes["POLICE"] == "POLICE"
    assert len(set(codes.values())) == 3
    assert all(len(code) <= 10 for code in codes.values())
    assert len(regions) == 1


def test_department_codes_do_not_depend_on_the_other_departments(tmp_path: Path, people: Path) -> None:
    load_vista(people, str(tmp_path / "a.db"))
    alone = tmp_path / "alone.csv"
    alone.write_text(HEADER + "7,A,B,,T,WATER MGMNT\n", "utf-8")
    load_vista(alone, str(tmp_path / "b.db"))
    codes = [
        {row["Description"]: row["PRDept"] for row in VistaFile(tmp_path / n).read().departments}
        for n in ("a.db", "b.db")
    ]
    assert codes[0]["WATER MGMNT"] == codes[1]["WATER MGMNT"]


def test_an_account_is_seeded_from_the_departments_found(tmp_path: Path, people: Path) -> None:
    target = tmp_path / "vista.db"
    load_vista(people, str(target))
    world = world_for_vista(VistaFile(target))
    depths = sorted(cluster["depth"] for cluster in world.records("site_clusters"))
    assert depths == [0, 1, 2, 2, 2]
    office, *jobs = world.records("sites")
    assert office["name"] == "Region 1 Office"
    assert [site["ext_id"] for site in jobs] == ["10001.", "10002.", "10003."], "one for each department"
    assert (len(world.users), len(world.titles), len(world.ledger)) == (1, 0, 0)


@pytest.mark.parametrize(
    ("header", "column", "nearest"),
    [
        ("Employee,LastName,FirstName,MidName,Title,Dept", "Department", "Dept"),
        ("Employee,lastname,FirstName,MidName,Title,Department", "LastName", "lastname"),
        ("EmployeeNo,LastName,FirstName,MidName,Title,Department", "Employee", "EmployeeNo"),
    ],
)
def test_a_missing_column_is_named_with_the_nearest(tmp_path: Path, header: str, column: str, nearest: str) -> None:
    csv = tmp_path / "people.csv"
    csv.write_text(f"{header}\n1,A,B,,T,D\n", "utf-8")
    error = code_of(csv, tmp_path / "vista.db")
    assert error.code == "BW8001"
    assert column in error.problem.what
    assert str(csv) in error.problem.where
    assert header.split(",")[1] in error.problem.why
    assert f"rename the column {nearest} to {column}" in error.problem.fix


def test_a_needed_column_is_never_suggested_as_another(tmp_path: Path) -> None:
    csv = tmp_path / "people.csv"
    csv.write_text("Employee,FirstName,MidName,Title,Department\n1,B,,T,D\n", "utf-8")
    assert "add the column LastName" in code_of(csv, tmp_path / "vista.db").problem.fix


@pytest.mark.parametrize(
    "content", [b"", b"\n", HEADER.encode(), b"\xff\xfe\x00garbage", HEADER.encode() + b'1,"open quote,B,,T,D\n']
)
def test_a_file_that_holds_no_people_is_refused(tmp_path: Path, content: bytes) -> None:
    csv = tmp_path / "people.csv"
    csv.write_bytes(content)
    assert code_of(csv, tmp_path / "vista.db").code == "BW8002"


def test_a_file_that_is_not_there_or_a_folder_is_refused(tmp_path: Path) -> None:
    assert code_of(tmp_path / "absent.csv", tmp_path / "vista.db").code == "BW8002"
    assert code_of(tmp_path, tmp_path / "vista.db").code == "BW8002"


@pytest.mark.parametrize(
    "line", ["x,A,B,,T,D", ",A,B,,T,D", "-1,A,B,,T,D", "0,A,B,,T,D", "2,A,B", "2,A,B,,T,D,E", "01,A,B,,T,D"]
)
def test_an_unusable_line_is_named_by_its_number_alone(tmp_path: Path, line: str) -> None:
    csv = tmp_path / "people.csv"
    csv.write_text(f"{HEADER}1,SECRETNAME,B,,T,D\n{line}\n", "utf-8")
    error = code_of(csv, tmp_path / "vista.db")
    assert error.code == "BW8007"
    assert error.problem.where.endswith("line 3")
    assert "SECRETNAME" not in error.render()


def test_a_vista_that_is_there_is_replaced_only_when_asked_to(tmp_path: Path, people: Path) -> None:
    target = tmp_path / "vista.db"
    load_vista(people, str(target))
    before = target.read_bytes()
    error = code_of(people, target)
    assert error.code == "BW8003"
    assert "3 people" in error.problem.why
    assert target.read_bytes() == before
    people.write_text(HEADER + "1,A,B,,T,D\n", "utf-8")
    assert load_vista(people, str(target), replace=True).people == 1
    assert VistaFile(target).people() == 1


def test_a_failed_replacement_leaves_the_old_vista(tmp_path: Path, people: Path) -> None:
    target = tmp_path / "vista.db"
    load_vista(people, str(target))
    people.write_text("Employee\n1\n", "utf-8")
    assert code_of(people, target, replace=True).code == "BW8001"
    assert VistaFile(target).people() == 3


def test_a_folder_that_is_not_there_is_told(tmp_path: Path, people: Path) -> None:
    assert code_of(people, tmp_path / "absent" / "vista.db").code == "BW8006"
