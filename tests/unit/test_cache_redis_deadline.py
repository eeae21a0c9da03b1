"""A deadline for a whole answer, however it arrives."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from busway_cache_redis import deadline as module
from busway_cache_redis.deadline import Deadline, DeadlineSocket


@pytest.fixture
def ends() -> Iterator[tuple[DeadlineSocket, socket.socket, Deadline]]:
    ours, theirs = socket.socketpair()
    deadline = Deadline()
    with ours, theirs:
        yield DeadlineSocket(ours, deadline), theirs, deadline


def read_all(ours: DeadlineSocket) -> None:
    while ours.recv(1):
        pass


Ends = tuple[DeadlineSocket, socket.socket, Deadline]


def test_bytes_that_are_there_are_read(ends: Ends) -> None:
    ours, theirs, deadline = ends
    deadline.start(5)
    theirs.sendall(b"abc")
    assert ours.recv(2) == b"ab"
    buffer = bytearray(4)
    assert (ours.recv_into(buffer), bytes(buffer[:1])) == (1, b"c")
    theirs.close()
    assert ours.recv(1) == b""


def test_silence_ends_in_time(ends: Ends) -> None:
    ours, _, deadline = ends
    deadline.start(0.05)
    began = time.monotonic()
    for read in (lambda: ours.recv(1), lambda: ours.recv_into(bytearray(1))):
        with pytest.raises(TimeoutError):
            read()
    assert 0.04 < time.monotonic() - began < 0.5


def test_a_byte_now_and_then_does_not_put_it_off(ends: Ends) -> None:
    ours, theirs, deadline = ends
    stop = threading.Event()

    def trickle() -> None:
        while not stop.wait(0.005):
            theirs.sendall(b"x")

    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        deadline.start(0.1)
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            read_all(ours)
        assert time.monotonic() - began < 0.6
    finally:
        stop.set()
        thread.join(5)


def test_many_bytes_do(ends: Ends) -> None:
    _, _, deadline = ends
    deadline.start(0.1)
    deadline.grant(3 * 2**20)
    assert deadline.left() == pytest.approx(3.1, abs=0.05)
    deadline.start(0.1)
    assert deadline.left() <= 0.1, "for that answer only"


def test_what_is_there_counts_though_we_are_late(ends: Ends) -> None:
    """A machine that is busy with other threads is no outage of the server."""
    ours, theirs, deadline = ends
    theirs.sendall(b"abc")
    deadline.start(0)
    assert ours.recv(3) == b"abc"
    with pytest.raises(TimeoutError):
        ours.recv(1)


def test_a_peer_that_reads_nothing_ends_a_write(ends: Ends) -> None:
    ours, _, deadline = ends
    deadline.start(0.05)
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        ours.sendall(b"x" * 30_000_000)
    assert time.monotonic() - began < 2, "what was not taken does not put it off"


def test_everything_is_sent(ends: Ends) -> None:
    ours, theirs, deadline = ends
    deadline.start(10)
    received: list[bytes] = []

    def read() -> None:
        while sum(map(len, received)) < 1_000_000:
            received.append(theirs.recv(100_000))

    thread = threading.Thread(target=read)
    thread.start()
    ours.sendall(bytes(range(250)) * 4_000)
    thread.join(10)
    assert b"".join(received) == bytes(range(250)) * 4_000


def test_who_does_not_wait_is_told_that_nothing_is_there(ends: Ends) -> None:
    ours, theirs, deadline = ends
    deadline.start(5)
    ours.settimeout(0)
    with pytest.raises(BlockingIOError):
        ours.recv(1)
    with pytest.raises(BlockingIOError):
        ours.recv_into(bytearray(1))
    theirs.sendall(b"a")
    assert ours.recv(1) == b"a"
    ours.settimeout(1)
    theirs.sendall(b"b")
    assert ours.recv(1) == b"b"


def test_an_answer_without_an_end_is_cut_off(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 10)
    ours, theirs, deadline = ends
    deadline.start(5)
    theirs.sendall(b"x" * 20)
    assert ours.recv(10)
    with pytest.raises(OSError, match="no end"):
        ours.recv(10)
