"""The jobs and validators of SafetyAmp keep their contracts, against a Vista in a file and the sandbox."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from builders.safetyamp_parts import StillClock, make_vista, person, safetyamp_settings
from busway.contracts.jobs import Job
from busway.contracts.plugins import PluginContext
from busway.contracts.records import Record
from busway.contracts.settings import Secret
from busway.contracts.validators import Validator
from busway.testing import JobContract, ValidatorContract
from busway_safetyamp.connections import Connections
from busway_safetyamp.jobs.cluster_tree import ClusterTree
from busway_safetyamp.jobs.departments import Departments
from busway_safetyamp.jobs.employees import employees_job
from busway_safetyamp.jobs.sites import sites_job
from busway_safetyamp.jobs.titles import Titles
from busway_safetyamp.jobs.vehicle_links import VehicleLinks
from busway_safetyamp.jobs.vehicles import Vehicles
from busway_safetyamp.sandbox.fleet import Fleet
from busway_safetyamp.sandbox.samsara import SamsaraSandbox
from busway_safetyamp.sandbox.server import SANDBOX_TOKEN, Sandbox
from busway_safetyamp.sandbox.world import World
from busway_safetyamp.validators import EmployeeValidator, SiteValidator, TitleValidator, VehicleValidator

PEOPLE = [
    person(101, FirstName="Ada ", LastName="Lindqvist", CellPhone="504-555-0101", City="Baton Rouge"),
    person(102, FirstName="Ben ", LastName="Okafor", CellPhone="504-555-0102", City="Lafayette", udEmpTitle="Painter"),
    person(103, FirstName="Cyd ", LastName="Moreau", CellPhone="504-555-0103", PRDept="999", udEmpTitle="Rigger"),
]
DEPARTMENTS = [
    {"PRCo": 1, "PRDept": "210 ", "Description": "Pipe", "udRegion": "Gulf "},
    {"PRCo": 1, "PRDept": "310", "Description": "Paint", "udRegion": "North"},
    {"PRCo": 1, "PRDept": "999", "Description": None, "udRegion": None},
]
WORKS = [
    {"JCCo": 1, "Job": "12345. ", "Description": "Bridge", "Contract": "12345-", "JobStatus": 1, "ShipState": "LA"},
    {
        "JCCo": 1,
        "Job": "23456.",
        "Description": "Garage ",
        "Contract": "23456-",
        "JobStatus": 1,
        "ShipAddress": "9 Mill Street",
        "ShipCity": "Houma",
        "ShipState": "LA ",
        "ShipZip": "70360-",
    },
    {"JCCo": 1, "Job": "34567.", "Description": "Pier", "Contract": "34567-", "JobStatus": 1},
]
WORKED = [
    {"PRCo": 1, "JCCo": 1, "Employee": number, "Job": "12345. ", "PREndDate": "2026-03-01", "Hours": 8}
    for number in (101, 102)
]
CONTRACTS = [
    {"JCCo": 1, "Contract": "12345-", "Department": "210"},
    {"JCCo": 1, "Contract": "23456-", "Department": "210"},
    {"JCCo": 1, "Contract": "34567-", "Department": "777"},
]
EMPLOYEE: Record = {
    "emp_id": "101",
    "first_name": " Ada ",
    "middle_name": None,
    "last_name": "Lindqvist",
    "email": "ADA@example.test",
    "gender": "F",
    "date_of_birth": "1980-05-04 00:00:00",
    "current_hire_date": "2015-01-01",
    "street": "1 Main  Street",
    "city": "Baton Rouge",
    "state": "la",
    "zip_code": "70801-",
    "country": "US",
    "mobile_phone": "504-555-0101",
    "work_phone": None,
    "home_site_id": 500,
    "current_title_id": 8,
    "roles": [{"id": 4}],
    "system_access": 1,
}
NOBODY_LISTENS = "http://127.0.0.1:9"


class RefusedWrites(httpx.HTTPTransport):
    """Reads go through; every write is answered with ``status``."""

    def __init__(self, status: int, **headers: str) -> None:
        super().__init__(verify=False)
        self._status, self._headers = status, headers

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return super().handle_request(request)
        return httpx.Response(self._status, headers=self._headers, json={"message": "Too Many Attempts."})


class Account:
    """A SafetyAmp account in the sandbox, a Vista, and the jobs between them."""

    def __init__(self, folder: Path, *, with_titles: bool) -> None:
        self.folder = folder
        self.world = World()
        self.root = self.world.clusters.add_root("Acme", self.world.stamp())
        self.world.roles.add("Field", self.world.stamp())
        # Whom the key belongs to: an account without users is taken for an answer that lost them.
        self.world.add("users", {"first_name": "Account", "last_name": "Owner", "email": "owner@example.test"})
        self.sandbox = Sandbox(self.world, quota=None).start()
        self.fleet = SamsaraSandbox(Fleet(3, [person(101), person(102)]), quota=None).start()
        self.titles = self.add_titles("Diver", "Welder") if with_titles else []
        self.opened: list[Connections] = []

    def add_places(self, *, bridge: bool = True) -> None:
        """A region with its office, where assets stand, and a department with a site."""
        world = self.world
        region = world.add("site_clusters", {"name": "Gulf", "external_code": "Gulf", "parent_cluster_id": self.root})
        pipe = world.add("site_clusters", {"name": "Pipe", "external_code": "210", "parent_cluster_id": region})
        office = world.add("sites", {"name": "Gulf Office", "cluster_id": region})
        if bridge:
            self.bridge = world.add("sites", {"name": "Bridge", "ext_id": "12345.", "cluster_id": pipe})
        category = world.asset_categories.add("Vehicles", world.stamp())
        self.kind = world.asset_types.add("Service Vehicle", office, world.stamp(), category_id=category)
        self.office = office

    def targets(self) -> Mapping[str, Sequence[Record]]:
        """What the jobs that others depend on would show."""
        clusters = list(self.connections().safetyamp.site_clusters())
        return {
            "departments": ClusterTree(clusters).placed(),
            "titles": self.titles,
            "jobs": self.world.records("sites"),
            "employees": self.world.records("users"),
        }

    def connections(
        self,
        url: str = "",
        vista: str = "vista.db",
        fleet: str = "",
        transport: httpx.BaseTransport | None = None,
        **changes: Any,
    ) -> Connections:
        settings = safetyamp_settings(
            domain=url or self.sandbox.url,
            token=Secret(SANDBOX_TOKEN),
            fqdn=self.sandbox.fqdn,
            vista_url=f"sqlite:///{vista}",
            page_size=2,
            adopt_by_email=True,
            root_cluster="Acme",
            samsara_domain=fleet or self.fleet.url,
            samsara_key=Secret(self.fleet.token),
            samsara_rate_limit_calls=0,
            samsara_page_size=2,
            samsara_number_key="employeeNumber",
            vehicle_description="{year} {make} {vin}",
            **changes,
        )
        # Loopback needs no certificates, and reading them takes longer than all the rest of a check.
        doubles = {"http_transport": transport or httpx.HTTPTransport(verify=False)}
        context = PluginContext("safetyamp", settings, root=self.folder, clock=StillClock(), doubles=doubles)
        self.opened.append(Connections(context))
        return self.opened[-1]

    def add_titles(self, *names: str) -> list[Record]:
        return [{"id": self.world.add("user_titles", {"name": name}), "name": name} for name in names]

    def close(self) -> None:
        for connections in self.opened:
            connections.close()
        self.sandbox.close()
        self.fleet.close()


@pytest.fixture(scope="module")
def vista(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a Vista and of a torn copy of it; nothing writes to them."""
    folder = tmp_path_factory.mktemp("vista")
    tables = {"bPREH": PEOPLE, "bPRDP": DEPARTMENTS, "bJCJM": WORKS, "bJCCM": CONTRACTS, "bPRJC": WORKED}
    whole = make_vista(folder / "vista.db", **tables).read_bytes()
    (folder / "torn.db").write_bytes(whole[:5_000])
    return folder


class SafetyAmpJobContract(JobContract):
    """What every job is given; each says how it is made and where it is kept."""

    resource: str

    def make(self, connections: Connections) -> Job:
        raise NotImplementedError

    def prepare(self, account: Account) -> None:
        """What has to be in the account before."""
        account.add_places()

    @pytest.fixture
    def accounts(self, vista: Path) -> Iterator[Callable[[], Account]]:
        made: list[Account] = []

        def make() -> Account:
            made.append(Account(vista, with_titles=self.resource == "users"))
            self.prepare(made[-1])
            return made[-1]

        yield make
        for account in made:
            account.close()

    @pytest.fixture
    def account(self, accounts: Callable[[], Account]) -> Account:
        return accounts()

    @pytest.fixture
    def job(self, account: Account) -> Job:
        return self.make(account.connections())

    @pytest.fixture
    def build(self, account: Account) -> Callable[[], Job]:
        return lambda: self.make(account.connections())

    @pytest.fixture
    def broken_sources(self, account: Account) -> Mapping[str, Job]:
        return {
            "there is no database": self.make(account.connections(vista="elsewhere/vista.db")),
            "the database is torn": self.make(account.connections(vista="torn.db")),
        }

    @pytest.fixture
    def broken_targets(self, accounts: Callable[[], Account]) -> Mapping[str, Job]:
        """Accounts of their own, whose second page never comes, or not to its end."""
        failing, torn = accounts(), accounts()
        for account in (failing, torn):
            self.fill(account)
        failing.sandbox.faults.fail_page(self.resource, self.page)
        torn.sandbox.faults.truncate_page(self.resource, self.page)
        return {
            "a page fails": self.make(failing.connections()),
            "a page is torn": self.make(torn.connections()),
        }

    page = 1

    def fill(self, account: Account) -> None:
        """More than a page."""
        for number in range(5):
            account.world.add(self.resource, self.filler(account, number))

    def filler(self, account: Account, number: int) -> Record:
        """A record of the resource that is nobody's."""
        raise NotImplementedError

    @pytest.fixture
    def lost_job(self, accounts: Callable[[], Account]) -> Job:
        account = accounts()
        account.sandbox.faults.reset_after_commit()
        return self.make(account.connections())

    @pytest.fixture
    def unreachable_job(self, account: Account) -> Job:
        return self.make(account.connections(NOBODY_LISTENS))

    @pytest.fixture
    def failing_job(self, account: Account) -> Job:
        return self.make(account.connections(transport=RefusedWrites(500), **self.settings(account)))

    @pytest.fixture
    def waiting_job(self, account: Account) -> Job:
        transport = RefusedWrites(429, **{"Retry-After": "7"})
        return self.make(account.connections(transport=transport, **self.settings(account)))

    def settings(self, account: Account) -> dict[str, Any]:
        """Settings that only one job needs."""
        return {}

    @pytest.fixture
    def secrets(self) -> Iterable[str]:
        return (SANDBOX_TOKEN,)


class TestDepartments(SafetyAmpJobContract):
    resource = "site_clusters"
    page = 0

    def make(self, connections: Connections) -> Job:
        return Departments(connections)

    def prepare(self, account: Account) -> None:
        """Nothing but the root: regions and departments are what is made."""

    def fill(self, account: Account) -> None:
        """The tree comes on one page."""

    @pytest.fixture
    def adoptable(self, account: Account) -> Callable[[Record], object]:
        return lambda record: account.world.add(
            "site_clusters", {"name": record["name"], "parent_cluster_id": account.root}
        )

    @pytest.fixture
    def changes(self) -> Record:
        return {"name": "Gulf of Mexico"}

    @pytest.fixture
    def refused(self, account: Account) -> Record:
        account.world.add("site_clusters", {"name": "Taken", "external_code": "410", "parent_cluster_id": account.root})
        return {"depth": 2, "external_code": "410", "name": "410 - Steel", "parent": "Taken", "osha_establishment": 0}

    @pytest.fixture
    def refused_fields(self) -> Iterable[str]:
        return ("parent",)


class TestSites(SafetyAmpJobContract):
    resource = "sites"

    def make(self, connections: Connections) -> Job:
        return sites_job(connections)

    def prepare(self, account: Account) -> None:
        account.add_places(bridge=False)

    def filler(self, account: Account, number: int) -> Record:
        return {"name": f"Site {number}", "cluster_id": account.root}

    @pytest.fixture
    def validators(self) -> Sequence[Validator]:
        return [SiteValidator()]

    @pytest.fixture
    def other_targets(self, account: Account) -> Mapping[str, Sequence[Record]]:
        return {"departments": account.targets()["departments"]}

    @pytest.fixture
    def adoptable(self, account: Account) -> Callable[[Record], object]:
        return lambda record: account.world.add("sites", {"name": record["name"], "cluster_id": account.root})

    @pytest.fixture
    def refused(self, account: Account) -> Record:
        return {"name": "Nowhere", "ext_id": "99999.", "cluster_id": 4711}

    @pytest.fixture
    def refused_fields(self) -> Iterable[str]:
        return ("cluster_id",)


class TestTitles(SafetyAmpJobContract):
    resource = "user_titles"

    def make(self, connections: Connections) -> Job:
        return Titles(connections)

    def filler(self, account: Account, number: int) -> Record:
        return {"name": f"Title {number}"}

    @pytest.fixture
    def validators(self) -> Sequence[Validator]:
        return [TitleValidator()]


class TestEmployees(SafetyAmpJobContract):
    resource = "users"

    def make(self, connections: Connections) -> Job:
        return employees_job(connections)

    def filler(self, account: Account, number: int) -> Record:
        return {"first_name": "U", "last_name": "U", "email": f"u{number}@example.test"}

    @pytest.fixture
    def validators(self) -> Sequence[Validator]:
        return [EmployeeValidator(lambda: date(2026, 3, 10))]

    @pytest.fixture
    def other_targets(self, account: Account) -> Mapping[str, Sequence[Record]]:
        found = account.targets()
        return {name: found[name] for name in ("departments", "titles", "jobs")}

    @pytest.fixture
    def adoptable(self, account: Account) -> Callable[[Record], object]:
        names = ("first_name", "last_name", "email")
        return lambda record: account.world.add("users", {**{name: record[name] for name in names}, "system_access": 1})

    @pytest.fixture
    def refused(self, account: Account) -> Record:
        taken = {"first_name": "Dee", "last_name": "Tanaka", "email": "dee@example.test"}
        account.world.add("users", taken)
        return {**taken, "emp_id": "909"}

    @pytest.fixture
    def refused_fields(self) -> Iterable[str]:
        return ("email",)


class TestVehicles(SafetyAmpJobContract):
    resource = "assets"

    def make(self, connections: Connections) -> Job:
        # Each account has links of its own; all jobs of one share them.
        return Vehicles(connections, VehicleLinks(self.folder / connections.settings.domain[-5:], "one"))

    @pytest.fixture(autouse=True)
    def _state(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def filler(self, account: Account, number: int) -> Record:
        return {"name": f"Tool {number}", "site_id": account.office, "asset_type_id": account.kind}

    def settings(self, account: Account) -> dict[str, Any]:
        """Where vehicles without a driver stand."""
        return {"vehicle_site_types": f"{account.office}:{account.kind}"}

    def placed(self, account: Account) -> Job:
        return self.make(account.connections(**self.settings(account)))

    @pytest.fixture
    def job(self, account: Account) -> Job:
        return self.placed(account)

    @pytest.fixture
    def build(self, account: Account) -> Callable[[], Job]:
        return lambda: self.placed(account)

    @pytest.fixture
    def lost_job(self, accounts: Callable[[], Account]) -> Job:
        account = accounts()
        account.sandbox.faults.reset_after_commit()
        return self.placed(account)

    @pytest.fixture
    def broken_sources(self, accounts: Callable[[], Account]) -> Mapping[str, Job]:
        failing = accounts()
        failing.fleet.faults.fail_page("vehicles", 1)
        return {
            "a page of the fleet fails": self.make(failing.connections()),
            "nobody listens": self.make(failing.connections(fleet=NOBODY_LISTENS)),
        }

    @pytest.fixture
    def validators(self) -> Sequence[Validator]:
        return [VehicleValidator()]

    @pytest.fixture
    def other_targets(self, account: Account) -> Mapping[str, Sequence[Record]]:
        driver = {"first_name": "Ann", "last_name": "Lee", "email": "ann@example.test", "emp_id": "101"}
        account.world.add("users", {**driver, "home_site_id": account.office})
        return {"employees": account.targets()["employees"]}

    @pytest.fixture
    def refused(self, account: Account) -> Record:
        return {"name": "Truck", "code": "T-1", "site_id": account.bridge, "asset_type_id": account.kind}

    @pytest.fixture
    def refused_fields(self) -> Iterable[str]:
        return ("site_id",)


class TestTitleValidator(ValidatorContract):
    @pytest.fixture
    def validator(self) -> Validator:
        return TitleValidator()

    @pytest.fixture
    def valid(self) -> Sequence[Record]:
        return [{"name": " Lead   Welder"}]

    @pytest.fixture
    def invalid(self) -> Sequence[tuple[str, Record]]:
        return [("name", {"name": " "}), ("name", {})]


class TestEmployeeValidator(ValidatorContract):
    @pytest.fixture
    def validator(self) -> Validator:
        return EmployeeValidator(lambda: date(2026, 3, 10))

    @pytest.fixture
    def valid(self) -> Sequence[Record]:
        return [EMPLOYEE]

    @pytest.fixture
    def invalid(self) -> Sequence[tuple[str, Record]]:
        required = ("first_name", "last_name", "email", "emp_id", "home_site_id")
        return [*((name, {**EMPLOYEE, name: None}) for name in required), ("email", {**EMPLOYEE, "email": "nowhere"})]

    @pytest.fixture
    def warned(self) -> Sequence[tuple[str, Record]]:
        odd = {"mobile_phone": "unlisted", "zip_code": "8", "state": "Louisiana", "date_of_birth": "2090-01-01"}
        return [(name, {**EMPLOYEE, name: value}) for name, value in odd.items()]


SITE: Record = {
    "name": " 12345. -  Bridge",
    "ext_id": " 12345. ",
    "cluster_id": 11,
    "street": "9 Mill  Street",
    "city": None,
    "state": "la",
    "zip_code": "70360-",
    "country": "us",
    "timezone": "America/Chicago",
}
VEHICLE: Record = {
    "name": " Unit  1",
    "code": "PLT 1 ",
    "site_id": 500,
    "asset_type_id": 3,
    "serial": "GATE-1",
    "model": "F-150",
    "description": " Service  body",
    "vin": "1ftfw1e5 0nfa00001",
    "year": "2021",
    "status": "1",
}


class TestSiteValidator(ValidatorContract):
    @pytest.fixture
    def validator(self) -> Validator:
        return SiteValidator()

    @pytest.fixture
    def valid(self) -> Sequence[Record]:
        return [SITE]

    @pytest.fixture
    def invalid(self) -> Sequence[tuple[str, Record]]:
        return [(name, {**SITE, name: None}) for name in ("name", "cluster_id")]

    @pytest.fixture
    def warned(self) -> Sequence[tuple[str, Record]]:
        odd = {"zip_code": "8", "state": "Louisiana", "country": "USA", "timezone": "Louisiana/Houma"}
        return [(name, {**SITE, name: value}) for name, value in odd.items()]


class TestVehicleValidator(ValidatorContract):
    @pytest.fixture
    def validator(self) -> Validator:
        return VehicleValidator()

    @pytest.fixture
    def valid(self) -> Sequence[Record]:
        return [VEHICLE]

    @pytest.fixture
    def invalid(self) -> Sequence[tuple[str, Record]]:
        return [(name, {**VEHICLE, name: " "}) for name in ("name", "code")] + [
            (name, {**VEHICLE, name: None}) for name in ("site_id", "asset_type_id")
        ]

    @pytest.fixture
    def warned(self) -> Sequence[tuple[str, Record]]:
        odd = {"vin": "12", "year": "21", "status": "sold"}
        return [(name, {**VEHICLE, name: value}) for name, value in odd.items()]
