"""The time of a delivery by mail: nobody and nothing on the way to the server, and no server, takes more of it."""

from __future__ import annotations

import gc
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from builders.email_sinks import EmailSinks
from builders.smtp_server import SmtpServer
from busway.errors import BuswayError, UnreachableError
from busway.testing.sinks import sample_events

SECONDS = 0.3
LATE = 1.5


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SmtpServer]:
    with SmtpServer(tmp_path) as server:
        yield server


@pytest.fixture
def make() -> Iterator[EmailSinks]:
    with EmailSinks() as sinks:
        yield sinks


class Tarpit:
    """Takes a connection, answers the first so many commands, and then says one byte now and then."""

    def __init__(self, line: bytes, answers: int = 0) -> None:
        self.line = line
        self.answers = answers

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
                for number in range(self.answers):
                    connection.sendall(b"250 fine\r\n" if number else b"220 welcome\r\n")
                    connection.recv(4096)
                while not self.ended.wait(0.05):
                    connection.sendall(self.line)
            except OSError:
                return

    def __exit__(self, *details: object) -> None:
        self.ended.set()
        self.thread.join(10)
        self.listener.close()


@pytest.mark.parametrize("line", [b"2", b"220-welcome\r\n", b""])
def test_a_server_that_keeps_us_waiting_is_given_up(server: SmtpServer, make: EmailSinks, line: bytes) -> None:
    with Tarpit(line) as tarpit:
        sink = make(server, port=tarpit.port, timeout_seconds=SECONDS)
        before = time.monotonic()
        with pytest.raises(BuswayError) as caught:
            sink.deliver(sample_events(1))
        assert time.monotonic() - before < SECONDS + LATE
    assert caught.value.code == "BW3201"


@pytest.mark.parametrize("answers", [1, 2, 3, 4])
def test_a_server_that_drips_later_is_given_up_too(server: SmtpServer, make: EmailSinks, answers: int) -> None:
    """After the greeting, EHLO, MAIL or RCPT: the connection is there, and is cut."""
    with Tarpit(b"2", answers) as tarpit:
        sink = make(server, port=tarpit.port, timeout_seconds=SECONDS, tls="none", server="127.0.0.1", username="")
        before = time.monotonic()
        with pytest.raises(BuswayError) as caught:
            sink.deliver(sample_events(1))
        assert time.monotonic() - before < SECONDS + LATE
    assert caught.value.code == "BW3201"


def resolver_that_hangs(ended: threading.Event) -> Callable[..., list[Any]]:
    def hang(*asked: Any, **options: Any) -> list[Any]:
        ended.wait(10)
        raise socket.gaierror("synthetic")

    return hang


def many_addresses_that_drop_packets(port: int) -> Callable[..., list[Any]]:
    one = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port))
    return lambda *asked, **options: [one] * 8


@pytest.fixture
def full_port() -> Iterator[int]:
    """A port where nobody is let in and nobody is turned away: its queue is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, ExitStack() as waiting:
        address = listener.getsockname()
        with suppress(TimeoutError):
            for _ in range(5):
                waiting.enter_context(socket.create_connection(address, 0.2))
        yield address[1]


@pytest.mark.parametrize("trouble", ["the resolver hangs", "no address answers"])
def test_a_connection_that_is_not_made_in_time_is_given_up(
    server: SmtpServer, make: EmailSinks, full_port: int, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    ended = threading.Event()
    hangs = trouble == "the resolver hangs"
    lookup = resolver_that_hangs(ended) if hangs else many_addresses_that_drop_packets(full_port)
    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    sink = make(server, server="mail.example.test", timeout_seconds=SECONDS)
    before = time.monotonic()
    with pytest.raises(UnreachableError) as caught:
        sink.deliver(sample_events(1))
    assert time.monotonic() - before < SECONDS + LATE
    assert (caught.value.code, caught.value.problem.why) == ("BW3201", "it took too long")
    ended.set()
    monkeypatch.undo()
    assert make(server).deliver(sample_events(1)).delivered


def test_a_connection_that_comes_too_late_is_closed(
    server: SmtpServer, make: EmailSinks, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, real = threading.Event(), socket.getaddrinfo

    def late(*arguments: Any, **options: Any) -> Any:
        asked.wait(10)
        return real(*arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", late)
    with pytest.raises(UnreachableError):
        make(server, timeout_seconds=SECONDS).deliver(sample_events(1))
    (connecting,) = [one for one in threading.enumerate() if one.name == "busway-sink-email-connect"]
    with warnings.catch_warnings(record=True) as left_open:
        warnings.simplefilter("always", ResourceWarning)
        asked.set()
        connecting.join(10)
        del connecting
        gc.collect()
    assert server.connections == 1
    assert not left_open


def test_a_server_that_falls_silent_while_we_take_leave_holds_nobody(server: SmtpServer, make: EmailSinks) -> None:
    sink = make(server, timeout_seconds=SECONDS)
    sink.deliver(sample_events(1))
    server.late = 30.0
    before = time.monotonic()
    with pytest.raises(UnreachableError):
        sink.deliver(sample_events(1))
    sink.close()
    assert time.monotonic() - before < 2 * SECONDS + LATE


def test_one_thread_watches_over_many_mails_and_goes_with_the_sink(server: SmtpServer, make: EmailSinks) -> None:
    sink = make(server)
    watching: set[threading.Thread] = set()
    for number in range(5):
        sink.deliver(sample_events(1, first=number))
        watching |= {thread for thread in threading.enumerate() if thread.name == "busway-sink-email-limit"}
    (thread,) = watching
    sink.close()
    thread.join(5)
    assert not thread.is_alive()


def test_each_delivery_has_its_own_time(server: SmtpServer, make: EmailSinks) -> None:
    """The thread sleeps to the end of the first one's time; what began later may go on."""
    sink = make(server, timeout_seconds=0.8)
    server.late = 0.3
    for number in range(3):
        assert sink.deliver(sample_events(1, first=number)).delivered
    server.late = 30.0
    with pytest.raises(UnreachableError) as caught:
        sink.deliver(sample_events(1))
    assert caught.value.problem.why


def test_a_sink_that_never_sent_has_no_thread_and_no_connection(server: SmtpServer, make: EmailSinks) -> None:
    before = threading.active_count()
    make(server)
    assert (threading.active_count(), server.connections) == (before, 0)
