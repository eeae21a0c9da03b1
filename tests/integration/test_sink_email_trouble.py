"""A mail server in trouble, or one that makes it: drops, tarpits, halves, tokens, and letters beyond ASCII."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from builders.smtp_server import Received, SmtpServer
from busway.contracts.settings import Secret
from busway.contracts.sinks import Delivery
from busway.errors import BuswayError, RefusedError, UnreachableError
from busway.testing.sinks import sample_digest, sample_event, sample_events
from busway_sink_email.settings import EmailSettings
from busway_sink_email.sink import EmailSink

OPS, NIGHT = "ops@example.test", "night@example.test"
SECONDS = 0.3
LATE = 1.5

Make = Callable[..., EmailSink]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SmtpServer]:
    with SmtpServer(tmp_path) as server:
        yield server


@pytest.fixture
def make() -> Iterator[Make]:
    sinks: list[EmailSink] = []

    def build(server: SmtpServer, **changes: Any) -> EmailSink:
        values: dict[str, Any] = {
            "server": "localhost",
            "port": server.port,
            "tls": server.tls,
            "ca_file": server.ca_file,
            "sender": "busway@example.test",
            "recipients": (OPS, NIGHT),
            **changes,
        }
        sinks.append(EmailSink(EmailSettings(**values), app="acme"))
        return sinks[-1]

    yield build
    for sink in sinks:
        sink.close()


@pytest.mark.parametrize("drop", ["taken", "lost"])
def test_a_server_that_drops_in_the_middle_of_a_mail_gets_it_again_under_the_same_id(
    server: SmtpServer, make: Make, drop: Any
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


def test_a_mail_that_may_have_arrived_stays_as_it_was_when_more_events_follow(server: SmtpServer, make: Make) -> None:
    sink = make(server)
    server.drops.append("taken")
    with pytest.raises(UnreachableError):
        sink.deliver(sample_events(2))
    assert len(sink.deliver(sample_events(5)).delivered) == 5
    before, again, new = server.mails
    assert before.message["Message-ID"] == again.message["Message-ID"] != new.message["Message-ID"]
    assert [len(mail.event_ids) for mail in server.mails] == [2, 2, 3]


def test_after_other_events_came_it_is_not_waited_for(server: SmtpServer, make: Make) -> None:
    sink = make(server)
    server.drops.append("lost")
    with pytest.raises(UnreachableError):
        sink.deliver(sample_events(3))
    sink.deliver(sample_events(5, first=2))
    assert [len(mail.event_ids) for mail in server.mails] == [5]


@pytest.mark.parametrize("stage", ["mail", "rcpt"])
def test_a_kept_connection_that_the_server_ends_with_421_is_replaced_at_once(
    server: SmtpServer, make: Make, stage: str
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
def test_421_on_a_new_connection_is_an_outage(server: SmtpServer, make: Make, stage: str) -> None:
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


def test_a_connection_that_ended_meanwhile_is_replaced_at_once(server: SmtpServer, make: Make) -> None:
    sink = make(server)
    for number in range(3):
        assert sink.deliver(sample_events(1, first=number)).delivered
        server.drop_connections()
    assert server.connections == 3


def test_a_connection_that_rested_is_asked_before_it_is_used(server: SmtpServer, make: Make) -> None:
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


class Tarpit:
    """Takes a connection and says one byte now and then."""

    def __init__(self, line: bytes) -> None:
        self.line = line

    def __enter__(self) -> Tarpit:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        return self

    def serve(self) -> None:
        connection, _ = self.listener.accept()
        with connection:
            try:
                while not self.ended.wait(0.05):
                    connection.sendall(self.line)
            except OSError:
                return

    def __exit__(self, *details: object) -> None:
        self.ended.set()
        self.thread.join(10)
        self.listener.close()


@pytest.mark.parametrize("line", [b"2", b"220-welcome\r\n", b""])
def test_a_server_that_keeps_us_waiting_is_given_up(server: SmtpServer, make: Make, line: bytes) -> None:
    with Tarpit(line) as tarpit:
        sink = make(server, port=tarpit.port, timeout_seconds=SECONDS)
        before = time.monotonic()
        with pytest.raises(BuswayError) as caught:
            sink.deliver(sample_events(1))
        assert time.monotonic() - before < SECONDS + LATE
    assert caught.value.code == "BW3201"


def test_a_server_that_falls_silent_while_we_take_leave_holds_nobody(server: SmtpServer, make: Make) -> None:
    sink = make(server, timeout_seconds=SECONDS)
    sink.deliver(sample_events(1))
    server.late = 30.0
    before = time.monotonic()
    with pytest.raises(UnreachableError):
        sink.deliver(sample_events(1))
    sink.close()
    assert time.monotonic() - before < 2 * SECONDS + LATE


@pytest.mark.parametrize("bad", [set(), {1}, {2, 5}, {1, 2, 3, 4, 5, 6}])
def test_halving_finds_the_events_that_are_refused(server: SmtpServer, make: Make, bad: set[int]) -> None:
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


def test_a_mail_that_is_too_big_goes_in_parts(tmp_path: Path, make: Make) -> None:
    with SmtpServer(tmp_path, max_bytes=30_000) as server:
        events = [sample_event(number, attributes={"text": "x" * 2_000}) for number in range(1, 13)]
        assert len(make(server).deliver(list(events)).delivered) == 12
        assert len(server.mails) > 1
        assert max(len(mail.raw) for mail in server.mails) <= 30_000


def test_each_digest_is_a_mail_of_its_own_and_order_is_kept(server: SmtpServer, make: Make) -> None:
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


def test_an_outage_after_the_first_mail_keeps_what_arrived(server: SmtpServer, make: Make) -> None:
    server.judge = lambda mail: "451 4.3.2 later" if server.mails else "250 OK"
    events = [sample_event(1), sample_digest(2), sample_event(3)]
    delivery = make(server).deliver(list(events))
    assert delivery == Delivery.done(events[:1])


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_it_signs_in_with_a_token(tmp_path: Path, make: Make, tls: Any) -> None:
    with SmtpServer(tmp_path, tls=tls, tokens={"bus@example.test": "tok-1"}) as server:
        sink = make(server, username="bus@example.test", oauth_token=Secret("tok-1"))
        assert sink.deliver(sample_events(1)).delivered
        assert (server.logins, len(server.mails)) == (1, 1)


def test_a_refused_token_is_told_without_repeating_it(tmp_path: Path, make: Make) -> None:
    with SmtpServer(tmp_path, tokens={"bus@example.test": "another"}) as server:
        sink = make(server, username="bus@example.test", oauth_token=Secret("tok-1"))
        with pytest.raises(RefusedError) as caught:
            sink.deliver(sample_events(1))
        assert server.mails == []
    assert caught.value.code == "BW3202"
    assert "the login failed (535" in caught.value.problem.why
    assert "tok-1" not in caught.value.render()


def test_a_fetched_token_that_the_mail_server_refuses_is_fetched_anew(tmp_path: Path, make: Make) -> None:
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


def test_a_server_that_knows_no_tokens_is_refused_before_one_is_shown(tmp_path: Path, make: Make) -> None:
    with SmtpServer(tmp_path, accounts={"bus": "synthetic"}) as server:
        asked: list[str] = []

        def token() -> str:
            asked.append("tok")
            return "tok"

        sink = make(server, username="bus", oauth_token=Secret(token))
        with pytest.raises(RefusedError):
            sink.deliver(sample_events(1))
        assert asked == []


def test_an_address_beyond_ascii_is_reached_where_the_server_knows_such(tmp_path: Path, make: Make) -> None:
    with SmtpServer(tmp_path, utf8=True) as server:
        assert make(server, recipients=("zoë@example.test", OPS)).deliver(sample_events(1)).delivered
        (mail,) = server.mails
    assert mail.recipients == ("zoë@example.test", OPS)
    assert "\nTo: zoë@example.test, ops@example.test\r\n".encode() in mail.raw
    assert mail.event_ids == [sample_event(1).event_id]


def test_an_address_beyond_ascii_is_told_where_it_cannot_be_reached(server: SmtpServer, make: Make) -> None:
    with pytest.raises(RefusedError) as caught:
        make(server, recipients=("zoë@example.test",)).deliver(sample_events(1))
    assert "SMTPUTF8" in caught.value.problem.why
    assert "zoë" not in caught.value.render()
    assert server.mails == []


def test_one_thread_watches_over_many_mails_and_goes_with_the_sink(server: SmtpServer, make: Make) -> None:
    sink = make(server)
    watching: set[threading.Thread] = set()
    for number in range(5):
        sink.deliver(sample_events(1, first=number))
        watching |= {thread for thread in threading.enumerate() if thread.name == "busway-sink-email-limit"}
    (thread,) = watching
    sink.close()
    thread.join(5)
    assert not thread.is_alive()


def test_each_delivery_has_its_own_time(server: SmtpServer, make: Make) -> None:
    """The thread sleeps to the end of the first one's time; what began later may go on."""
    sink = make(server, timeout_seconds=0.8)
    server.late = 0.3
    for number in range(3):
        assert sink.deliver(sample_events(1, first=number)).delivered
    server.late = 30.0
    with pytest.raises(UnreachableError) as caught:
        sink.deliver(sample_events(1))
    assert caught.value.problem.why


def test_a_sink_that_never_sent_has_no_thread_and_no_connection(server: SmtpServer, make: Make) -> None:
    before = threading.active_count()
    make(server)
    assert (threading.active_count(), server.connections) == (before, 0)
