"""Who may do what with the service, from where, how often, and how large."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator

import httpx
import pytest

from builders.service_house import LiveService, ServiceHouse, events_of

TOKENS = {"vic": "viewer", "opal": "operator", "ada": "admin"}


def lines_of(tokens: dict[str, str]) -> str:
    digests = {name: hashlib.sha256(f"token-of-{name}".encode()).hexdigest() for name in tokens}
    return "\n".join(
        f'[service.tokens.{name}]\nrole = "{role}"\nsha256 = "{digests[name]}"' for name, role in tokens.items()
    )


def bearer(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer token-of-{name}"}


@pytest.fixture
def guarded(house: ServiceHouse) -> LiveService:
    """A service that asks for tokens."""
    house.toml(service=f'auth = "token"\n{lines_of(TOKENS)}')
    return house.live()


@pytest.fixture
def proxied(house: ServiceHouse) -> Iterator[LiveService]:
    house.toml(
        service='auth = "proxy"\n[service.proxy]\npeers = ["127.0.0.1"]\nuser_header = "X-User"\n'
        'roles = { ada = "admin", "*" = "viewer" }'
    )
    return house.live()  # type: ignore[return-value]


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def test_without_a_known_token_nothing_is_told_but_probes(guarded: LiveService) -> None:
    for headers in ({}, {"Authorization": "Bearer token-of-eve"}, {"Authorization": "Basic dmljOng="}, bearer("")):
        for path in ("/api/v1/status", "/api/v1/openapi.json", "/metrics"):
            response = guarded.get(path, headers=headers)
            assert code(response) == (401, "BW8110")
            assert response.headers["www-authenticate"] == 'Bearer realm="busway"'
    for probe in ("/livez", "/readyz", "/startupz"):
        assert guarded.get(probe).status_code == 200


def test_each_role_may_do_what_it_is_for_and_no_more(guarded: LiveService) -> None:
    pause, allow = ("/api/v1/pause", {"reason": "x"}), ("/api/v1/plans/0000/allow", {"reason": "x"})
    assert guarded.get("/api/v1/jobs", headers=bearer("vic")).status_code == 200
    assert code(guarded.post(*pause, headers=bearer("vic"))) == (403, "BW8111")
    assert guarded.post(*pause, headers=bearer("opal")).json()["data"][0]["actor"] == "opal"
    assert code(guarded.post(*allow, headers=bearer("opal"))) == (403, "BW8111")
    assert code(guarded.post(*allow, headers=bearer("ada"))) == (404, "BW7010")
    assert guarded.get("/metrics", headers=bearer("vic")).status_code == 200


def test_refused_changes_are_audited_with_who_tried(guarded: LiveService, house: ServiceHouse) -> None:
    guarded.post("/api/v1/pause", {"reason": "x"})
    guarded.post("/api/v1/pause", {"reason": "x"}, headers=bearer("vic"))
    guarded.post("/api/v1/pause", {"reason": "x"}, headers=bearer("ada"))
    guarded.close()
    told = [one for one in events_of(house.people.folder, "audit") if one["operation"] == "api pause"]
    assert [(one["attributes"]["actor"], one["attributes"]["outcome"], one["severity"]) for one in told] == [
        ("", "BW8110", 13), ("vic", "BW8111", 13), ("ada", "done", 9),
    ]  # fmt: skip
    files = [path for path in (house.people.folder / ".busway").rglob("*") if path.is_file()]
    assert not any(b"token-of-" in path.read_bytes() for path in files), "no token is kept anywhere"


def test_metrics_can_be_open_while_all_else_is_not(house: ServiceHouse) -> None:
    house.toml(service=f'auth = "token"\nopen_metrics = true\n{lines_of(TOKENS)}')
    live = house.live()
    assert live.get("/metrics").status_code == 200
    assert live.get("/api/v1/status").status_code == 401


def test_the_proxy_says_who_it_is_and_what_they_may_do(proxied: LiveService) -> None:
    assert proxied.get("/api/v1/status", headers={"X-User": "ada"}).json()["data"]["role"] == "admin"
    told = proxied.get("/api/v1/status", headers={"X-User": "bob"}).json()["data"]
    assert (told["actor"], told["role"]) == ("bob", "viewer")
    assert code(proxied.get("/api/v1/status")) == (401, "BW8110")


def test_a_header_from_somebody_who_is_not_the_proxy_is_refused(house: ServiceHouse) -> None:
    house.toml(service='auth = "proxy"\n[service.proxy]\npeers = ["10.9.9.9"]\nroles = { "*" = "admin" }')
    live = house.live()
    forged = live.post("/api/v1/pause", {"reason": "x"}, headers={"X-Forwarded-User": "ada"})
    assert code(forged) == (403, "BW8113")
    assert code(live.get("/api/v1/status", headers={"X-Forwarded-For": "10.9.9.9"})) == (401, "BW8110")
    live.close()
    (event,) = [one for one in events_of(house.people.folder, "audit") if one["operation"] == "api pause"]
    assert (event["attributes"]["outcome"], event["attributes"]["actor"]) == ("BW8113", "")
    assert live.app.boot.deployment.app == "people"


def test_only_names_that_are_allowed_are_served(house: ServiceHouse) -> None:
    house.toml(service='allowed_hosts = ["busway.internal"]')
    live = house.live()
    for host in ("evil.test", "127.0.0.1.evil.test", "evil.test:80", "", "localhost.evil.test"):
        response = live.get("/api/v1/jobs", headers={"Host": host})
        assert response.status_code == 400
        assert host == "" or response.json()["error"]["code"] == "BW8112"
    for host in ("localhost", "localhost:8765", "127.0.0.1", "[::1]:80", "Busway.Internal"):
        assert live.get("/api/v1/jobs", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
    ],
)
def test_a_page_of_another_site_changes_nothing(house: ServiceHouse, headers: dict[str, str]) -> None:
    live = house.live()
    assert code(live.post("/api/v1/pause", {"reason": "x"}, headers=headers)) == (403, "BW8118")
    assert live.data("/pauses") == []


def test_a_page_of_the_service_itself_may_change_things(house: ServiceHouse) -> None:
    live = house.live()
    same = {"Sec-Fetch-Site": "same-origin", "Origin": f"http://127.0.0.1:{live.service.port}"}
    assert live.post("/api/v1/pause", {"reason": "x"}, headers=same).status_code == 200


def test_a_form_of_another_site_cannot_be_a_body(house: ServiceHouse) -> None:
    live = house.live()
    response = live.client.post("/api/v1/pause", content=b'{"reason": "x"}', headers={"Content-Type": "text/plain"})
    assert code(response) == (400, "BW8116")


def test_large_bodies_are_refused_whether_they_say_so_or_not(house: ServiceHouse) -> None:
    house.toml(service="max_body_kb = 1")
    live = house.live()
    large = b'{"reason": "' + b"x" * 2_000 + b'"}'
    assert code(live.client.post("/api/v1/pause", content=large)) == (413, "BW8114")
    chunked = live.client.post("/api/v1/pause", content=iter([large]), headers={"Content-Type": "application/json"})
    assert code(chunked) == (413, "BW8114")
    assert live.data("/pauses") == []


def test_who_asks_too_often_is_told_when_to_come_back_and_probes_always_answer(house: ServiceHouse) -> None:
    house.toml(service="reads_per_minute = 30\nchanges_per_minute = 2")
    live = house.live()
    answers = [live.post("/api/v1/resume") for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert 1 <= int(answers[2].headers["retry-after"]) <= 30
    seen = {live.get("/api/v1/jobs").status_code for _ in range(40)}
    assert seen == {200, 429}
    assert {live.get("/livez").status_code for _ in range(100)} == {200}


def test_every_answer_has_the_headers_that_keep_browsers_careful(house: ServiceHouse) -> None:
    live = house.live()
    for response in (live.get("/livez"), live.get("/api/v1/jobs"), live.get("/nope"), live.post("/api/v1/pause")):
        headers = response.headers
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "no-store")
        assert (headers["x-frame-options"], headers["referrer-policy"]) == ("DENY", "no-referrer")
        assert "server" not in headers


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /api/v1/jobs HTTP/1.1\r\n\r\n",
        b"GET /api/v1/jobs HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"POST /api/v1/pause HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        b"POST /api/v1/pause HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_is_no_proper_request_is_refused_and_nothing_else_suffers(house: ServiceHouse, raw: bytes) -> None:
    live = house.live()
    with socket.create_connection(("127.0.0.1", live.service.port), timeout=10) as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(4_096)
    assert answer.split(b" ")[1:2] in ([b"400"], [b"404"], [b"413"], [b"431"], [])
    assert live.get("/livez").status_code == 200
    assert live.data("/pauses") == []


def test_a_new_token_is_shown_once_and_works(house: ServiceHouse) -> None:
    status, token, lines = house.people.run("serve", "--new-token", "kim@acme:operator")
    assert status == 0
    house.toml(service='auth = "token"\n' + lines.partition("busway.toml:")[2])
    live = house.live(headers={"Authorization": f"Bearer {token.strip()}"})
    told = live.data("/status")
    assert (told["actor"], told["role"]) == ("kim@acme", "operator")


def test_a_token_for_nobody_or_no_role_is_refused(house: ServiceHouse) -> None:
    for text in ("kim", "kim:boss", ":admin"):
        status, _, err = house.people.run("serve", "--new-token", text)
        assert status == 2
        assert "error[BW8116]" in err
