"""Parts for the tests of the SafetyAmp integration: settings, a clock that does not wait, a Vista in a file, a run."""

from __future__ import annotations

import math
import sqlite3
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from busway.contracts.clock import Clock
from busway.contracts.coordination import Coordinator, Lease, Quota
from busway.contracts.limits import Limiters
from busway.contracts.records import Record
from busway.contracts.runs import RunData, Stop
from busway.errors import UnreachableError
from busway.metrics.registry import Metrics
from busway.wiring.limiters import SharedLimiters
from busway_safetyamp.client import SafetyAmpClient
from busway_safetyamp.graph.client import GraphClient
from busway_safetyamp.graph.token import GraphToken
from busway_safetyamp.http import SafetyAmpHttp, safetyamp_headers, safetyamp_turns
from busway_safetyamp.paging import Pages
from busway_safetyamp.remote.caller import ATTEMPTS
from busway_safetyamp.remote.retries import Retries
from busway_safetyamp.remote.wire import Wire, WireOptions
from busway_safetyamp.samsara.account import samsara_turns
from busway_safetyamp.samsara.client import SamsaraClient
from busway_safetyamp.sandbox.graph import GraphSandbox
from busway_safetyamp.settings import SafetyAmpSettings

T = TypeVar("T")

TOKEN = "canary-token-7731"
NOON = datetime(2026, 3, 10, 18, 0, tzinfo=UTC)
"""The time of the still clock: noon of 2026-03-10 in Chicago."""


class StillClock:
    """Time passes only by sleeping, and sleeping takes no time. Never shorter than asked for, by no nanosecond."""

    def __init__(self, at: datetime = NOON) -> None:
        self.start_ns = int(at.timestamp()) * 1_000_000_000
        self.slept: list[float] = []
        self._passed_ns = 0

    @property
    def passed(self) -> float:
        """Seconds."""
        return self._passed_ns / 1e9

    def now_ns(self) -> int:
        return self.start_ns + self._passed_ns

    def monotonic(self) -> float:
        return 1000.0 + self.passed

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._passed_ns += math.ceil(seconds * 1e9)


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
        "enrichment": "off",
    }
    return SafetyAmpSettings(**{**values, **changes})


class AwayCoordinator:
    """A coordinator that does not answer."""

    def acquire(self, name: str, holder: str, seconds: float) -> Lease | None:
        raise self._away()

    def renew(self, lease: Lease, seconds: float) -> Lease | None:
        raise self._away()

    def release(self, lease: Lease) -> bool:
        raise self._away()

    def current(self, name: str) -> Lease | None:
        raise self._away()

    def take(self, quota: Quota, count: int = 1, share: str = "") -> float:
        raise self._away()

    def hold(self, quota: Quota, seconds: float) -> None:
        raise self._away()

    def close(self) -> None:
        """Nothing is open."""

    def _away(self) -> UnreachableError:
        return UnreachableError("BW3201", "the coordinator does not answer")


def limiters(coordinator: Coordinator | None, clock: Clock) -> Limiters:
    """Those an application hands to plugins, over ``coordinator``."""

    def coordinate() -> Coordinator:
        assert coordinator is not None, "this test lifted the quota"
        return coordinator

    return SharedLimiters(coordinate, clock, Metrics())


class Remote:
    """How a client under test reaches its remote: back-off without randomness, a clock that does not wait.

    :param coordinator: keeps the quota; without one there must be none.
    """

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        coordinator: Coordinator | None = None,
        attempts: int = ATTEMPTS,
        jitter: float = 1.0,
        **options: Any,
    ) -> None:
        self.clock = clock or StillClock()
        self.options = WireOptions(**options)
        self.limiters = limiters(coordinator, self.clock)
        self._attempts = attempts
        self._jitter = jitter

    def retries(self, settings: SafetyAmpSettings) -> Retries:
        budget, jitter = settings.retry_budget_seconds, self._jitter
        return Retries(attempts=self._attempts, budget_seconds=budget, clock=self.clock, jitter=lambda: jitter)

    def wire(self, address: str, headers: Mapping[str, str] | None = None) -> Wire:
        return Wire(address, headers or {}, self.clock, self.options)


def safetyamp_http(url: str, remote: Remote | None = None, **changes: Any) -> SafetyAmpHttp:
    """The calls to SafetyAmp, made to ``url``; ``changes`` are settings."""
    remote = remote or Remote()
    settings = safetyamp_settings(domain=url.rstrip("/"), **changes)
    turns = safetyamp_turns(settings, remote.limiters)
    wire = remote.wire(settings.domain, safetyamp_headers(settings))
    return SafetyAmpHttp(settings, wire, turns=turns, retries=remote.retries(settings))


def safetyamp_client(url: str, remote: Remote | None = None, **changes: Any) -> SafetyAmpClient:
    """The client of SafetyAmp, of ``url``; ``changes`` are settings."""
    settings = safetyamp_settings(**changes)
    pages = Pages(
        http := safetyamp_http(url, remote, **changes), settings.page_size, confirm=settings.confirm_last_page
    )
    return SafetyAmpClient(http, pages, site_code_field=settings.site_code_field)


def graph_client(sandbox: GraphSandbox, remote: Remote | None = None, **changes: Any) -> GraphClient:
    """The client of the directory, of a sandbox; ``changes`` are settings."""
    trust = ssl.create_default_context(cadata=sandbox.authority.decode())
    remote = remote or Remote()
    remote.options = replace(remote.options, trust=trust)
    application = sandbox.application
    named = {
        "graph_authority": sandbox.url,
        "graph_domain": sandbox.url,
        "graph_tenant_id": application.tenant,
        "graph_client_id": application.client_id,
        "graph_client_secret": application.secret,
    }
    settings = safetyamp_settings(**{**named, **changes})
    retries = remote.retries(settings)
    token = GraphToken(settings, remote.wire(settings.graph_authority), retries)
    return GraphClient(settings, remote.wire(settings.graph_domain), token, retries)


def samsara_client(url: str, token: str, remote: Remote | None = None, **changes: Any) -> SamsaraClient:
    """The client of the fleet, of ``url``; ``changes`` are settings. There is no quota unless one is named."""
    remote = remote or Remote()
    lifted = {"samsara_domain": url, "samsara_key": token, "samsara_rate_limit_calls": 0}
    settings = safetyamp_settings(**{**lifted, **changes})
    turns = samsara_turns(settings, remote.limiters)
    wire = remote.wire(settings.samsara_domain)
    return SamsaraClient(settings, wire, turns=turns, retries=remote.retries(settings))


VISTA_TABLES = {
    "bPREH": "PRCo, Employee, FirstName, MidName, LastName, SortName, Sex, PRDept, Email, udEmpTitle, BirthDate, "
    "HireDate, TermDate, Phone, CellPhone, Address, City, State, Zip, ActiveYN",
    "bPRDP": "PRCo, PRDept, Description, udRegion",
    "bJCJM": "JCCo, Job, Description, Contract, JobStatus, ShipAddress, ShipCity, ShipState, ShipZip",
    "bJCCM": "JCCo, Contract, Department",
    "bPRJC": "PRCo, JCCo, PREndDate, Job, Employee, Class, Hours",
}


def make_vista(path: Path, *, leave_out: str = "", **rows: Sequence[Record]) -> Path:
    """A Vista in a SQLite file; ``rows`` by table name, ``leave_out`` a column that no table gets."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA synchronous = OFF")  # nobody pulls the plug of a test
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
