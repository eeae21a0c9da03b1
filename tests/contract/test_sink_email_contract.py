"""The email sink keeps the contract of event sinks, against a real mail server."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from builders.smtp_server import SmtpServer
from busway.contracts.events import Event
from busway.contracts.settings import Secret
from busway.contracts.sinks import EventSink
from busway.testing.sinks import EventSinkContract, sample_digest, sample_event
from busway_sink_email.settings import EmailSettings
from busway_sink_email.sink import EmailSink

PASSWORD = "synthetic-mail-password"
POISON = sample_event(950, entity_id="poison")


def sink_for(server: SmtpServer, port: int | None = None, timeout_seconds: float = 20.0) -> EmailSink:
    return EmailSink(
        EmailSettings(
            server="localhost",
            port=port or server.port,
            ca_file=server.ca_file,
            username="bus",
            password=Secret(PASSWORD),
            timeout_seconds=timeout_seconds,
            sender="busway@example.test",
            recipients=("ops@example.test",),
        )
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class TestEmailSink(EventSinkContract):
    @pytest.fixture
    def mail_server(self, tmp_path: Path) -> Iterator[SmtpServer]:
        with SmtpServer(tmp_path, accounts={"bus": PASSWORD}) as server:
            server.judge = lambda mail: "554 5.6.0 no" if POISON.event_id in mail.text else "250 OK"
            yield server

    @pytest.fixture
    def later(self, tmp_path: Path, mail_server: SmtpServer) -> SmtpServer:
        """A server that is not there yet; ``recover`` starts it."""
        return SmtpServer(tmp_path, accounts={"bus": PASSWORD}, port=free_port(), authority=mail_server.authority)

    @pytest.fixture
    def sink(self, mail_server: SmtpServer) -> Iterator[EventSink]:
        sink = sink_for(mail_server)
        yield sink
        sink.close()

    @pytest.fixture
    def arrived(self, mail_server: SmtpServer, later: SmtpServer) -> Callable[[], Iterable[str]]:
        return lambda: [event_id for mail in [*mail_server.mails, *later.mails] for event_id in mail.event_ids]

    @pytest.fixture
    def sent(self, mail_server: SmtpServer) -> Callable[[], str]:
        return lambda: "\n".join(f"{mail.message.items()}\n{mail.text}\n{mail.html}" for mail in mail_server.mails)

    @pytest.fixture
    def secrets(self) -> Iterable[str]:
        return (PASSWORD,)

    @pytest.fixture
    def build(self, mail_server: SmtpServer) -> Callable[[], EventSink]:
        return lambda: sink_for(mail_server)

    @pytest.fixture
    def poison(self) -> Event:
        return POISON

    @pytest.fixture
    def partial_sink(self, mail_server: SmtpServer) -> Iterator[EventSink]:
        mail_server.judge = lambda mail: "451 4.7.1 later" if mail_server.mails else "250 OK"
        sink = sink_for(mail_server)
        yield sink
        sink.close()

    @pytest.fixture
    def partial_batch(self) -> list[Event]:
        return [sample_event(1), sample_event(2), sample_digest(3), sample_event(4)]

    @pytest.fixture
    def waiting_sink(self, mail_server: SmtpServer) -> Iterator[EventSink]:
        mail_server.data_answers = deque(["451 4.7.1 try again later"])
        sink = sink_for(mail_server)
        yield sink
        sink.close()

    @pytest.fixture
    def unreachable_sink(self, mail_server: SmtpServer, later: SmtpServer) -> Iterator[EventSink]:
        sink = sink_for(mail_server, later.port)
        yield sink
        sink.close()

    @pytest.fixture
    def recover(self, later: SmtpServer) -> Iterator[Callable[[], object]]:
        yield later.__enter__
        if later.started:
            later.__exit__(None, None, None)

    @pytest.fixture
    def hanging_sink(self, mail_server: SmtpServer) -> Iterator[EventSink]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            sink = sink_for(mail_server, listener.getsockname()[1], timeout_seconds=0.2)
            yield sink
            sink.close()

    @pytest.fixture
    def slow_sink(self, mail_server: SmtpServer) -> Iterator[EventSink]:
        mail_server.late = 0.05
        sink = sink_for(mail_server)
        yield sink
        sink.close()

    @pytest.fixture
    def deliver_seconds(self) -> float:
        return 5.0
