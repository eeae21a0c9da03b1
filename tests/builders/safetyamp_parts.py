"""Parts for the tests of the SafetyAmp integration: settings, a clock that does not wait, a Vista in a file, a run."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from busway.contracts.clock import Clock
from busway.contracts.records import Record
from busway.contracts.runs import RunData, Stop
from busway_safetyamp.http import SafetyAmpHttp
from busway_safetyamp.limiter import Limiter
from busway_safetyamp.settings import SafetyAmpSettings

T = TypeVar("T")

TOKEN = "canary-token-7731"
NOON = datetime(2026, 3, 10, 18, 0, tzinfo=UTC)
"""The time of the still clock: noon of 2026-03-10 in Chicago."""


class StillClock:
    """Time passes only by sleeping, and sleeping takes no time."""

    def __init__(self, at: datetime = NOON) -> None:
        self.start_ns = int(at.timestamp()) * 1_000_000_000
        self.passed = 0.0
        self.slept: list[float] = []

    def now_ns(self) -> int:
        return self.start_ns + int(self.passed * 1e9)

    def monotonic(self) -> float:
        return 1000.0 + self.passed

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.passed += seconds


class SnapshotData:
    """What ``Run.data`` is: each snapshot loaded once."""

    def __init__(self) -> None:
        self.loaded: dict[str, Any] = {}

    def get_or_populate(self, name: str, *, loader: Callable[[], T], key: str = "_") -> T:
        if name not in self.loaded:
            self.loaded[name] = loader()
        found: T = self.loaded[name]
        return found


class NeverStop:
    def requested(self) -> bool:
        return False


class PlainRun:
    """A run without an engine: other jobs' targets are given, notes are kept."""

    def __init__(self, **targets: Sequence[Record]) -> None:
        self.run_id = "01900000-0000-7000-8000-000000000000"
        self.preview = False
        self.snapshots = SnapshotData()
        self.data: RunData = self.snapshots
        self.clock: Clock = StillClock()
        self.stop: Stop = NeverStop()
        self.notes: list[str] = []
        self._targets = targets

    def target_of(self, job: str) -> Sequence[Record]:
        return self._targets[job]

    def note(self, message: str, **attributes: Any) -> None:
        self.notes.append(message)


def safetyamp_settings(**changes: Any) -> SafetyAmpSettings:
    values: dict[str, Any] = {
        "token": TOKEN,
        "fqdn": "acme.safetyamp.com",
        "user_agent": "Acme/1.0",
        "rate_limit_calls": 0,
        "vista_url": "sqlite:///vista.db",
        "vista_companies": "1",
        "role": "Field",
        "country": "US",
        "timezone": "America/Chicago",
    }
    return SafetyAmpSettings(**{**values, **changes})


def safetyamp_http(url: str, clock: StillClock | None = None, **changes: Any) -> SafetyAmpHttp:
    """The HTTP layer against ``url``: back-off without randomness, no waiting."""
    clock = clock or StillClock()
    options = {name: changes.pop(name) for name in ("attempts", "read_timeout", "transport") if name in changes}
    settings = safetyamp_settings(domain=url.rstrip("/"), **changes)
    limiter = Limiter(settings.rate_limit_calls, settings.rate_limit_period, clock)
    return SafetyAmpHttp(settings, limiter=limiter, clock=clock, jitter=lambda: 1.0, **options)


VISTA_TABLES = {
    "bPREH": "PRCo, Employee, FirstName, MidName, LastName, SortName, Sex, PRDept, Email, udEmpTitle, BirthDate, "
    "HireDate, TermDate, Phone, CellPhone, Address, City, State, Zip, ActiveYN",
    "bPRDP": "PRCo, PRDept, Description, udRegion",
    "bJCJM": "JCCo, Job, Description, Contract, JobStatus",
    "bPRJC": "PRCo, JCCo, PREndDate, Job, Employee, Class, Hours",
}


def make_vista(path: Path, *, leave_out: str = "", **rows: Sequence[Record]) -> Path:
    """A Vista in a SQLite file; ``rows`` by table name, ``leave_out`` a column that no table gets."""
    with closing(sqlite3.connect(path)) as database, database:
        for table, columns in VISTA_TABLES.items():
            names = [name for name in columns.split(", ") if name != leave_out]
            database.execute(f"CREATE TABLE {table} ({', '.join(names)})")
            for row in rows.get(table, ()):
                marks = ", ".join(f":{name}" for name in row)
                database.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", row)
    return path


def person(number: int, **changes: Any) -> Record:
    """A row of ``bPREH``, padded like the real ones."""
    return {
        "PRCo": 1,
        "Employee": number,
        "FirstName": "Ann   ",
        "MidName": None,
        "LastName": "Lee ",
        "Sex": "F",
        "PRDept": "210 ",
        "Email": f"e{number}@example.test",
        "udEmpTitle": "Welder  ",
        "BirthDate": "1980-05-04 00:00:00",
        "HireDate": "2015-01-01 00:00:00",
        "TermDate": None,
        "CellPhone": "504-555-0123",
        "Phone": "504-555-0199",
        "Address": "1 Main  Street ",
        "City": "Baton Rouge",
        "State": "LA ",
        "Zip": "70801-",
        "ActiveYN": "Y",
        **changes,
    }
