"""The Redis level when its server is killed, frozen, full, garbled or slow: a coded error in time, and recovery."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from builders.fault_proxy import FaultProxy
from builders.redis_caches import OpenCache, opened_caches
from builders.redis_server import RedisServer, comes_true
from busway.contracts.coordination import Quota
from busway.errors import UnreachableError
from busway_cache_redis.cache import RedisCache
from busway_cache_redis.settings import RedisSettings

TIMEOUT_MS = 100
SLACK_SECONDS = 0.25
"""For a machine that is busy with something else."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        yield server


@pytest.fixture
def open_cache(server: RedisServer) -> Iterator[OpenCache]:
    with opened_caches(server) as open_one:
        yield open_one


@pytest.fixture
def cache(open_cache: OpenCache) -> RedisCache:
    """A level with a short time-out that has worked."""
    cache = open_cache(timeout_ms=TIMEOUT_MS)
    assert comes_true(lambda: works(cache))
    return cache


def works(cache: RedisCache) -> bool:
    """It stores and reads."""
    try:
        cache.set("k", b"1", 600)
        return cache.get("k") == b"1"
    except UnreachableError:
        return False


@contextmanager
def refused(code: str, why: str = "") -> Iterator[None]:
    """What is inside raises ``code``, in time."""
    began = time.monotonic()
    with pytest.raises(UnreachableError, match=code) as caught:
        yield
    assert time.monotonic() - began < TIMEOUT_MS / 1000 + SLACK_SECONDS
    assert why in caught.value.problem.why
    assert caught.value.problem.where
    assert caught.value.problem.fix


def questions(cache: RedisCache) -> list[Callable[[], Any]]:
    """One of each kind."""
    coordinator = cache.coordinator()
    return [
        lambda: cache.get("k"),
        lambda: cache.set("k", b"1", 60),
        lambda: cache.delete("k"),
        lambda: list(cache.scan("*")),
        lambda: cache.acquire_lock("k", "me", 30),
        lambda: cache.renew_lock("k", "me", 30),
        lambda: cache.release_lock("k", "me"),
        lambda: cache.wait_lock("k", 30),
        lambda: cache.read_generations(["k"]),
        lambda: cache.raise_generation("k", 1),
        lambda: cache.publish(b"x"),
        lambda: cache.subscribe(print),
        lambda: coordinator.acquire("k", "me", 30),
        lambda: coordinator.take(Quota("k", 1, 30)),
    ]


def test_killed(server: RedisServer, cache: RedisCache) -> None:
    server.kill()
    for question in questions(cache):
        with refused("BW2006|BW2029", "no connection"):
            question()
    server.start()
    assert works(cache), "the first call after the restart"


def test_a_restart_costs_no_read(server: RedisServer, cache: RedisCache) -> None:
    server.kill()
    server.start()
    assert cache.get("k") is None


def test_a_connection_that_is_cut_during_a_read_costs_nothing(server: RedisServer, open_cache: OpenCache) -> None:
    """Not noticed before the question was sent: asked once more on a fresh connection."""
    with FaultProxy(server.port) as proxy:
        cache = open_cache(port=proxy.port)
        assert works(cache)

        def once(client: socket.socket, data: bytes) -> None:
            proxy.pass_on()
            client.shutdown(socket.SHUT_RDWR)

        reads: list[Callable[[], bool]] = [lambda: cache.get("k") == b"1", lambda: list(cache.scan("*")) == ["k"]]
        for read in reads:
            proxy.answer = once
            assert read()
            assert proxy.answer is not once, "the connection was cut"
        proxy.answer = once
        with pytest.raises(UnreachableError, match="BW2006"):
            cache.acquire_lock("l", "me", 30)  # it may have been taken: not asked twice
        cache.close()


def test_what_was_turned_away_unread_is_asked_again(server: RedisServer, open_cache: OpenCache) -> None:
    """``NOAUTH`` on a connection that worked: it signs in anew, and nothing was carried out twice."""
    with FaultProxy(server.port) as proxy:
        cache = open_cache(port=proxy.port)
        assert works(cache)

        def once(client: socket.socket, data: bytes) -> None:
            proxy.pass_on()
            client.sendall(b"-NOAUTH Authentication required.\r\n")

        proxy.answer = once
        assert cache.client.ask("ECHO", "heard") == b"heard"
        assert proxy.accepted == 2
        cache.close()


def test_a_connection_that_fails_while_it_is_made_is_not_made_again(server: RedisServer, open_cache: OpenCache) -> None:
    server.ask("CONFIG", "SET", "requirepass", "pw")
    server.password = "pw"
    with FaultProxy(server.port) as proxy:
        cache = open_cache(port=proxy.port, password="pw", timeout_ms=TIMEOUT_MS)
        proxy.answer = lambda client, data: client.shutdown(socket.SHUT_RDWR)
        with refused("BW2006", "it was closed"):
            cache.get("k")
        assert proxy.accepted == 1
        proxy.pass_on()
        assert works(cache)
        cache.close()


def test_a_connection_that_is_cut_each_time_is_an_outage(server: RedisServer, open_cache: OpenCache) -> None:
    with FaultProxy(server.port) as proxy:
        cache = open_cache(port=proxy.port, timeout_ms=TIMEOUT_MS)
        assert works(cache)
        proxy.answer = lambda client, data: client.shutdown(socket.SHUT_RDWR)
        asked = proxy.accepted
        with refused("BW2006", "it was closed"):
            cache.get("k")
        assert proxy.accepted - asked == 1, "one more connection, not a dozen"
        proxy.pass_on()
        assert works(cache)
        cache.close()


def test_frozen(server: RedisServer, cache: RedisCache) -> None:
    server.freeze()
    try:
        for question in questions(cache):
            with refused("BW2006|BW2029", "no answer in time"):
                question()
    finally:
        server.thaw()
    assert comes_true(lambda: works(cache))


def test_a_late_answer_is_nobodys(server: RedisServer, cache: RedisCache) -> None:
    """What the frozen server answers when it is back fits no later question."""
    cache.set("a", b"of a", 60)
    cache.set("b", b"of b", 60)
    for _ in range(3):
        server.freeze()
        with refused("BW2006"):
            cache.get("a")
        server.thaw()
        assert comes_true(lambda: works(cache))
        assert (cache.get("b"), cache.get("a")) == (b"of b", b"of a")


def test_refusing(open_cache: OpenCache) -> None:
    cache = open_cache(port=1, timeout_ms=TIMEOUT_MS)
    for question in questions(cache):
        with refused("BW2006|BW2029", "no connection (Connection refused)"):
            question()


def test_an_address_that_swallows_packets() -> None:
    """A listener whose queue is full: the connection is neither made nor refused."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), socket.socket() as second:
            second.setblocking(False)
            second.connect_ex(("127.0.0.1", port))
            cache = RedisCache(RedisSettings(host="127.0.0.1", port=port, timeout_ms=TIMEOUT_MS))
            with refused("BW2006", "no answer in time"):
                cache.get("k")
            cache.close()


def test_full(server: RedisServer, cache: RedisCache) -> None:
    server.ask("CONFIG", "SET", "maxmemory", "1")
    for write in (
        lambda: cache.set("new", b"1", 60),
        lambda: cache.acquire_lock("new", "me", 30),
        lambda: cache.raise_generation("new", 5),
    ):
        with refused("BW2025", "its memory is full"):
            write()
    coordinator = cache.coordinator()
    with refused("BW2029", "its memory is full"):
        coordinator.acquire("new", "me", 30)
    with refused("BW2029", "its memory is full"):
        coordinator.take(Quota("new", 1, 30))
    assert cache.get("k") == b"1", "reads go on"
    assert list(cache.read_generations(["new"])) == [0]
    assert list(cache.scan("*")) == ["k"]
    assert cache.delete("k") is True, "and what is deleted makes room"
    server.ask("CONFIG", "SET", "maxmemory", "0")
    assert works(cache)


def test_a_read_only_replica(tmp_path: Path, server: RedisServer, cache: RedisCache) -> None:
    (tmp_path / "replica").mkdir()
    following = ("--replicaof", server.host, str(server.port))
    with RedisServer(tmp_path / "replica", options=following) as replica, opened_caches(replica) as open_replica:
        behind = open_replica(timeout_ms=TIMEOUT_MS)
        assert comes_true(lambda: behind.get("k") == b"1"), "reads go on"
        for write in (
            lambda: behind.set("new", b"1", 60),
            lambda: behind.delete("k"),
            lambda: behind.acquire_lock("new", "me", 30),
            lambda: behind.raise_generation("new", 5),
        ):
            with refused("BW2025", "read-only replica"):
                write()
        with refused("BW2029", "read-only replica"):
            behind.coordinator().acquire("new", "me", 30)
        replica.ask("REPLICAOF", "NO", "ONE")
        assert works(behind)


def test_a_disk_that_is_full(server: RedisServer, cache: RedisCache, tmp_path: Path) -> None:
    """MISCONF: a server that cannot save refuses writes."""
    missing = tmp_path / "gone"
    missing.mkdir()
    server.ask("CONFIG", "SET", "dir", str(missing))
    missing.rmdir()
    server.ask("CONFIG", "SET", "save", "1 1")
    server.ask("BGSAVE")
    assert comes_true(lambda: server.ask("INFO", "persistence")["rdb_last_bgsave_status"] == "err")
    with refused("BW2025", "cannot save"):
        cache.set("new", b"1", 60)
    assert cache.get("k") == b"1"


def test_loading(server: RedisServer, open_cache: OpenCache) -> None:
    with FaultProxy(server.port) as proxy:
        cache = open_cache(port=proxy.port, timeout_ms=TIMEOUT_MS)
        assert works(cache)
        proxy.replace(b"-LOADING Redis is loading the dataset in memory\r\n")
        for question in questions(cache):
            with refused("BW2026|BW2029", "loading its data"):
                question()
        proxy.pass_on()
        assert comes_true(lambda: works(cache))
        cache.close()


def test_busy_with_a_script(server: RedisServer, cache: RedisCache) -> None:
    server.ask("CONFIG", "SET", "lua-time-limit", "5")
    with ThreadPoolExecutor(1) as pool:
        endless = pool.submit(server.ask, "EVAL", "while true do end", 0)

        def is_busy() -> bool:
            try:
                cache.get("k")
            except UnreachableError as error:
                return error.code == "BW2026"
            return False

        assert comes_true(is_busy)
        with refused("BW2026", "busy with a script"):
            cache.get("k")
        with refused("BW2029", "busy with a script"):
            cache.coordinator().acquire("k", "me", 30)
        server.ask("SCRIPT", "KILL")
        assert endless.exception(10) is not None
    assert comes_true(lambda: works(cache))


def test_too_many_clients(server: RedisServer, cache: RedisCache, open_cache: OpenCache) -> None:
    server.ask("CONFIG", "SET", "maxclients", "1")
    with refused("BW2026", "as many clients as it takes"):
        open_cache(timeout_ms=TIMEOUT_MS).get("k")
    assert cache.get("k") == b"1", "whoever is connected is served"


@pytest.mark.parametrize(
    "garbage",
    [
        b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
        b":not a number\r\n",
        b"$x\r\n",
        b"*x\r\n",
        b"\r\n",
        bytes(range(128, 256)) + b"\r\n",
        b":5\r\n",
        b"*1\r\n:5\r\n",
        b"*1\r\n" * 5_000,
    ],
    ids=["http", "number", "length", "count", "empty line", "bytes", "other type", "list", "deep"],
)
def test_garbage(server: RedisServer, open_cache: OpenCache, garbage: bytes) -> None:
    with FaultProxy(server.port) as proxy:
        cache = open_cache(port=proxy.port, timeout_ms=TIMEOUT_MS)
        assert works(cache)
        proxy.replace(garbage)
        with refused("BW2028|BW2006"):
            cache.get("k")
        proxy.pass_on()
        assert comes_true(lambda: works(cache))
        cache.close()


@pytest.mark.parametrize(
    "begun", [b"$100\r\nabc", b"$99999999999999\r\nabc", b"no end", b"*3\r\n$1\r\na\r\n", b"$-7\r\n"]
)
def test_an_answer_that_never_ends(server: RedisServer, open_cache: OpenCache, begun: bytes) -> None:
    with FaultProxy(server.port) as proxy:
        cache = open_cache(port=proxy.port, timeout_ms=TIMEOUT_MS)
        assert works(cache)
        proxy.replace(begun)
        with refused("BW2006", "no answer in time"):
            cache.get("k")
        proxy.pass_on()
        assert works(cache)
        cache.close()


def test_an_answer_too_many_is_never_taken_for_the_next(server: RedisServer, open_cache: OpenCache) -> None:
    with FaultProxy(server.port) as proxy:
        cache = open_cache(port=proxy.port)
        cache.set("a", b"of a", 60)
        proxy.append(b"$4\r\nof z\r\n")
        for _ in range(5):
            assert cache.get("a") == b"of a"
            assert cache.get("missing") is None
        proxy.pass_on()
        assert cache.get("a") == b"of a"
        cache.close()


def test_a_slow_trickle(server: RedisServer, open_cache: OpenCache) -> None:
    """A byte now and then is no answer, though each comes in time."""
    with FaultProxy(server.port) as proxy:
        cache = open_cache(port=proxy.port, timeout_ms=TIMEOUT_MS)
        assert works(cache)
        cache.set("k", b"x" * 200, 60)
        proxy.trickle(0.02)
        with refused("BW2006", "no answer in time"):
            cache.get("k")
        proxy.pass_on()
        assert comes_true(lambda: works(cache))
        cache.close()


def test_open_on_our_side_only(server: RedisServer, open_cache: OpenCache) -> None:
    with FaultProxy(server.port) as proxy:
        cache = open_cache(port=proxy.port, timeout_ms=TIMEOUT_MS)
        assert works(cache)
        proxy.half_open()
        for question in questions(cache)[:4]:
            with refused("BW2006", "no answer in time"):
                question()
        proxy.pass_on()
        assert works(cache)
        cache.close()


def test_a_large_value_over_a_slow_line_is_no_outage(server: RedisServer, open_cache: OpenCache) -> None:
    """It takes several times the time-out, and bytes keep coming."""
    large = os.urandom(3_000_000)
    open_cache().set("large", large, 60)
    pause = threading.Event()
    with FaultProxy(server.port) as proxy:
        cache = open_cache(port=proxy.port, timeout_ms=TIMEOUT_MS)

        def slowly(client: socket.socket, data: bytes) -> None:
            client.sendall(data)
            pause.wait(0.007 * len(data) / 65_536)

        proxy.answer = slowly
        began = time.monotonic()
        assert cache.get("large") == large
        assert time.monotonic() - began > TIMEOUT_MS / 1000
        cache.close()


def test_a_thread_that_is_interrupted_leaves_nothing_behind(server: RedisServer, cache: RedisCache) -> None:
    """Ctrl-C between question and answer: the answer is not given to the next question."""
    cache.set("a", b"of a", 60)
    cache.set("b", b"of b", 60)

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for _ in range(3):
            server.freeze()
            signal.setitimer(signal.ITIMER_REAL, 0.02)
            with pytest.raises(KeyboardInterrupt):
                cache.get("a")
            server.thaw()
            assert comes_true(lambda: works(cache))
            assert cache.get("b") == b"of b"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_all_connections_in_use_is_not_an_outage(server: RedisServer, open_cache: OpenCache) -> None:
    cache = open_cache(max_connections=2, timeout_ms=TIMEOUT_MS)
    assert works(cache)
    server.freeze()
    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(cache.get, "k") for _ in range(6)]
        codes = sorted(getattr(one.exception(10), "code", "") for one in asked)
    server.thaw()
    assert set(codes) == {"BW2006", "BW2034"}
    assert codes.count("BW2006") >= 2
    assert comes_true(lambda: works(cache))
    with ThreadPoolExecutor(16) as pool:
        assert [*pool.map(lambda number: cache.get("k"), range(400))] == [b"1"] * 400


def test_no_data_of_others_is_quoted(server: RedisServer, open_cache: OpenCache) -> None:
    with FaultProxy(server.port) as proxy:
        cache = open_cache(port=proxy.port, timeout_ms=TIMEOUT_MS)
        assert works(cache)
        proxy.replace(b"jane.doe@example.test\r\n")
        with pytest.raises(UnreachableError) as caught:
            cache.get("k")
        assert "jane.doe" not in caught.value.render()
        assert "jane.doe" not in "".join(traceback.format_exception(caught.value))
        cache.close()
