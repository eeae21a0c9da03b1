from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from scim2_server.applications.wsgi import WSGIApplication
from scim2_server.memory import InMemoryStorage
from scim2_server.utils import load_default_provider

from acme_busway_scim_people.folder import PeopleFolder
from acme_busway_scim_people.people import People
from acme_busway_scim_people.scim import ScimUsers
from busway import Job, Quota, Record, Secret
from busway.contracts.clock import SystemClock
from busway.contracts.limits import unlimited
from busway.testing import JobContract

NORTH = """number,login,first_name,last_name,title
101,ada@example.test,Ada,Lindqvist,Welder
102,ben@example.test,Ben,Okafor,Painter
"""
SOUTH = """number,login,first_name,last_name,title
103,cyd@example.test,Cyd,Moreau,Welder
104,,Dee,Tanaka,Rigger
"""
TOKEN = "synthetic-token-of-the-service"
PROVIDER = load_default_provider()


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        """No access log between the dots of pytest."""


def export(folder: Path, **files: str) -> PeopleFolder:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, "utf-8")
    sums = (f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in folder.glob("*.csv"))
    (folder / "SHA256SUMS").write_text("".join(sums), "utf-8")
    return PeopleFolder(folder)


def users_of(url: str) -> ScimUsers:
    return ScimUsers(url, Secret(TOKEN), unlimited(Quota("acme-scim", 600, 60.0)), SystemClock(), page_size=2)


class TestPeople(JobContract):
    @pytest.fixture
    def service(self) -> Iterator[str]:
        """A real SCIM service on loopback; its address."""
        app = WSGIApplication(InMemoryStorage(), PROVIDER)
        with make_server("127.0.0.1", 0, app, handler_class=Quiet) as server:
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            yield f"http://127.0.0.1:{server.server_port}/v2"
            server.shutdown()

    @pytest.fixture
    def users(self, service: str) -> Iterator[ScimUsers]:
        users = users_of(service)
        yield users
        users.close()

    @pytest.fixture
    def folder(self, tmp_path: Path) -> PeopleFolder:
        return export(tmp_path / "people", north=NORTH, south=SOUTH)

    @pytest.fixture
    def build(self, folder: PeopleFolder, service: str) -> Callable[[], Job]:
        return lambda: People(folder, users_of(service))

    @pytest.fixture
    def job(self, folder: PeopleFolder, users: ScimUsers) -> Job:
        return People(folder, users)

    @pytest.fixture
    def adoptable(self, users: ScimUsers) -> Callable[[Record], object]:
        return lambda record: users.create({"userName": record["userName"].upper()})

    @pytest.fixture
    def refused(self, users: ScimUsers) -> Record:
        users.create({"userName": "eve@example.test", "externalId": "900"})
        return {"userName": "eve@example.test", "externalId": "901"}

    @pytest.fixture
    def refused_fields(self) -> list[str]:
        return ["userName"]

    @pytest.fixture
    def broken_sources(self, tmp_path: Path, users: ScimUsers) -> Mapping[str, Job]:
        torn = export(tmp_path / "torn", north=NORTH, south=SOUTH)
        (tmp_path / "torn" / "south.csv").write_text(SOUTH[:-10], "utf-8")
        short = export(tmp_path / "short", north=NORTH, south=SOUTH)
        (tmp_path / "short" / "south.csv").unlink()
        gone = PeopleFolder(tmp_path / "gone")
        folders = {"a file is torn": torn, "a file is missing": short, "nothing is there": gone}
        return {what: People(folder, users) for what, folder in folders.items()}

    @pytest.fixture
    def unreachable_job(self, folder: PeopleFolder) -> Iterator[Job]:
        job = People(folder, users_of("http://127.0.0.1:9/v2"))
        yield job
        job.close()

    @pytest.fixture
    def secrets(self) -> list[str]:
        return [TOKEN]
