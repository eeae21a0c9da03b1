"""The HTTP layer against real servers: what each answer means, what is tried again, and what is never shown."""

from __future__ import annotations

import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import httpx
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from builders.safetyamp_parts import NOON, TOKEN, Remote, StillClock, safetyamp_http
from busway.contracts.clock import Clock, SystemClock
from busway.contracts.settings import Secret
from busway.errors import (
    BuswayError,
    ConfigurationError,
    RefusedError,
    RejectedRecordError,
    UnreachableError,
)
from busway_safetyamp.http import SafetyAmpHttp
from busway_safetyamp.remote import wire
from busway_safetyamp.remote.errors import RemoteRefusedError

PERSON = {"first_name": "Canary-Jane", "email": "canary.jane@example.test"}


class Script:
    """Answers with the given responses in turn, the last one for ever, and keeps what it was asked and when."""

    def __init__(self, server: HTTPServer, clock: StillClock) -> None:
        self.url = server.url_for("")
        self.requests: list[Request] = []
        self.times: list[float] = []
        self._clock = clock
        self._answers: list[Response] = []
        server.expect_request("/api/users").respond_with_handler(self._answer)

    def answers(self, *answers: Response) -> Script:
        self._answers = list(answers)
        return self

    def _answer(self, request: Request) -> Response:
        request.get_data()
        self.requests.append(request)
        self.times.append(self._clock.passed)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    @property
    def waits(self) -> list[float]:
        """Seconds between one request and the next."""
        return [round(after - before, 6) for before, after in pairwise(self.times)]


@pytest.fixture
def remote(httpserver: HTTPServer, clock: StillClock) -> Script:
    return Script(httpserver, clock)


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@contextmanager
def open_http(url: str, reached: Remote | Clock | None = None, **changes: Any) -> Iterator[SafetyAmpHttp]:
    http = safetyamp_http(url, reached if isinstance(reached, Remote) else Remote(reached), **changes)
    try:
        yield http
    finally:
        http.close()


def json_answer(status: int, text: str = '{"message": "canary-body"}', **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(text, status, named, content_type="application/json")


def ok() -> Response:
    return json_answer(200, '{"data": {"id": 1}}')


def call(http: SafetyAmpHttp, method: str) -> Any:
    return http.get("/api/users") if method == "GET" else getattr(http, method.lower())("/api/users", PERSON)


def failure(url: str, method: str, reached: Remote | Clock | None = None, **changes: Any) -> BuswayError:
    """The error of one call, which shows neither the key nor the person nor the body."""
    with open_http(url, reached, **changes) as http, pytest.raises(BuswayError) as caught:
        call(http, method)
    told = [caught.value.render(), repr(caught.value), *traceback.format_exception(caught.value)]
    assert TOKEN not in "".join(told)
    assert "anary" not in "".join(told).replace(TOKEN, "")
    return caught.value


def test_every_request_carries_the_headers_the_vendor_asks_for(remote: Script) -> None:
    remote.answers(ok())
    with open_http(remote.url) as http:
        assert http.get("/api/users", {"page": 0, "limit": 25}) == {"id": 1}
        http.post("/api/users", PERSON)
    read, write = remote.requests
    for request in remote.requests:
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        assert request.headers["Fqdn"] == "acme.safetyamp.com"
        assert request.headers["User-Agent"] == "Acme/1.0"
        assert request.headers["Accept"] == "application/json"
    assert dict(read.args) == {"page": "0", "limit": "25"}
    assert (write.headers["Content-Type"], write.get_json()) == ("application/json", PERSON)


def test_a_rotated_key_is_used_for_the_next_call(remote: Script) -> None:
    keys = iter(["first", "second"])
    remote.answers(ok())
    with open_http(remote.url, token=Secret(lambda: next(keys))) as http:
        http.get("/api/users")
        http.get("/api/users")
    assert [request.headers["Authorization"] for request in remote.requests] == ["Bearer first", "Bearer second"]


@pytest.mark.parametrize("token", ["", " ", "canary\r\nX: y", "canary\u00e9"])
def test_d50_a_key_that_is_no_header_text_is_refused_before_anything_is_sent(remote: Script, token: str) -> None:
    remote.answers(ok())
    error = failure(remote.url, "GET", token=token)
    assert (type(error), error.code, remote.requests) == (ConfigurationError, "BW5006", [])


@pytest.mark.parametrize(
    ("method", "answer", "kind", "code"),
    [
        ("GET", (401, '{"message": "canary"}'), RefusedError, "BW5001"),
        ("POST", (403, "<html>canary</html>"), RefusedError, "BW5001"),
        ("GET", (200, "<html>canary</html>"), RefusedError, "BW5002"),
        ("GET", (200, ""), RefusedError, "BW5002"),
        ("GET", (302, "<html>canary</html>"), RefusedError, "BW5002"),
        ("GET", (404, "canary"), RefusedError, "BW5002"),
        ("GET", (400, '{"message": "canary"}'), RefusedError, "BW5004"),
        ("PATCH", (404, '{"message": "canary"}'), RefusedError, "BW5004"),
        ("GET", (422, '{"message": "canary"}'), RefusedError, "BW5004"),
        ("GET", (200, '{"users": []}'), RefusedError, "BW5005"),
        ("GET", (200, "[]"), RefusedError, "BW5005"),
        ("GET", (200, "null"), RefusedError, "BW5005"),
        ("GET", (500, '{"message": "canary"}'), UnreachableError, "BW5101"),
    ],
)
def test_what_an_answer_means(
    remote: Script, method: str, answer: tuple[int, str], kind: type[BuswayError], code: str
) -> None:
    status, text = answer
    remote.answers(json_answer(status, text))
    error = failure(remote.url, method)
    assert isinstance(error, kind)
    assert not isinstance(error, RejectedRecordError)
    assert error.code == code
    assert error.problem.where == f"{method} {remote.url.rstrip('/')}/api/users"
    assert error.problem.fix
    assert len(remote.requests) == 1
    if code in ("BW5001", "BW5002", "BW5004"):
        assert getattr(error, "status", None) == status


def test_a_refused_record_names_its_fields_without_their_values(remote: Script) -> None:
    body = (
        '{"message": "The email has already been taken. (and 3 more errors)", "errors": {'
        '"email": ["The email has already been taken.", "canary.jane@example.test is known"],'
        '"first_name": ["The value \\"Canary-Jane\\" isn\'t allowed, nor is \'canary b\'."],'
        '"mobile_phone": "validation.phone +15045550123",'
        '"date_of_birth": ["The date of birth does not match the format Y-m-d."],'
        '"canary jane": ["odd"], "roles.0.id": [7]}}'
    )
    remote.answers(json_answer(422, body))
    error = failure(remote.url, "POST")
    assert isinstance(error, RejectedRecordError)
    assert (error.code, error.status) == ("BW5003", 422)
    assert error.fields == {
        "email": ("The email has already been taken.", "… is known"),
        "first_name": ("The value … isn't allowed, nor is ….",),
        "mobile_phone": ("validation.phone …",),
        "date_of_birth": ("The date of birth does not match the format Y-m-d.",),
        "roles.0.id": (),
    }
    assert not error.ambiguous


@pytest.mark.parametrize("body", ['{"message": "canary"}', '{"errors": ["canary"]}', '{"errors": null}', "[]"])
def test_a_refused_record_may_name_no_field(remote: Script, body: str) -> None:
    remote.answers(json_answer(422, body))
    error = failure(remote.url, "PATCH")
    assert isinstance(error, RejectedRecordError)
    assert error.fields == {}


@pytest.mark.parametrize("status", [429, 502, 503, 504])
@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_a_read_and_an_update_are_tried_again(remote: Script, clock: StillClock, method: str, status: int) -> None:
    remote.answers(json_answer(status), json_answer(status), json_answer(status), json_answer(status), ok())
    with open_http(remote.url, clock) as http:
        assert call(http, method) == {"id": 1}
    assert remote.waits == [1.0, 2.0, 4.0, 8.0]


def test_the_back_off_is_a_random_part_of_one_to_sixty_seconds(remote: Script, clock: StillClock) -> None:
    remote.answers(json_answer(503))
    many = Remote(clock, jitter=0.5, attempts=9)
    failure(remote.url, "GET", many)
    assert remote.waits == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


@pytest.mark.parametrize(("status", "code"), [(429, "BW5103"), (503, "BW5101"), (504, "BW5101")])
def test_after_five_attempts_it_is_an_error(remote: Script, status: int, code: str) -> None:
    remote.answers(json_answer(status))
    error = failure(remote.url, "GET")
    assert isinstance(error, UnreachableError)
    assert (error.code, len(remote.requests)) == (code, 5)


@pytest.mark.parametrize(("status", "attempts", "ambiguous"), [(500, 1, True), (502, 1, True), (504, 1, True)])
def test_a_create_that_may_have_happened_is_not_repeated(
    remote: Script, status: int, attempts: int, ambiguous: bool
) -> None:
    remote.answers(json_answer(status))
    error = failure(remote.url, "POST")
    assert (error.code, len(remote.requests)) == ("BW5101", attempts)
    assert getattr(error, "ambiguous", None) is ambiguous


@pytest.mark.parametrize(("status", "code"), [(429, "BW5103"), (503, "BW5101")])
def test_a_create_is_repeated_when_nothing_was_done(remote: Script, status: int, code: str) -> None:
    remote.answers(json_answer(status), ok())
    with open_http(remote.url) as http:
        assert http.post("/api/users", PERSON) == {"id": 1}
    remote.answers(json_answer(status))
    error = failure(remote.url, "POST")
    assert (error.code, getattr(error, "ambiguous", None)) == (code, False)


@pytest.mark.parametrize("text", ["<html>ok</html>", '{"ok": true}'])
def test_a_create_answered_without_the_record_may_have_happened(remote: Script, text: str) -> None:
    remote.answers(json_answer(201, text))
    assert getattr(failure(remote.url, "POST"), "ambiguous", False) is True


@pytest.mark.parametrize(
    ("header", "wait"), [("7", 7.0), ("0.40235", 0.40235), ("Tue, 10 Mar 2026 18:00:30 GMT", 30.0)]
)
def test_the_server_says_how_long_to_wait(remote: Script, clock: StillClock, header: str, wait: float) -> None:
    assert NOON.strftime("%H:%M") == "18:00"
    remote.answers(json_answer(429, Retry_After=header), ok())
    with open_http(remote.url, clock) as http:
        http.get("/api/users")
    assert remote.waits == [pytest.approx(wait)]


def test_a_wait_beyond_the_budget_ends_it_at_once(remote: Script, clock: StillClock) -> None:
    remote.answers(json_answer(429, Retry_After="301"))
    error = failure(remote.url, "GET", clock)
    assert (error.code, clock.slept, len(remote.requests)) == ("BW5103", [], 1)
    assert "asked to wait 301 s" in error.problem.why


def test_d17_the_waits_of_one_call_stay_within_the_budget(remote: Script, clock: StillClock) -> None:
    remote.answers(json_answer(503, Retry_After="40"))
    failure(remote.url, "GET", clock, retry_budget_seconds=100.0)
    assert remote.waits == [40.0, 40.0]


@contextmanager
def raw_server(handle: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that reads one request per connection and then does as told."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                _read_request(connection)
                handle(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def _read_request(connection: socket.socket) -> None:
    with connection.makefile("rb") as stream:
        length = 0
        while (line := stream.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        stream.read(length)


def hang_up(connection: socket.socket) -> None:
    """Read, committed perhaps, and gone without an answer."""


def cut_short(connection: socket.socket) -> None:
    connection.sendall(b'HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{"data": {"id"')


@pytest.mark.parametrize("handle", [hang_up, cut_short])
def test_a_create_whose_answer_is_lost_is_ambiguous_and_sent_once(handle: Callable[[socket.socket], None]) -> None:
    seen: list[None] = []

    def counting(connection: socket.socket) -> None:
        seen.append(None)
        handle(connection)

    with raw_server(counting) as url:
        error = failure(url, "POST")
    assert (error.code, len(seen)) == ("BW5102", 1)
    assert isinstance(error, UnreachableError)
    assert getattr(error, "ambiguous", None) is True
    assert error.problem.why == "RemoteProtocolError"


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_a_read_and_an_update_survive_a_lost_answer(method: str) -> None:
    answers = [b"", b'HTTP/1.1 200 OK\r\nContent-Length: 20\r\nConnection: close\r\n\r\n{"data": {"id": 1}} ']
    with raw_server(lambda connection: connection.sendall(answers.pop(0))) as url, open_http(url) as http:
        assert call(http, method) == {"id": 1}


@pytest.mark.parametrize(("method", "attempts"), [("GET", 2), ("POST", 1)])
def test_a_server_that_keeps_silent_is_given_up(method: str, attempts: int) -> None:
    seen: list[None] = []

    def keep_silent(connection: socket.socket) -> None:
        seen.append(None)
        connection.settimeout(10)
        connection.recv(1)  # returns when the client gives up

    with raw_server(keep_silent) as url:
        error = failure(url, method, Remote(attempts=2, read_seconds=0.05))
    assert (error.code, error.problem.why, len(seen)) == ("BW5102", "ReadTimeout", attempts)
    assert getattr(error, "ambiguous", None) is (method == "POST")


def test_a_refused_connection_is_unreachable_and_never_ambiguous() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for method in ("GET", "POST"):
        clock = StillClock()
        error = failure(f"http://127.0.0.1:{port}", method, clock)
        assert (error.code, error.problem.why) == ("BW5102", "ConnectError")
        assert getattr(error, "ambiguous", None) is False
        assert clock.passed == (15.0 if method == "GET" else 0.0)


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(
    remote: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    remote.answers(ok())
    with open_http(remote.url) as http:
        assert http.get("/api/users") == {"id": 1}


def test_d18_time_outs_are_ten_and_thirty_seconds() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"data": []})

    with open_http("https://api.example.test", Remote(transport=httpx.MockTransport(answer))) as http:
        http.get("/api/users")
    assert seen[0].extensions["timeout"] == {"connect": 10.0, "read": 30.0, "write": 30.0, "pool": 30.0}


def test_an_error_keeps_what_was_answered_without_anybodys_data(remote: Script) -> None:
    body = '{"message": "The email canary@example.test is taken.", "user": {"name": "Canary"}, "rows": ["Canary"]}'
    remote.answers(json_answer(400, body, X_Request_Id="req-17"))
    error = failure(remote.url, "GET")
    assert isinstance(error, RemoteRefusedError)
    assert (error.status, error.request_id) == (400, "req-17")
    assert error.body == '{"message":"The email … is taken.","user":{"name":"<text>"},"rows":"<list of 1>"}'


def drip(connection: socket.socket) -> None:
    """A byte now and then: each read gets something, and the answer never ends."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        connection.sendall(b" ")
        time.sleep(0.02)


def until_gone(handle: Callable[[socket.socket], None]) -> Callable[[socket.socket], None]:
    def handled(connection: socket.socket) -> None:
        try:
            handle(connection)
        except OSError:
            return

    return handled


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_answer_that_drips_ends_with_the_time_of_an_attempt(method: str) -> None:
    slow = Remote(SystemClock(), attempts=1, read_seconds=5.0, attempt_seconds=0.2)
    started = time.monotonic()
    with raw_server(until_gone(drip)) as url:
        error = failure(url, method, slow)
    assert time.monotonic() - started < 5
    assert (error.code, error.problem.why) == ("BW5102", "its answer took longer than 0.2 s")
    assert getattr(error, "ambiguous", None) is (method == "POST")


def test_an_answer_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while True:
            connection.sendall(b" " * 65536)

    assert wire.LARGEST_BODY == 64 * 1024 * 1024
    monkeypatch.setattr(wire, "LARGEST_BODY", 1024 * 1024)
    with raw_server(until_gone(flood)) as url:
        error = failure(url, "GET")
    assert (error.code, error.problem.why) == ("BW5102", "its answer is larger than 1 MiB")
