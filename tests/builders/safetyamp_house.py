"""All five jobs of SafetyAmp at work: a Vista in a file, an account and a fleet that answer, the engine between."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

import busway_safetyamp
from builders.safetyamp_parts import StillClock, make_vista, person, safetyamp_settings
from builders.sync_engine import UNBRAKED, Bench, MemoryState, OneHolder
from busway.contracts.jobs import Job
from busway.contracts.plugins import PluginContext
from busway.contracts.records import Record
from busway.contracts.settings import Secret
from busway.sync.plan import Plan
from busway.sync.report import JobReport, RunReport
from busway_safetyamp.sandbox.fleet import Fleet
from busway_safetyamp.sandbox.samsara import SamsaraSandbox
from busway_safetyamp.sandbox.server import SANDBOX_TOKEN, Sandbox
from busway_safetyamp.sandbox.world import World

JOBS = ("departments", "titles", "jobs", "employees", "vehicles")


def department(code: str = "210", name: str = "Pipe", region: str | None = "Gulf", company: int = 1) -> Record:
    """A row of ``bPRDP``."""
    return {"PRCo": company, "PRDept": code, "Description": name, "udRegion": region}


def work(code: str, department: str | None = "210", **changes: Any) -> tuple[Record, Record]:
    """A row of ``bJCJM``, and its contract's of ``bJCCM``."""
    job = {"JCCo": 1, "Job": code, "Description": "Bridge", "Contract": code.strip(), "JobStatus": 1, **changes}
    return job, {"JCCo": job["JCCo"], "Contract": job["Contract"], "Department": department}


def worked(number: int, code: str, **changes: Any) -> Record:
    """A row of ``bPRJC``."""
    week = {"PRCo": 1, "JCCo": 1, "Employee": number, "Job": code, "PREndDate": "2026-03-01", "Hours": 40}
    return {**week, **changes}


def vehicle(number: int, **changes: Any) -> Record:
    """A vehicle of Samsara; one of its values set to ``None`` is left out."""
    whole = {
        "id": f"28147497{number:04}",
        "name": f"Unit {number}",
        "vin": None,
        "make": "Ford",
        "model": "F-150",
        "year": "2021",
        "notes": "Service body",
        "serial": f"GATE-{number:04}",
        "licensePlate": f"PLT{number:04}",
        "vehicleRegulationMode": "unregulated",
        "tags": [],
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


def driver(number: int, employee: int, *vehicles: Record, **changes: Any) -> Record:
    """A driver with an employee number in the notes, who drives ``vehicles``."""
    known = {"id": f"52{number:04}", "name": "D", "notes": f"Employee # {employee}", "externalIds": {}, "tags": []}
    for one in vehicles:
        one["staticAssignedDriver"] = {"id": known["id"], "name": "D"}
    return {**known, "driverActivationStatus": "active", **changes}


class House:
    """Three people, two jobs, a department, an office and two vehicles; everything is there to be changed.

    ``tables`` are rows of Vista by table, ``vehicles`` and ``drivers`` what Samsara has; after a change to one of them
    nothing else is to be done. ``world`` is the account: it has a root, the region Gulf with its office, a type for
    vehicles there, a role, and the user whom the key belongs to.
    """

    def __init__(self, folder: Path, *, brakes: bool = False, transport: httpx.BaseTransport | None = None) -> None:
        self.folder = folder
        works = (work("12345. "), work("23456."))
        self.tables: dict[str, list[Record]] = {
            "bPREH": [person(number, CellPhone=f"504-555-{number:04}") for number in (1001, 1002, 1003)],
            "bPRDP": [department()],
            "bJCJM": [job for job, _ in works],
            "bJCCM": [contract for _, contract in works],
            "bPRJC": [worked(1001, "12345. "), worked(1002, "23456.")],
        }
        self.world = World()
        self.root: int = self.world.clusters.add_root("Acme", self.world.stamp())
        self.gulf = self.add_region("Gulf")
        self.office = self.add("sites", name="Gulf Office", cluster_id=self.gulf)
        self.kind = self.add_type("Service Vehicle", self.office)
        self.world.roles.add("Field", self.world.stamp())
        owner = {"first_name": "Account", "last_name": "Owner", "email": "owner@example.test"}
        self.owner = self.add("users", **owner, system_access=1)
        fleet = Fleet(1, [])
        self.vehicles, self.drivers = fleet.vehicles, fleet.drivers
        self.vehicles[:] = [vehicle(1), vehicle(2)]
        self.drivers[:] = [driver(1, 1001, self.vehicles[0])]
        self.sandbox = Sandbox(self.world, quota=None).start()
        self.samsara = SamsaraSandbox(fleet, quota=None).start()
        self.clock = StillClock()
        self.changes: dict[str, Any] = {}
        """Settings that differ."""
        tuning = {"concurrency": 1} if brakes else {"concurrency": 1, **UNBRAKED}
        self.sync: dict[str, dict[str, Any]] = {name: dict(tuning) for name in JOBS}
        """``[sync.JOB]``. One write at a time: which of two records comes first is part of many cases."""
        self._transport = transport
        self._bench: Bench | None = None
        self._state: MemoryState | None = None
        self._coordinator: OneHolder | None = None
        self._opened: list[Job] = []

    # -- the account, before and behind the jobs' back

    def add(self, resource: str, **fields: Any) -> Any:
        """Adds a record as somebody else would; returns its id."""
        return self.world.add(resource, fields)

    def add_region(self, name: str, **fields: Any) -> Any:
        """A cluster below the root."""
        cluster = {"name": name, "external_code": name, "parent_cluster_id": self.root, "osha_establishment": 0}
        return self.add("site_clusters", **{**cluster, **fields})

    def add_type(self, name: str, site: int) -> int:
        """An asset type at ``site``."""
        world = self.world
        category = world.asset_categories.add(name, world.stamp())
        return world.asset_types.add(name, site, world.stamp(), category_id=category)

    def records(self, resource: str, **wanted: Any) -> list[Record]:
        """What the account has now, by values of fields."""
        found = self.world.records(resource)
        return [one for one in found if all(one[name] == value for name, value in wanted.items())]

    def only(self, resource: str, **wanted: Any) -> Record:
        """The one record with these values."""
        (found,) = self.records(resource, **wanted)
        return found

    def user(self, number: int) -> Record:
        """The user of an employee."""
        return self.only("users", emp_id=str(number))

    @property
    def writes(self) -> int:
        """How many writes the account has taken."""
        return len(self.sandbox.ledger)

    def written(self, resource: str = "") -> list[tuple[str, set[str]]]:
        """Method and fields of each write to a resource since the ledger was cleared."""
        found = [one for one in self.sandbox.ledger.writes if one.path.startswith(f"/api/{resource}")]
        return [(one.method, set(one.fields)) for one in found]

    # -- the source

    def row(self, table: str, **wanted: Any) -> Record:
        """The row of Vista with these values, to be changed."""
        (found,) = [row for row in self.tables[table] if all(row[name] == value for name, value in wanted.items())]
        return found

    def person(self, number: int) -> Record:
        """The row of an employee."""
        return self.row("bPREH", Employee=number)

    def write_vista(self) -> None:
        """Makes the file anew. A run and a plan do so first."""
        path = self.folder / "vista.db"
        path.unlink(missing_ok=True)
        make_vista(path, **self.tables)

    # -- the jobs

    @property
    def bench(self) -> Bench:
        """The engine; made with the settings as they are at first use."""
        if self._bench is None:
            context = self.context()
            self._opened = [*busway_safetyamp.busway_jobs(context)]
            rules: dict[str, list[Any]] = {}
            for rule in busway_safetyamp.busway_validators(context):
                rules.setdefault(rule.entity, []).append(rule)
            self._bench = Bench(*self._opened, validators=rules, tables=self.sync, state=self._state)
            self._state = self._bench.state
            # Tokens of leases go on where they were: what is kept would take a smaller one for an old holder's.
            self._coordinator = self._bench.coordinator = self._coordinator or self._bench.coordinator
        return self._bench

    def restart(self, **changes: Any) -> None:
        """Another process: new jobs, with other settings; what was kept in the state folder is there."""
        self.changes.update(changes)
        for job in self._opened:
            job.close()
        self._bench = None

    def context(self) -> PluginContext[Any]:
        """What the host would hand to the plugin."""
        named = {
            "domain": self.sandbox.url,
            "token": Secret(SANDBOX_TOKEN),
            "fqdn": self.sandbox.fqdn,
            "vista_url": "sqlite:///vista.db",
            "root_cluster": "Acme",
            "samsara_domain": self.samsara.url,
            "samsara_key": Secret(self.samsara.token),
            "samsara_rate_limit_calls": 0,
            "vehicle_site_types": f"{self.office}:{self.kind}",
        }
        # Loopback needs no certificates, and reading them takes longer than a run.
        doubles = {"http_transport": self._transport or httpx.HTTPTransport(verify=False)}
        settings = safetyamp_settings(**{**named, **self.changes})
        return PluginContext(
            "safetyamp",
            settings,
            state_dir=self.folder / "state",
            root=self.folder,
            clock=self.clock,
            doubles=doubles if settings.enrichment == "off" else {},
        )

    def run(self, *names: str, **changes: Any) -> dict[str, JobReport]:
        """A run of these jobs (none = all); ``changes`` are settings from now on. Reports by job."""
        return {one.job: one for one in self.report(*names, **changes).jobs}

    def report(self, *names: str, **changes: Any) -> RunReport:
        """As :meth:`run`, the whole report."""
        if changes:
            self.restart(**changes)
        self.write_vista()
        return self.bench.engine.run(names)

    def plan(self, name: str) -> Plan:
        """What a job would do."""
        self.write_vista()
        return self.bench.engine.plan(name)

    def plans(self) -> Mapping[str, Plan]:
        """What a run of all would do."""
        self.write_vista()
        return {plan.job: plan for plan in self.bench.engine.plans()}

    def is_idle(self, *names: str) -> bool:
        """Whether another run of these jobs (none = all) would write nothing; runs them."""
        before = self.writes
        self.run(*names)
        return self.writes == before

    def close(self) -> None:
        """Stops everything."""
        for job in self._opened:
            job.close()
        self.sandbox.close()
        self.samsara.close()
