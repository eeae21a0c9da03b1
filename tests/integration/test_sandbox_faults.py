from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from busway_safetyamp.sandbox.server import Sandbox
from busway_safetyamp.sandbox.world import World

PERSON = {"first_name": "Ann", "last_name": "Lee", "email": "ann@example.test"}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    world = World()
    for number in range(60):
        world.add("user_titles", {"name": f"Title {number}"})
    with Sandbox(world, quota=None) as sandbox:
        yield sandbox


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[httpx.Client]:
    known = {"Authorization": f"Bearer {sandbox.token}", "Fqdn": sandbox.fqdn, "Accept": "application/json"}
    with httpx.Client(base_url=sandbox.url, headers=known, timeout=5) as client:
        yield client


def page(client: httpx.Client, number: int) -> httpx.Response:
    return client.get("/api/user_titles", params={"limit": 25, "page": number})


def test_one_page_fails_until_the_fault_is_cleared(sandbox: Sandbox, client: httpx.Client) -> None:
    sandbox.faults.fail_page("user_titles", 1)
    assert [page(client, number).status_code for number in (0, 1, 1, 2)] == [200, 500, 500, 200]
    assert client.get("/api/users", params={"limit": 25, "page": 1}).status_code == 200
    sandbox.faults.clear()
    assert page(client, 1).status_code == 200


def test_a_page_fails_as_often_as_asked_with_the_status_asked(sandbox: Sandbox, client: httpx.Client) -> None:
    sandbox.faults.fail_page("user_titles", 0, status=503, times=2)
    statuses = [client.get("/api/user_titles").status_code for _ in range(3)]
    assert statuses == [503, 503, 200]


def test_the_key_is_refused_after_some_calls(sandbox: Sandbox, client: httpx.Client) -> None:
    sandbox.faults.refuse_after(2)
    assert [page(client, 0).status_code for _ in range(4)] == [200, 200, 401, 401]
    assert client.post("/api/users", json=PERSON).status_code == 401
    assert len(sandbox.ledger) == 0


def test_html_in_place_of_json(sandbox: Sandbox, client: httpx.Client) -> None:
    sandbox.faults.answer_html(times=1)
    answer = page(client, 0)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert answer.text.startswith("<!doctype html>")
    assert page(client, 0).json()["data"]


def test_a_page_that_breaks_off(sandbox: Sandbox, client: httpx.Client) -> None:
    sandbox.faults.truncate_page("user_titles", 1, times=1)
    assert page(client, 0).status_code == 200
    with pytest.raises(httpx.RemoteProtocolError):
        page(client, 1)
    assert page(client, 1).status_code == 200


def test_a_reset_after_the_commit(sandbox: Sandbox, client: httpx.Client) -> None:
    sandbox.faults.reset_after_commit()
    with pytest.raises(httpx.TransportError):
        client.post("/api/users", json=PERSON)
    assert sandbox.ledger.count("POST", "/api/users") == 1
    assert [user["email"] for user in client.get("/api/users").json()["data"]] == ["ann@example.test"]
    again = client.post("/api/users", json=PERSON)
    assert again.status_code == 422


def test_a_refused_write_does_not_use_up_the_reset(sandbox: Sandbox, client: httpx.Client) -> None:
    sandbox.faults.reset_after_commit()
    assert client.post("/api/users", json={}).status_code == 422
    with pytest.raises(httpx.TransportError):
        client.post("/api/users", json=PERSON)
