from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from busway.errors import UsageError
from busway_safetyamp.sandbox.limiter import RetryAfter
from busway_safetyamp.sandbox.server import Sandbox
from busway_safetyamp.sandbox.world import World

PERSON = {"first_name": "Ann", "last_name": "Lee", "email": "ann@example.test"}


def headers(sandbox: Sandbox) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {sandbox.token}",
        "Fqdn": sandbox.fqdn,
        "User-Agent": "Tests/1.0",
        "Accept": "application/json",
    }


@pytest.fixture
def world() -> World:
    world = World()
    root = world.clusters.add_root("Root", world.stamp())
    world.add("sites", {"name": "Root Office", "cluster_id": root})
    world.roles.add("Field", world.stamp())
    for number in range(60):
        world.add("user_titles", {"name": f"Title {number}"})
    return world


@pytest.fixture
def sandbox(world: World) -> Iterator[Sandbox]:
    with Sandbox(world, quota=None) as sandbox:
        yield sandbox


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sandbox.url, headers=headers(sandbox), timeout=5) as client:
        yield client


def names(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200
    return [record["name"] for record in answer.json()["data"]]


def test_pages_count_from_zero_and_hold_25_without_a_limit(client: httpx.Client) -> None:
    assert names(client.get("/api/user_titles")) == [f"Title {number}" for number in range(25)]
    last = client.get("/api/user_titles", params={"limit": 25, "page": 2})
    assert names(last) == [f"Title {number}" for number in range(50, 60)]
    assert names(client.get("/api/user_titles", params={"limit": 30, "page": 2})) == []


@pytest.mark.parametrize("resource", ["users", "site_clusters"])
def test_a_page_without_a_limit_is_refused(client: httpx.Client, resource: str) -> None:
    answer = client.get(f"/api/{resource}", params={"page": 0})
    assert answer.status_code == 400
    assert answer.json() == {"message": "Bad Request: A limit is required when using page."}


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=25&page=-1", "limit=99999999999", "limit="])
def test_paging_that_is_no_number_is_refused(client: httpx.Client, query: str) -> None:
    assert client.get(f"/api/users?{query}").status_code == 400


def test_clusters_come_as_a_tree(client: httpx.Client) -> None:
    body = {"name": "North", "parent_cluster_id": 1, "external_code": "N"}
    assert client.post("/api/site_clusters", json=body).status_code == 201
    root = client.get("/api/site_clusters").json()["data"][0]
    assert root["children"][0]["name"] == "North"


@pytest.mark.parametrize("resource", ["users", "roles", "sites", "assets", "asset_types"])
def test_every_list_has_a_data_envelope(client: httpx.Client, resource: str) -> None:
    assert isinstance(client.get(f"/api/{resource}").json()["data"], list)


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Basic abc", "Bearer"])
def test_a_wrong_key_is_401(client: httpx.Client, authorization: str | None) -> None:
    request = client.build_request("GET", "/api/users")
    del request.headers["Authorization"]
    if authorization is not None:
        request.headers["Authorization"] = authorization
    answer = client.send(request)
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthenticated."})


@pytest.mark.parametrize("name", ["Fqdn", "User-Agent", "Accept"])
def test_a_missing_header_is_400_and_named(client: httpx.Client, name: str) -> None:
    request = client.build_request("POST", "/api/users", json=PERSON)
    del request.headers[name]
    answer = client.send(request)
    assert answer.status_code == 400
    assert name in answer.json()["message"]


def test_create_and_update_answer_the_record(client: httpx.Client, sandbox: Sandbox) -> None:
    created = client.post("/api/users", json={**PERSON, "home_site_id": 1, "roles": [{"id": 1}]})
    assert created.status_code == 201
    key = created.json()["data"]["id"]
    changed = client.patch(f"/api/users/{key}", json={**PERSON, "city": "Alderton", "system_access": 0})
    assert changed.status_code == 200
    assert changed.json()["data"]["city"] == "Alderton"
    assert changed.json()["data"]["home_site"]["name"] == "Root Office"
    assert client.put(f"/api/users/{key}", json=PERSON).status_code == 200
    assert [write.method for write in sandbox.ledger.writes] == ["POST", "PATCH", "PUT"]


def test_a_refused_body_is_422_and_writes_nothing(client: httpx.Client, sandbox: Sandbox) -> None:
    answer = client.post("/api/users", json={"email": "x"})
    assert answer.status_code == 422
    assert answer.json() == {
        "message": "The first name field is required. (and 2 more errors)",
        "errors": {
            "first_name": ["The first name field is required."],
            "last_name": ["The last name field is required."],
            "email": ["The email must be a valid email address."],
        },
    }
    assert len(sandbox.ledger) == 0


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"'])
def test_a_body_that_is_no_object_is_400(client: httpx.Client, body: bytes) -> None:
    assert client.post("/api/users", content=body).status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/api/nothing", 404),
        ("GET", "/other/users", 404),
        ("PATCH", "/api/users/ZZZZZ", 404),
        ("PATCH", "/api/users/A/B", 404),
        ("GET", "/api/users/ZZZZZ", 405),
        ("DELETE", "/api/users/ZZZZZ", 405),
        ("POST", "/api/roles", 405),
        ("PATCH", "/api/sites/1", 405),
    ],
)
def test_what_the_api_does_not_offer(client: httpx.Client, method: str, path: str, status: int) -> None:
    assert client.request(method, path, json=PERSON).status_code == status


def test_the_ledger_can_be_read_over_http_and_holds_no_values(client: httpx.Client, sandbox: Sandbox) -> None:
    client.post("/api/users", json=PERSON)
    found = httpx.get(f"{sandbox.url}/sandbox/ledger")
    (write,) = found.json()["data"]
    assert (write["method"], write["path"]) == ("POST", "/api/users")
    assert write["fields"] == list(PERSON)
    assert write["time"].endswith("Z")
    assert "ann@" not in found.text
    assert found.json()["calls"] == {"201": 1}


def test_past_the_quota_calls_are_429(world: World) -> None:
    with Sandbox(world, quota=2) as sandbox, httpx.Client(base_url=sandbox.url, headers=headers(sandbox)) as client:
        answers = [client.post("/api/users", json={**PERSON, "email": f"p{n}@example.test"}) for n in range(3)]
        assert [answer.status_code for answer in answers] == [201, 201, 429]
        assert answers[2].json() == {"message": "Too Many Attempts."}
        assert 1 <= int(answers[2].headers["Retry-After"]) <= 60
        assert answers[0].headers["X-RateLimit-Remaining"] == "1"
        sandbox.limiter.retry_after = RetryAfter.NONE
        assert "Retry-After" not in client.get("/api/users").headers
        sandbox.limiter.quota = None
        assert client.get("/api/users").status_code == 200
        assert (sandbox.calls, len(sandbox.ledger)) == (5, 2)
        assert sandbox.answers == {201: 2, 429: 2, 200: 1}


def test_one_connection_serves_many_calls(client: httpx.Client, sandbox: Sandbox) -> None:
    client.get("/api/roles")
    stream = client.get("/api/roles").extensions["network_stream"]
    again = client.get("/api/roles").extensions["network_stream"]
    assert stream.get_extra_info("client_addr") == again.get_extra_info("client_addr")


def test_parallel_creates_are_each_written_once(sandbox: Sandbox, world: World) -> None:
    with httpx.Client(base_url=sandbox.url, headers=headers(sandbox)) as client, ThreadPoolExecutor(4) as pool:
        bodies = [{**PERSON, "email": f"p{number}@example.test"} for number in range(100)]
        statuses = list(pool.map(lambda body: client.post("/api/users", json=body).status_code, bodies))
    assert statuses == [201] * 100
    assert len(world.users) == len(sandbox.ledger) == 100


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /api/users HTTP/1.1\r\nbad header\r\n\r\n", 400),
        (b"POST /api/users HTTP/1.1\r\nContent-Length: -5\r\n\r\n", 400),
        (b"POST /api/users HTTP/1.1\r\nContent-Length: 99999999999999\r\n\r\n", 413),
        (b"POST /api/users HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n", 431),
        (b"GET /api/users HTTP/1.1\r\nAuthorization: Bearer \xfc\r\nConnection: close\r\n\r\n", 401),
        (b"GET //[?x HTTP/1.1\r\n\r\n", 400),
    ],
)
def test_strange_bytes_get_an_answer_and_the_end(sandbox: Sandbox, raw: bytes, status: int) -> None:
    port = int(sandbox.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as peer:
        peer.sendall(raw)
        received = b"".join(iter(lambda: peer.recv(65536), b""))
    assert received.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"Connection: close" in received


def test_a_port_in_use_is_told(sandbox: Sandbox, world: World) -> None:
    port = int(sandbox.url.rpartition(":")[2])
    with pytest.raises(UsageError) as caught:
        Sandbox(world, port=port).start()
    assert caught.value.code == "BW8004"
    assert str(port) in caught.value.problem.where


def test_close_ends_open_connections_and_may_be_repeated(world: World) -> None:
    sandbox = Sandbox(world, quota=None).start()
    with httpx.Client(base_url=sandbox.url, headers=headers(sandbox)) as client:
        assert client.get("/api/roles").status_code == 200
        sandbox.close()
        sandbox.close()
        with pytest.raises(httpx.TransportError):
            client.get("/api/roles")
    with pytest.raises(RuntimeError):
        _ = sandbox.url
