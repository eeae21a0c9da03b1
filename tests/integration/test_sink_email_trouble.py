"""A mail server in trouble, or one that makes it: drops, tarpits, halves, tokens, and letters beyond ASCII."""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from builders.email_sinks import NIGHT, OPS, EmailSinks
from builders.smtp_server import Received, SmtpServer
from busway.contracts.settings import Secret
from busway.contracts.sinks import Delivery
from busway.errors import ConfigurationError, RefusedError, UnreachableError
from busway.testing.sinks import sample_digest, sample_event, sample_events


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SmtpServer]:
    with SmtpServer(tmp_path) as server:
        yield server


@pytest.fixture
def make() -> Iterator[EmailSinks]:
    with EmailSinks() as sinks:
        yield sinks


@pytest.mark.parametrize("drop", ["taken", "lost"])
def test_a_server_that_drops_in_the_middle_of_a_mail_gets_it_again_under_the_same_id(
    server: SmtpServer, make: EmailSinks, drop: Any
) -> None:
    sink = make(server)
    sink.deliver(sample_events(1, first=90))  # the connection is a kept one
    server.drops.append(drop)
    with pytest.raises(UnreachableError) as caught:
        sink.deliver(sample_events(2))
    assert caught.value.code == "BW3201"
    assert sink.deliver(sample_events(2)).delivered
    ids = {mail.message["Message-ID"] for mail in server.mails[1:]}
    assert (len(ids), len(server.mails)) == (1, 3 if drop == "taken" else 2)


def test_a_mail_that_may_have_arrived_stays_as_it_was_when_more_events_follow(
    server: SmtpServer, make: EmailSinks
) -> None:
    sink = make(server)
    server.drops.append("taken")
    with pytest.raises(UnreachableError):
        sink.deliver(sample_events(2))
    assert len(sink.deliver(sample_events(5)).delivered) == 5
    before, again, new = server.mails
    assert before.message["Message-ID"] == again.message["Message-ID"] != new.message["Message-ID"]
    assert [len(mail.event_ids) for mail in server.mails] == [2, 2, 3]


def test_after_other_events_came_it_is_not_waited_for(server: SmtpServer, make: EmailSinks) -> None:
    sink = make(server)
    server.drops.append("lost")
    with pytest.raises(UnreachableError):
        sink.deliver(sample_events(3))
    sink.deliver(sample_events(5, first=2))
    assert [len(mail.event_ids) for mail in server.mails] == [5]


@pytest.mark.parametrize("stage", ["mail", "rcpt"])
def test_a_kept_connection_that_the_server_ends_with_421_is_replaced_at_once(
    server: SmtpServer, make: EmailSinks, stage: str
) -> None:
    sink = make(server)
    sink.deliver(sample_events(1))
    if stage == "mail":
        server.mail_answers.append("421 4.3.2 closing")
    else:
        server.rcpt_answers[NIGHT] = deque(["421 4.3.2 closing"])
    assert sink.deliver(sample_events(1, first=2)).delivered
    assert server.connections == 2
    assert [mail.recipients for mail in server.mails] == [(OPS, NIGHT)] * 2


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data"])
def test_421_on_a_new_connection_is_an_outage(server: SmtpServer, make: EmailSinks, stage: str) -> None:
    if stage == "rcpt":
        server.rcpt_answers[NIGHT] = deque(["421 4.3.2 closing"])
    else:
        getattr(server, f"{stage}_answers").append("421 4.3.2 closing")
    sink = make(server)
    with pytest.raises(UnreachableError) as caught:
        sink.deliver(sample_events(1))
    assert "421 4.3.2" in caught.value.problem.why
    assert sink.deliver(sample_events(1)).delivered
    assert [mail.recipients for mail in server.mails] == [(OPS, NIGHT)]  # nobody was taken for reached


def test_a_connection_that_ended_meanwhile_is_replaced_at_once(server: SmtpServer, make: EmailSinks) -> None:
    sink = make(server)
    for number in range(3):
        assert sink.deliver(sample_events(1, first=number)).delivered
        server.drop_connections()
    assert server.connections == 3


def test_a_connection_that_rested_is_asked_before_it_is_used(server: SmtpServer, make: EmailSinks) -> None:
    sink = make(server)
    sink.deliver(sample_events(1))
    sink.deliver(sample_events(1))
    assert server.noops == 0  # it is in use: what ends it is noticed by the next word
    sink._connection._used -= 60
    sink.deliver(sample_events(1))
    assert server.noops == 1
    sink._connection._used -= 60
    server.drop_connections()
    assert sink.deliver(sample_events(1, first=2)).delivered
    assert server.connections == 2


@pytest.mark.parametrize("bad", [set(), {1}, {2, 5}, {1, 2, 3, 4, 5, 6}])
def test_halving_finds_the_events_that_are_refused(server: SmtpServer, make: EmailSinks, bad: set[int]) -> None:
    refused = {sample_event(number).event_id for number in bad}

    def judge(mail: Received) -> str:
        return "554 5.6.0 not that" if refused & {*mail.event_ids} else "250 OK"

    server.judge = judge
    events = sample_events(6)
    delivery = make(server).deliver(list(events))
    assert delivery.rejected.keys() == refused
    assert delivery.delivered == {event.event_id for event in events} - refused
    told = [event_id for mail in server.mails for event_id in mail.event_ids]
    assert told == [event.event_id for event in events if event.event_id not in refused]
    assert all("554 5.6.0" in reason for reason in delivery.rejected.values())


def test_a_mail_that_is_too_big_goes_in_parts(tmp_path: Path, make: EmailSinks) -> None:
    with SmtpServer(tmp_path, max_bytes=30_000) as server:
        events = [sample_event(number, attributes={"text": "x" * 2_000}) for number in range(1, 13)]
        assert len(make(server).deliver(list(events)).delivered) == 12
        assert len(server.mails) > 1
        assert max(len(mail.raw) for mail in server.mails) <= 30_000


def test_each_digest_is_a_mail_of_its_own_and_order_is_kept(server: SmtpServer, make: EmailSinks) -> None:
    events = [sample_event(1), sample_digest(2), sample_digest(3, "first"), sample_event(4), sample_event(5)]
    assert len(make(server).deliver(list(events)).delivered) == 5
    assert [mail.event_ids for mail in server.mails] == [
        [events[0].event_id],
        [events[1].event_id],
        [events[2].event_id],
        [events[3].event_id, events[4].event_id],
    ]
    assert [mail.message["Subject"] for mail in server.mails][1:3] == [
        "[acme] 120 errors, 2026-01-01 00:00 to 01:00 UTC",
        "[acme] new error: employee validation",
    ]


def test_an_outage_after_the_first_mail_keeps_what_arrived(server: SmtpServer, make: EmailSinks) -> None:
    server.judge = lambda mail: "451 4.3.2 later" if server.mails else "250 OK"
    events = [sample_event(1), sample_digest(2), sample_event(3)]
    delivery = make(server).deliver(list(events))
    assert delivery == Delivery.done(events[:1])


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_it_signs_in_with_a_token(tmp_path: Path, make: EmailSinks, tls: Any) -> None:
    with SmtpServer(tmp_path, tls=tls, tokens={"bus@example.test": "tok-1"}) as server:
        sink = make(server, username="bus@example.test", oauth_token=Secret("tok-1"))
        assert sink.deliver(sample_events(1)).delivered
        assert (server.logins, len(server.mails)) == (1, 1)


def test_a_refused_token_is_told_without_repeating_it(tmp_path: Path, make: EmailSinks) -> None:
    with SmtpServer(tmp_path, tokens={"bus@example.test": "another"}) as server:
        sink = make(server, username="bus@example.test", oauth_token=Secret("tok-1"))
        with pytest.raises(RefusedError) as caught:
            sink.deliver(sample_events(1))
        assert server.mails == []
    assert caught.value.code == "BW3202"
    assert "the login failed (535" in caught.value.problem.why
    assert "tok-1" not in caught.value.render()


@pytest.mark.parametrize(
    "login",
    [
        {"username": "bus", "password": Secret("sÿnthetic-secret")},
        {"username": "büs", "password": Secret("synthetic-secret")},
        {"username": "bus", "oauth_token": Secret("sÿnthetic-secret")},
    ],
)
def test_a_login_beyond_ascii_is_a_coded_error_that_does_not_hold_it(
    tmp_path: Path, make: EmailSinks, login: dict[str, Any]
) -> None:
    known: dict[str, Any] = {"tokens" if "oauth_token" in login else "accounts": {"bus": "another"}}
    with SmtpServer(tmp_path, **known) as server:
        with pytest.raises(ConfigurationError) as caught:
            make(server, **login).deliver(sample_events(1))
        assert server.mails == []
    assert caught.value.code == "BW3206"
    assert "nthetic-secret" not in "".join(traceback.format_exception(caught.value)) + caught.value.render()


@pytest.mark.parametrize("name", ["mail..example.test", "m" * 70 + ".example.test"])
def test_a_server_whose_name_is_none_is_a_coded_error(server: SmtpServer, make: EmailSinks, name: str) -> None:
    with pytest.raises(UnreachableError) as caught:
        make(server, server=name).deliver(sample_events(1))
    assert (caught.value.code, caught.value.problem.why) == ("BW3201", "SMTP_SERVER is no host name")


def test_a_fetched_token_that_the_mail_server_refuses_is_fetched_anew(tmp_path: Path, make: EmailSinks) -> None:
    with HTTPServer(host="127.0.0.1") as issuer, SmtpServer(tmp_path, tokens={"bus": "new"}) as server:
        for token in ("old", "new"):
            issuer.expect_ordered_request("/token").respond_with_json({"access_token": token, "expires_in": 3600})
        sink = make(
            server,
            username="bus",
            oauth_token_url=issuer.url_for("/token"),
            oauth_client_id="client-7",
            oauth_client_secret=Secret("synthetic-client-secret"),
        )
        with pytest.raises(RefusedError):
            sink.deliver(sample_events(1))
        assert sink.deliver(sample_events(1)).delivered


def test_a_server_that_knows_no_tokens_is_refused_before_one_is_shown(tmp_path: Path, make: EmailSinks) -> None:
    with SmtpServer(tmp_path, accounts={"bus": "synthetic"}) as server:
        asked: list[str] = []

        def token() -> str:
            asked.append("tok")
            return "tok"

        sink = make(server, username="bus", oauth_token=Secret(token))
        with pytest.raises(RefusedError):
            sink.deliver(sample_events(1))
        assert asked == []


def test_an_address_beyond_ascii_is_reached_where_the_server_knows_such(tmp_path: Path, make: EmailSinks) -> None:
    with SmtpServer(tmp_path, utf8=True) as server:
        assert make(server, recipients=("zoë@example.test", OPS)).deliver(sample_events(1)).delivered
        (mail,) = server.mails
    assert mail.recipients == ("zoë@example.test", OPS)
    assert "\nTo: zoë@example.test, ops@example.test\r\n".encode() in mail.raw
    assert mail.event_ids == [sample_event(1).event_id]


def test_an_address_beyond_ascii_is_told_where_it_cannot_be_reached(server: SmtpServer, make: EmailSinks) -> None:
    with pytest.raises(RefusedError) as caught:
        make(server, recipients=("zoë@example.test",)).deliver(sample_events(1))
    assert "SMTPUTF8" in caught.value.problem.why
    assert "zoë" not in caught.value.render()
    assert server.mails == []
