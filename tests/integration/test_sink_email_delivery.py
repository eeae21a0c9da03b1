"""The email sink against a real mail server: security first, one kept connection, and every kind of refusal."""

from __future__ import annotations

import logging
import socket
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from builders.email_sinks import NIGHT, OPS, EmailSinks, context_for
from builders.smtp_server import SmtpServer
from busway.contracts.events import Severity
from busway.contracts.health import HealthResult
from busway.contracts.settings import Secret
from busway.errors import RefusedError, UnreachableError
from busway.testing.sinks import sample_event, sample_events
from busway_sink_email import busway_health_checks

PASSWORD = "synthetic-mail-password"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SmtpServer]:
    with SmtpServer(tmp_path) as server:
        yield server


@pytest.fixture
def make() -> Iterator[EmailSinks]:
    with EmailSinks() as sinks:
        yield sinks


def health(server: SmtpServer, **changes: Any) -> HealthResult:
    (check,) = busway_health_checks(context_for(server, **changes))
    assert check.online
    return check.run()


def test_one_mail_per_batch_reaches_everybody(server: SmtpServer, make: EmailSinks) -> None:
    events = sample_events(3)
    delivery = make(server).deliver(events)
    (mail,) = server.mails
    assert delivery.delivered == {event.event_id for event in events}
    assert mail.recipients == (OPS, NIGHT)
    assert mail.message["Subject"] == "[acme] 3 errors: employee validation"
    assert mail.event_ids == [event.event_id for event in events]
    assert "sample problem 2" in mail.html


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_it_logs_in_over_tls(tmp_path: Path, make: EmailSinks, tls: Literal["starttls", "implicit"]) -> None:
    with SmtpServer(tmp_path, tls=tls, accounts={"bus": PASSWORD}) as server:
        make(server, username="bus", password=Secret(PASSWORD)).deliver(sample_events(1))
        assert (server.logins, len(server.mails)) == (1, 1)


def test_clear_text_works_on_loopback(tmp_path: Path, make: EmailSinks) -> None:
    with SmtpServer(tmp_path, tls="none") as server:
        make(server).deliver(sample_events(1))
        assert len(server.mails) == 1


def test_a_server_without_starttls_gets_no_mail_and_no_password(tmp_path: Path, make: EmailSinks) -> None:
    with SmtpServer(tmp_path, tls="none") as server:
        sink = make(server, tls="starttls", username="bus", password=Secret(PASSWORD))
        with pytest.raises(RefusedError) as caught:
            sink.deliver(sample_events(1))
        assert caught.value.code == "BW3202"
        assert (server.mails, server.logins) == ([], 0)


def test_an_untrusted_certificate_is_refused(server: SmtpServer, make: EmailSinks) -> None:
    with pytest.raises(RefusedError) as caught:
        make(server, ca_file="").deliver(sample_events(1))
    assert caught.value.code == "BW3202"
    assert "SMTP_CA_FILE" in caught.value.problem.fix
    assert server.mails == []


def test_a_certificate_for_another_name_is_refused(tmp_path: Path, make: EmailSinks) -> None:
    with SmtpServer(tmp_path, names=("other.example.test",)) as server:
        with pytest.raises(RefusedError) as caught:
            make(server).deliver(sample_events(1))
        assert "not trusted" in caught.value.problem.why
        assert server.mails == []


def test_a_wrong_password_is_told_without_repeating_it(tmp_path: Path, make: EmailSinks) -> None:
    with SmtpServer(tmp_path, accounts={"bus": "another"}) as server:
        sink = make(server, username="bus", password=Secret(PASSWORD))
        with pytest.raises(RefusedError) as caught:
            sink.deliver(sample_events(1))
    assert caught.value.code == "BW3202"
    assert "535 5.7.8" in caught.value.problem.why
    assert PASSWORD not in caught.value.render()


def test_the_connection_is_kept_and_replaced_when_it_died(server: SmtpServer, make: EmailSinks) -> None:
    sink = make(server)
    sink.deliver(sample_events(1))
    sink.deliver(sample_events(1, first=2))
    assert server.connections == 1
    server.drop_connections()
    sink.deliver(sample_events(1, first=3))
    assert (server.connections, len(server.mails)) == (2, 3)


def test_a_batch_that_comes_again_has_the_same_message_id(server: SmtpServer, make: EmailSinks) -> None:
    sink = make(server)
    for _ in range(2):
        sink.deliver(sample_events(2))
    first, second = server.mails
    assert first.message["Message-ID"] == second.message["Message-ID"]


def test_events_below_the_severity_are_acknowledged_and_not_mailed(server: SmtpServer, make: EmailSinks) -> None:
    sink = make(server)
    quiet = sample_event(1, severity=Severity.WARNING)
    assert sink.deliver([quiet]).delivered == {quiet.event_id}
    assert server.connections == 0
    loud, digest = sample_event(2), sample_event(3, severity=Severity.INFO, category="digest")
    assert sink.deliver([quiet, loud, digest]).delivered == {quiet.event_id, loud.event_id, digest.event_id}
    assert [mail.event_ids for mail in server.mails] == [[loud.event_id], [digest.event_id]]


def test_nobody_listening_is_unreachable(server: SmtpServer, make: EmailSinks) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(UnreachableError) as caught:
        make(server, port=port).deliver(sample_events(1))
    assert caught.value.code == "BW3201"
    assert "refused" in caught.value.problem.why


@pytest.mark.parametrize("stage", ["mail", "data", "rcpt"])
def test_a_temporary_answer_is_tried_again(server: SmtpServer, make: EmailSinks, stage: str) -> None:
    answer = "451 4.3.2 ops@example.test: later"
    if stage == "rcpt":
        server.rcpt_answers = {OPS: deque([answer]), NIGHT: deque([answer])}
    else:
        getattr(server, f"{stage}_answers").append(answer)
    sink = make(server)
    with pytest.raises(UnreachableError) as caught:
        sink.deliver(sample_events(1))
    assert caught.value.code == "BW3201"
    assert "451 4.3.2" in caught.value.problem.why
    assert OPS not in caught.value.render()
    assert sink.deliver(sample_events(1)).delivered
    assert len(server.mails) == 1


def test_a_refused_sender_keeps_events_pending(server: SmtpServer, make: EmailSinks) -> None:
    server.mail_answers.append("553 5.7.1 not your address")
    with pytest.raises(RefusedError) as caught:
        make(server).deliver(sample_events(1))
    assert "ALERT_EMAIL_FROM" in caught.value.problem.fix


def test_recipients_refused_for_good_reject_the_batch_but_not_what_was_filtered(
    server: SmtpServer, make: EmailSinks
) -> None:
    server.rcpt_answers = {to: deque([f"550 5.1.1 {to} unknown"]) for to in (OPS, NIGHT)}
    quiet, loud = sample_event(1, severity=Severity.INFO), sample_event(2)
    delivery = make(server).deliver([quiet, loud])
    assert delivery.delivered == {quiet.event_id}
    assert delivery.rejected == {
        loud.event_id: "the mail server refused every recipient (550 5.1.1); check ALERT_EMAIL_TO"
    }


def test_a_refused_mail_is_rejected(server: SmtpServer, make: EmailSinks) -> None:
    server.data_answers.append("552 5.3.4 too big")
    sink = make(server)
    (reason,) = sink.deliver(sample_events(1)).rejected.values()
    assert "552 5.3.4" in reason
    assert sink.deliver(sample_events(1, first=2)).delivered


def test_one_recipient_refused_for_good_does_not_hold_the_others(
    server: SmtpServer, make: EmailSinks, caplog: pytest.LogCaptureFixture
) -> None:
    server.rcpt_answers[NIGHT] = deque(["550 5.1.1 unknown"])
    with caplog.at_level(logging.WARNING):
        assert make(server).deliver(sample_events(1)).delivered
    assert server.mails[0].recipients == (OPS,)
    assert "1 of the recipients in ALERT_EMAIL_TO were refused (550 5.1.1)" in caplog.text
    assert NIGHT not in caplog.text


def test_a_recipient_put_off_is_tried_again_and_nobody_is_mailed_twice(server: SmtpServer, make: EmailSinks) -> None:
    server.rcpt_answers[NIGHT] = deque(["450 4.2.0 greylisted"])
    sink = make(server)
    with pytest.raises(UnreachableError):
        sink.deliver(sample_events(1))
    assert sink.deliver(sample_events(1)).delivered
    assert [mail.recipients for mail in server.mails] == [(OPS,), (NIGHT,)]


def test_the_health_check_logs_in_and_sends_nothing(server: SmtpServer) -> None:
    assert health(server).status == "ok"
    assert (server.connections, server.mails) == (1, [])


def test_the_health_check_tells_what_is_wrong(server: SmtpServer) -> None:
    result = health(server, ca_file="")
    assert (result.status, "BW3202" in result.detail, "SMTP_CA_FILE" in result.fix) == ("failed", True, True)
