"""The stand-ins of Samsara and of Microsoft answer as their documentation says."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from busway_safetyamp.sandbox.company import Company
from busway_safetyamp.sandbox.directory import directory_users
from busway_safetyamp.sandbox.fault import Fault, FaultKind
from busway_safetyamp.sandbox.fleet import Fleet
from busway_safetyamp.sandbox.graph import GraphSandbox
from busway_safetyamp.sandbox.samsara import SamsaraSandbox
from busway_safetyamp.sandbox.tls import Certificate


@pytest.fixture(scope="module")
def company() -> Company:
    return Company(3, 160)


@pytest.fixture(scope="module")
def certificate() -> Certificate:
    return Certificate.make()


@pytest.fixture
def samsara(company: Company) -> Iterator[httpx.Client]:
    with SamsaraSandbox(Fleet(3, company.active), quota=None) as sandbox:
        headers = {"Authorization": f"Bearer {sandbox.token}"}
        with httpx.Client(base_url=sandbox.url, headers=headers, timeout=5) as client:
            yield client


@pytest.fixture
def graph(company: Company, certificate: Certificate) -> Iterator[GraphSandbox]:
    with GraphSandbox(directory_users(company.active), certificate=certificate) as sandbox:
        yield sandbox


@pytest.fixture
def directory(graph: GraphSandbox) -> Iterator[httpx.Client]:
    """Signed in."""
    trust = ssl.create_default_context(cadata=graph.authority.decode())
    application = graph.application
    form = {"client_id": application.client_id, "client_secret": application.secret}
    with httpx.Client(base_url=graph.url, verify=trust, timeout=5) as client:
        token = client.post(f"/{application.tenant}/oauth2/v2.0/token", data=form).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/fleet/vehicles?limit=512", 200),
        ("/fleet/vehicles?limit=513", 400),
        ("/fleet/vehicles?limit=0", 400),
        ("/fleet/vehicles?after=nonsense", 400),
        ("/fleet/drivers/none", 404),
        ("/fleet/trailers", 404),
        ("/vehicles", 404),
    ],
)
def test_what_samsara_takes(samsara: httpx.Client, path: str, status: int) -> None:
    answer = samsara.get(path)
    assert answer.status_code == status
    if status != 200:
        assert set(answer.json()) == {"message", "requestId"}
    assert samsara.post("/fleet/vehicles").status_code == 405


def test_samsara_pages_by_cursor(samsara: httpx.Client) -> None:
    first = samsara.get("/fleet/vehicles", params={"limit": 5}).json()
    assert (len(first["data"]), first["pagination"]["hasNextPage"]) == (5, True)
    cursor = first["pagination"]["endCursor"]
    last = samsara.get("/fleet/vehicles", params={"limit": 5, "after": cursor}).json()
    assert (len(last["data"]), last["pagination"]) == (3, {"endCursor": "", "hasNextPage": False})
    one = samsara.get(f"/fleet/drivers/{first['data'][0]['staticAssignedDriver']['id']}").json()["data"]
    assert one["staticAssignedVehicle"]["id"] == first["data"][0]["id"]


def test_samsara_says_when_to_come_back_in_fractions(company: Company) -> None:
    with SamsaraSandbox(Fleet(3, company.active), quota=1, period=30) as sandbox:
        ask = {"headers": {"Authorization": f"Bearer {sandbox.token}"}, "timeout": 5}
        assert httpx.get(f"{sandbox.url}/fleet/vehicles", **ask).status_code == 200  # type: ignore[arg-type]
        refused = httpx.get(f"{sandbox.url}/fleet/vehicles", **ask)  # type: ignore[arg-type]
    assert refused.status_code == 429
    assert "." in refused.headers["Retry-After"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"$top": "999"}, 200),
        ({"$top": "1000"}, 400),
        ({"$skip": "10"}, 400),
        ({"$skiptoken": "x"}, 400),
        ({"$filter": "department eq 'x'"}, 400),
    ],
)
def test_what_graph_takes(directory: httpx.Client, query: dict[str, str], status: int) -> None:
    answer = directory.get("/v1.0/users", params=query)
    assert answer.status_code == status
    if status == 400:
        assert answer.json()["error"]["code"] == "BadRequest"
    assert directory.get("/v1.0/groups").status_code == 404
    assert directory.get("/v1.0/users", headers={"Authorization": "Bearer other"}).status_code == 401


def test_graph_pages_by_links_and_returns_what_is_selected(directory: httpx.Client, graph: GraphSandbox) -> None:
    first = directory.get("/v1.0/users").json()
    assert len(first["value"]) == 100, "without $top"
    assert "employeeId" not in first["value"][0], "only when it is asked for"
    link = first["@odata.nextLink"]
    assert link.startswith(graph.url)
    rest = directory.get(link).json()
    assert "@odata.nextLink" not in rest
    assert len(rest["value"]) == len(graph.users) - 100
    query = {"$select": "id,employeeId", "$filter": "accountEnabled eq true", "$top": "999"}
    enabled = directory.get("/v1.0/users", params=query).json()["value"]
    assert set(enabled[0]) == {"id", "employeeId"}
    assert len(enabled) == sum(user["accountEnabled"] for user in graph.users) < len(graph.users)


def test_a_directory_has_the_flaws_of_a_real_one(company: Company, graph: GraphSandbox) -> None:
    users: list[Any] = list(graph.users)
    assert directory_users(company.active) == users
    enabled = [user for user in users if user["accountEnabled"]]
    numbers = [str(user["employeeId"]).strip() for user in enabled if user["employeeId"]]
    mails = [user["mail"] for user in users if user["mail"]]
    assert len(set(mails)) == len(mails), "an address belongs to one account"
    assert len(set(numbers)) < len(numbers), "somebody has two accounts"
    assert any(user["mail"] is None for user in users)
    assert any("onmicrosoft" in mail for mail in mails)
    assert any(user["employeeId"] is None for user in users)
    assert any(user["employeeId"] != user["employeeId"].strip() for user in users if user["employeeId"])


def test_strangers_at_its_port_do_not_disturb_it(graph: GraphSandbox, directory: httpx.Client) -> None:
    port = int(graph.url.rpartition(":")[2])
    for bytes_sent in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00", b""):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as stranger:
            stranger.sendall(bytes_sent)
    silent = socket.create_connection(("127.0.0.1", port), timeout=5)
    assert directory.get("/v1.0/users").status_code == 200
    silent.close()


@pytest.mark.parametrize("kind", [FaultKind.HANG, FaultKind.SLOW], ids=str)
def test_closing_does_not_wait_for_a_connection_that_hangs(company: Company, kind: FaultKind) -> None:
    with SamsaraSandbox(Fleet(3, company.active), quota=None) as sandbox:
        sandbox.faults.arm(Fault(kind, seconds=60))
        headers = {"Authorization": f"Bearer {sandbox.token}"}
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{sandbox.url}/fleet/vehicles", headers=headers, timeout=0.1)
    assert sandbox.answers == {500: 1} if kind is FaultKind.HANG else sandbox.answers == {200: 1}
