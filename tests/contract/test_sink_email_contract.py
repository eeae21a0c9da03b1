"""The email sink keeps the contract of event sinks, against a real mail server."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from builders.smtp_server import SmtpServer
from busway.contracts.sinks import EventSink
from busway.testing.sinks import EventSinkContract
from busway_sink_email.settings import EmailSettings
from busway_sink_email.sink import EmailSink


@pytest.fixture
def mail_server(tmp_path: Path) -> Iterator[SmtpServer]:
    with SmtpServer(tmp_path) as server:
        yield server


def sink_for(server: SmtpServer, port: int | None = None) -> EmailSink:
    return EmailSink(
        EmailSettings(
            server="localhost",
            port=port or server.port,
            ca_file=server.ca_file,
            sender="busway@example.test",
            recipients=("ops@example.test",),
        )
    )


class TestEmailSink(EventSinkContract):
    @pytest.fixture
    def sink(self, mail_server: SmtpServer) -> Iterator[EventSink]:
        sink = sink_for(mail_server)
        yield sink
        sink.close()

    @pytest.fixture
    def arrived(self, mail_server: SmtpServer) -> Callable[[], Iterable[str]]:
        return lambda: [event_id for mail in mail_server.mails for event_id in mail.event_ids]

    @pytest.fixture
    def waiting_sink(self, mail_server: SmtpServer) -> Iterator[EventSink]:
        mail_server.data_answers = deque(["451 4.7.1 try again later"])
        sink = sink_for(mail_server)
        yield sink
        sink.close()

    @pytest.fixture
    def unreachable_sink(self, mail_server: SmtpServer) -> EventSink:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        return sink_for(mail_server, port)
