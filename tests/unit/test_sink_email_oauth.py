"""Tokens for XOAUTH2: read anew, fetched once, kept until shortly before they end, and never told."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest
from pytest_httpserver import HTTPServer

from builders.manual_clock import ManualClock
from busway.contracts.plugins import PluginContext
from busway.contracts.settings import Secret
from busway.errors import BuswayError, ConfigurationError, RefusedError, UnreachableError
from busway_sink_email import busway_event_sink
from busway_sink_email.oauth import TokenSource, xoauth2
from busway_sink_email.settings import EmailSettings

CLIENT_SECRET = "synthetic-client-secret"
BASE: dict[str, Any] = {
    "server": "localhost",
    "username": "bus@example.test",
    "sender": "bus@example.test",
    "recipients": ("ops@example.test",),
}


@pytest.fixture(scope="module")
def server() -> Iterator[HTTPServer]:
    with HTTPServer(host="127.0.0.1") as server:
        yield server


@pytest.fixture
def issuer(server: HTTPServer) -> HTTPServer:
    server.clear()
    return server


def settings_for(url: str, **changes: Any) -> EmailSettings:
    oauth = {
        "oauth_token_url": url,
        "oauth_client_id": "client-7",
        "oauth_client_secret": Secret(CLIENT_SECRET),
    }
    return EmailSettings(**{**BASE, **oauth, **changes})


def source_for(issuer: HTTPServer, clock: ManualClock | None = None) -> TokenSource:
    return TokenSource(settings_for(issuer.url_for("/token")), clock or ManualClock())


def test_a_given_token_is_read_at_each_sign_in() -> None:
    tokens = iter(["first\n", "second"])
    source = TokenSource(EmailSettings(**BASE, oauth_token=Secret(lambda: next(tokens))), ManualClock())
    assert [source.token(), source.token()] == ["first", "second"]


def test_credentials_are_exchanged_for_a_token_once() -> None:
    with HTTPServer(host="127.0.0.1") as issuer:
        issuer.expect_request("/token", method="POST").respond_with_json({"access_token": "tok", "expires_in": 3600})
        source = source_for(issuer)
        assert [source.token(), source.token()] == ["tok", "tok"]
        ((request, _),) = issuer.log
    assert parse_qs(request.get_data(as_text=True)) == {
        "grant_type": ["client_credentials"],
        "client_id": ["client-7"],
        "client_secret": [CLIENT_SECRET],
        "scope": ["https://outlook.office365.com/.default"],
    }


@pytest.mark.parametrize(("expires_in", "kept"), [(3600, 3540), (None, 240), ("soon", 240)])
def test_a_token_is_replaced_a_minute_before_it_ends(issuer: HTTPServer, expires_in: object, kept: float) -> None:
    told = {"access_token": "tok"} | ({"expires_in": expires_in} if expires_in else {})
    issuer.expect_request("/token").respond_with_json(told)
    clock = ManualClock()
    source = source_for(issuer, clock)
    source.token()
    clock.advance(kept - 1)
    source.token()
    assert len(issuer.log) == 1
    clock.advance(1)
    source.token()
    assert len(issuer.log) == 2


def test_a_token_that_was_refused_is_replaced(issuer: HTTPServer) -> None:
    issuer.expect_request("/token").respond_with_json({"access_token": "tok", "expires_in": 3600})
    source = source_for(issuer)
    source.token()
    source.forget()
    source.token()
    assert len(issuer.log) == 2


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (400, '{"error": "invalid_client", "error_description": "tenant 4711 is unknown"}', "400 invalid_client"),
        (401, "<html>no</html>", "401"),
        (200, "{}", "200"),
        (200, '{"access_token": "two\\nlines"}', "200"),
        (200, '["access_token"]', "200"),
        (302, "", "302"),
    ],
)
def test_a_refusal_is_told_by_its_word_and_nothing_else(issuer: HTTPServer, status: int, body: str, told: str) -> None:
    headers = {"Location": issuer.url_for("/elsewhere")}
    issuer.expect_request("/token").respond_with_data(body, status, headers=headers)
    with pytest.raises(RefusedError) as caught:
        source_for(issuer).token()
    assert caught.value.code == "BW3221"
    assert caught.value.problem.why == f"the token server answered {told}"
    assert "4711" not in caught.value.render()
    assert len(issuer.log) == 1


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_a_busy_issuer_is_an_outage(issuer: HTTPServer, status: int) -> None:
    issuer.expect_request("/token").respond_with_data("", status)
    with pytest.raises(UnreachableError) as caught:
        source_for(issuer).token()
    assert caught.value.code == "BW3220"


def test_an_issuer_that_is_away_is_an_outage_and_the_secret_stays_in() -> None:
    with pytest.raises(UnreachableError) as caught:
        TokenSource(settings_for("http://127.0.0.1:1/token"), ManualClock()).token()
    error: BaseException | None = caught.value
    while error is not None:
        assert CLIENT_SECRET not in repr(error)
        error = error.__cause__ or error.__context__
    assert "host 127.0.0.1" in caught.value.problem.where


def test_without_httpx_the_command_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(ConfigurationError) as caught:
        TokenSource(settings_for("https://login.example.test/token"), ManualClock()).token()
    assert "busway-sink-email[oauth]" in caught.value.problem.fix


@pytest.mark.parametrize(
    "changes",
    [
        {"oauth_token_url": "http://login.example.test/token"},
        {"oauth_token_url": "login.example.test"},
        {"oauth_token_url": "https:///token"},
        {"oauth_token_url": "https://[login"},
        {"oauth_client_id": ""},
        {"oauth_client_secret": None},
        {"username": ""},
        {"oauth_token_url": "", "oauth_token": Secret("tok"), "username": ""},
    ],
)
def test_halves_of_a_sign_in_fail_when_the_sink_is_built(changes: dict[str, Any]) -> None:
    with pytest.raises(BuswayError) as caught:
        busway_event_sink(PluginContext("email", settings_for("https://login.example.test/token", **changes)))
    assert caught.value.code == "BW3206"
    assert CLIENT_SECRET not in caught.value.render()


def test_the_exchange_answers_a_refusal_with_nothing() -> None:
    say = xoauth2("bus@example.test", "tok")
    assert say() == "user=bus@example.test\x01auth=Bearer tok\x01\x01"
    assert say(b'{"status":"400"}') == ""
