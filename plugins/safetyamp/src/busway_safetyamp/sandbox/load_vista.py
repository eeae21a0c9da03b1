"""A Vista from a list of people in a CSV file."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from busway.errors import UsageError
from busway_safetyamp.sandbox.rows import Row, VistaRows
from busway_safetyamp.sandbox.vista import VistaFile
from busway_safetyamp.vista.status import OPEN

__all__ = ["LoadReport", "load_vista"]

COLUMNS = ("Employee", "LastName", "FirstName", "MidName", "Title", "Department")
REGION = "Region 1"
HIRED = datetime(2015, 1, 1)  # noqa: DTZ001 - Vista's dates have no zone
_COMPANY = 1
_FIRST_JOB = 10_001
_NOT_ALPHANUMERIC = re.compile(r"[^A-Z0-9]")


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What was loaded, and where to."""

    file: str
    url: str
    people: int
    titles: int
    departments: int

    def as_dict(self) -> dict[str, Any]:
        """The same for ``--json``."""
        return asdict(self)


def load_vista(csv_path: str | Path, url: str, *, replace: bool = False) -> LoadReport:
    """Makes a Vista of the people in ``csv_path`` at ``url`` (a SQLite URL or path), whole or not at all.

    The columns :data:`COLUMNS` must be there, others are ignored. E-mail addresses are ``e{Employee}@example.test``,
    everybody was hired on 2015-01-01 and is active, and a department gets a code made from its name, and one open job.

    Raises ``UsageError``: BW8001 missing column, BW8002 unreadable or empty file, BW8003 a Vista is there already
    and ``replace`` was not asked for, BW8006 not a SQLite file, BW8007 a row that cannot be used.
    """
    source, target = Path(csv_path), VistaFile(url)
    present = target.people()
    if present and not replace:
        raise _occupied(target, present)
    people = _people(source)
    codes = _department_codes(source, people)
    jobs = list(_jobs(codes))
    rows = VistaRows(
        employees=[_employee(row, codes) for row in people],
        jobs=[job for job, _ in jobs],
        contracts=[contract for _, contract in jobs],
        departments=[
            {"PRCo": _COMPANY, "PRDept": code, "Description": name, "udRegion": REGION} for name, code in codes.items()
        ],
    )
    target.write(rows)
    titles = {" ".join(row["Title"].split()).casefold() for row in people} - {""}
    return LoadReport(str(source), target.url, len(people), len(titles), len(codes))


def _jobs(codes: Mapping[str, str]) -> Iterator[tuple[Row, Row]]:
    """A job for each department, and its contract: a company without any work would be taken for a broken source."""
    for number, (name, code) in enumerate(codes.items(), start=_FIRST_JOB):
        address = dict.fromkeys(("ShipAddress", "ShipCity", "ShipState", "ShipZip"))
        job = {"Job": f"{number}.", "Description": name[:60], "JobStatus": OPEN, "Contract": f"{number}-", **address}
        yield {"JCCo": _COMPANY, **job}, {"JCCo": _COMPANY, "Contract": f"{number}-", "Department": code}


def _people(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            people = list(_checked(path, reader))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(path, _reason(error)) from error
    if not people:
        raise _unreadable(path, "it holds no people")
    return people


def _checked(path: Path, reader: Any) -> Iterator[dict[str, str]]:
    header = [name.strip() for name in next(reader, [])]
    if not header:
        raise _unreadable(path, "it is empty")
    _expect_columns(path, header)
    seen: set[str] = set()
    for cells in filter(None, reader):
        row = dict(zip(header, map(str.strip, cells), strict=False))
        number = row["Employee"] = row.get("Employee", "").lstrip("0")
        if len(cells) != len(header):
            raise _unusable_row(path, reader.line_num, f"it has {len(cells)} values for {len(header)} columns")
        if not (number.isascii() and number.isdigit()) or len(number) > 9:
            raise _unusable_row(path, reader.line_num, "Employee is not a whole number above 0 of at most 9 digits")
        if number in seen:
            raise _unusable_row(path, reader.line_num, "its Employee is on an earlier line too")
        seen.add(number)
        yield row


def _expect_columns(path: Path, header: Sequence[str]) -> None:
    for column in COLUMNS:
        if column not in header:
            raise _missing_column(path, column, header)


def _department_codes(path: Path, people: Iterable[dict[str, str]]) -> dict[str, str]:
    """Each department's name to its code, in the order of the codes."""
    codes: dict[str, str] = {}
    names: dict[str, str] = {}
    for name in dict.fromkeys(row["Department"] for row in people if row["Department"]):
        code = _code(name)
        if names.setdefault(code, name) != name:
            raise _unreadable(path, f"the departments {names[code]!r} and {name!r} would get the same code {code}")
        codes[name] = code
    return dict(sorted(codes.items(), key=lambda item: item[1]))


def _code(name: str) -> str:
    """At most ten characters made from the name alone, so that one more department never changes the others' codes."""
    plain = _NOT_ALPHANUMERIC.sub("", name.upper())
    if plain == name.upper() and len(plain) <= 10:
        return plain
    digest = hashlib.sha256(name.upper().encode()).hexdigest()[:4].upper()
    return plain[:6] + digest


def _employee(row: dict[str, str], codes: dict[str, str]) -> Row:
    number = int(row["Employee"])
    return {
        "PRCo": _COMPANY,
        "Employee": number,
        "FirstName": row["FirstName"] or None,
        "MidName": row["MidName"] or None,
        "LastName": row["LastName"] or None,
        "SortName": f"{row['LastName']}{row['FirstName']}".upper()[:15],
        "PRDept": codes.get(row["Department"]),
        "Email": f"e{number}@example.test",
        "udEmpTitle": row["Title"] or None,
        "HireDate": HIRED,
        "ActiveYN": "Y",
    }


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or "it cannot be opened"
    return "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else "it is not a well-formed CSV file"


def _missing_column(path: Path, column: str, header: Sequence[str]) -> UsageError:
    by_folded = {name.casefold(): name for name in header if name not in COLUMNS}
    near = get_close_matches(column.casefold(), by_folded, n=1, cutoff=0.5)
    rename = f"rename the column {by_folded[near[0]]} to {column}" if near else f"add the column {column}"
    return UsageError(
        "BW8001",
        f"the file has no column {column}",
        where=f"{path}, line 1",
        why=f"the columns found are {', '.join(header)}",
        fix=f"{rename}; needed are {', '.join(COLUMNS)}",
    )


def _unreadable(path: Path, why: str) -> UsageError:
    return UsageError(
        "BW8002",
        "the file cannot be loaded",
        where=str(path),
        why=why,
        fix=f"give a CSV file in UTF-8 with the columns {', '.join(COLUMNS)} and one line per person",
    )


def _occupied(target: VistaFile, people: int) -> UsageError:
    return UsageError(
        "BW8003",
        "there is a Vista at the target already",
        where=str(target.path),
        why=f"it holds {people:,} people",
        fix="add --replace to put the new one in its place, or give another path",
    )


def _unusable_row(path: Path, line: int, why: str) -> UsageError:
    return UsageError(
        "BW8007",
        "a line of the file cannot be used",
        where=f"{path}, line {line}",
        why=why,
        fix="correct the line; nothing was written",
    )
