"""The jobs and validators of SafetyAmp keep their contracts, against a Vista in a file and the sandbox."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

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
from busway_safetyamp.employees import employees_job
from busway_safetyamp.sandbox.server import SANDBOX_TOKEN, Sandbox
from busway_safetyamp.sandbox.world import World
from busway_safetyamp.titles import Titles
from busway_safetyamp.validators import EmployeeValidator, TitleValidator

PEOPLE = [
    person(101, FirstName="Ada ", LastName="Lindqvist", CellPhone="504-555-0101", City="Baton Rouge"),
    person(102, FirstName="Ben ", LastName="Okafor", CellPhone="504-555-0102", City="Lafayette", udEmpTitle="Painter"),
    person(103, FirstName="Cyd ", LastName="Moreau", CellPhone="504-555-0103", PRDept="999", udEmpTitle="Rigger"),
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


class Account:
    """A SafetyAmp account in the sandbox, a Vista, and the jobs between them."""

    def __init__(self, folder: Path, *, with_titles: bool) -> None:
        self.folder = folder
        self.world = World()
        root = self.world.clusters.add_root("Acme", self.world.stamp())
        region = self.world.add("site_clusters", {"name": "Gulf", "external_code": "Gulf", "parent_cluster_id": root})
        pipe = self.world.add("site_clusters", {"name": "Pipe", "external_code": "210", "parent_cluster_id": region})
        self.world.add("sites", {"name": "Gulf Office", "cluster_id": region})
        self.world.add("sites", {"name": "Bridge", "ext_id": "12345.", "cluster_id": pipe})
        self.world.roles.add("Field", self.world.stamp())
        # Whom the key belongs to: an account without users is taken for an answer that lost them.
        self.world.add("users", {"first_name": "Account", "last_name": "Owner", "email": "owner@example.test"})
        self.sandbox = Sandbox(self.world, quota=None).start()
        self.titles = self.add_titles("Diver", "Welder") if with_titles else []
        self.opened: list[Connections] = []

    def connections(self, url: str = "", vista: str = "vista.db") -> Connections:
        settings = safetyamp_settings(
            domain=url or self.sandbox.url,
            token=Secret(SANDBOX_TOKEN),
            fqdn=self.sandbox.fqdn,
            vista_url=f"sqlite:///{vista}",
            page_size=2,
            adopt_by_email=True,
        )
        # Loopback needs no certificates, and reading them takes longer than all the rest of a check.
        doubles = {"http_transport": httpx.HTTPTransport(verify=False)}
        context = PluginContext("safetyamp", settings, root=self.folder, clock=StillClock(), doubles=doubles)
        self.opened.append(Connections(context))
        return self.opened[-1]

    def add_titles(self, *names: str) -> list[Record]:
        return [{"id": self.world.add("user_titles", {"name": name}), "name": name} for name in names]

    def close(self) -> None:
        for connections in self.opened:
            connections.close()
        self.sandbox.close()


@pytest.fixture(scope="module")
def vista(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a Vista and of a torn copy of it; nothing writes to them."""
    folder = tmp_path_factory.mktemp("vista")
    whole = make_vista(folder / "vista.db", bPREH=PEOPLE).read_bytes()
    (folder / "torn.db").write_bytes(whole[:5_000])
    return folder


class SafetyAmpJobContract(JobContract):
    """What both jobs are given; each says how it is made and where it is kept."""

    resource: str

    def make(self, connections: Connections) -> Job:
        raise NotImplementedError

    @pytest.fixture
    def accounts(self, vista: Path) -> Iterator[Callable[[], Account]]:
        made: list[Account] = []

        def make() -> Account:
            made.append(Account(vista, with_titles=self.resource == "users"))
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
            for number in range(5):
                account.world.add("user_titles", {"name": f"Title {number}"})
                account.world.add("users", {"first_name": "U", "last_name": "U", "email": f"u{number}@example.test"})
        failing.sandbox.faults.fail_page(self.resource, 1)
        torn.sandbox.faults.truncate_page(self.resource, 1)
        return {
            "a page fails": self.make(failing.connections()),
            "a page is torn": self.make(torn.connections()),
        }

    @pytest.fixture
    def lost_job(self, accounts: Callable[[], Account]) -> Job:
        account = accounts()
        account.sandbox.faults.reset_after_commit()
        return self.make(account.connections())

    @pytest.fixture
    def unreachable_job(self, account: Account) -> Job:
        return self.make(account.connections(NOBODY_LISTENS))

    @pytest.fixture
    def secrets(self) -> Iterable[str]:
        return (SANDBOX_TOKEN,)


class TestTitles(SafetyAmpJobContract):
    resource = "user_titles"

    def make(self, connections: Connections) -> Job:
        return Titles(connections)

    @pytest.fixture
    def validators(self) -> Sequence[Validator]:
        return [TitleValidator()]


class TestEmployees(SafetyAmpJobContract):
    resource = "users"

    def make(self, connections: Connections) -> Job:
        return employees_job(connections)

    @pytest.fixture
    def validators(self) -> Sequence[Validator]:
        return [EmployeeValidator(lambda: date(2026, 3, 10))]

    @pytest.fixture
    def other_targets(self, account: Account) -> Mapping[str, Sequence[Record]]:
        return {"titles": account.titles}

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
