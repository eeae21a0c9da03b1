"""Redis goes away in every way it knows while processes read and write, and comes back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from builders.cache_children import CacheChild, Deployment
from builders.fault_proxy import FaultProxy
from builders.redis_server import RedisServer, comes_true

TIMEOUT = 0.6
RETRY = 0.25
KNOWN = {"hr.employees": [{"id": "E1"}], "hr.titles": ["Clerk"]}
AWAY, BACK = "redis: cache level away", "redis: cache level back"
READ_ONLY = ("full", "read-only replica")
"""It takes no writes: away for a process from its first write on, and told later what was written."""
HOW = ["killed", "frozen", "refusing", "garbage", "loading", *READ_ONLY]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        yield server


@pytest.fixture
def proxy(server: RedisServer) -> Iterator[FaultProxy]:
    with FaultProxy(server.port) as proxy:
        yield proxy


@pytest.fixture
def deployment(proxy: FaultProxy, tmp_path: Path) -> Deployment:
    return Deployment(tmp_path, proxy.port, timeout_ms=int(TIMEOUT * 1000), retry_seconds=RETRY)


@contextmanager
def outage(how: str, server: RedisServer, proxy: FaultProxy) -> Iterator[None]:
    """Away between ``with`` and its end."""
    with ExitStack() as mend:
        if how == "killed":
            server.kill()
            mend.callback(server.start)
        elif how == "frozen":
            server.freeze()
            mend.callback(server.thaw)
        elif how == "refusing":
            server.ask("CONFIG", "SET", "requirepass", "changed")
            server.password = "changed"
            server.ask("CLIENT", "KILL", "TYPE", "normal")
            mend.callback(setattr, server, "password", "")
            mend.callback(server.ask, "CONFIG", "SET", "requirepass", "")
        elif how == "full":
            server.ask("CONFIG", "SET", "maxmemory", "1")
            mend.callback(server.ask, "CONFIG", "SET", "maxmemory", "0")
        elif how == "read-only replica":
            server.ask("REPLICAOF", server.host, "1")
            mend.callback(server.ask, "REPLICAOF", "NO", "ONE")
        else:
            mend.callback(proxy.cut)  # the middle of an answer is the beginning of none
            mend.callback(proxy.pass_on)
            proxy.replace(
                b"-LOADING Redis is loading the dataset in memory\r\n" if how == "loading" else b"\x00HTTP?\r\n"
            )
        yield


@pytest.mark.parametrize("how", HOW)
def test_nobody_who_reads_or_writes_notices(
    how: str, server: RedisServer, proxy: FaultProxy, deployment: Deployment
) -> None:
    with CacheChild(deployment) as busy, CacheChild(deployment) as fresh:
        for name, value in KNOWN.items():
            busy.ask("save", name, value)
        busy.ask("read_on", KNOWN)
        with outage(how, server, proxy):
            if how in READ_ONLY:
                assert comes_true(lambda: owed(busy) > 0)
                assert fresh.ask("level", "hr.employees") == "redis", "who only reads is answered"
                assert comes_true(lambda: busy.ask("told")[:1] == [AWAY]), busy.ask("told")
            else:
                assert comes_true(lambda: busy.ask("told") == [AWAY]), busy.ask("told")
                serves_from_files(fresh)
            assert busy.ask("read_missing", 200) < TIMEOUT / 2, "nobody waits for it again"
        mended_at = time.monotonic()
        assert busy.ask("until_up") - mended_at < RETRY + 1
        report = busy.ask("stop_reading")
        assert (report["errors"], report["wrong"]) == ([], [])
        assert report["reads"] > 10
        assert busy.ask("told") == [AWAY, BACK], "once each"
        assert busy.ask("stats")["degraded"] is False
        in_use(server, busy)


def owed(child: CacheChild) -> int:
    """What Redis has still to be told."""
    return int(child.ask("stats")["levels"][1]["pending"])


def serves_from_files(fresh: CacheChild) -> None:
    """A process that has nothing in memory, and meets the outage at its first question."""
    for name, value in KNOWN.items():
        assert fresh.ask("level", name) == "file"
        assert fresh.ask("get", name) == value
    assert fresh.ask("told") == [AWAY]
    assert fresh.ask("stats")["degraded"] is True


def in_use(server: RedisServer, child: CacheChild) -> None:
    """Redis has what is written now, and had what was written meanwhile."""
    assert server.ask("EXISTS", "acme:v1:hr:turns:mine0") == 1
    child.ask("save", "hr.after", 1)
    assert server.ask("EXISTS", "acme:v1:hr:after:_") == 1


@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_the_first_read_of_an_outage_costs_one_time_out(
    how: str, server: RedisServer, proxy: FaultProxy, deployment: Deployment
) -> None:
    patient = replace(deployment, retry_seconds=60.0)
    with CacheChild(patient) as child:
        child.ask("save", "hr.employees", 1)
        with outage(how, server, proxy):
            slowest = child.ask("read_missing", 1)
            assert (0.9 * TIMEOUT if how == "frozen" else 0) < slowest < TIMEOUT + 1
            assert child.ask("read_missing", 200) < TIMEOUT / 2


def test_what_was_missed_is_replayed_and_the_others_hear_of_it(
    server: RedisServer, proxy: FaultProxy, deployment: Deployment, tmp_path: Path
) -> None:
    """Two hosts, one of which is cut off for a while."""
    elsewhere = replace(deployment, folder=tmp_path / "elsewhere", port=server.port)
    elsewhere.folder.mkdir()
    with CacheChild(deployment) as cut_off, CacheChild(elsewhere) as other:
        for key in ("E1", "E2", "E3"):
            cut_off.ask("save", "hr.employees", "old", key)
            cut_off.ask("save", "hr.titles", "old", key)
            other.ask("until", "hr.employees", "old", key)
            other.ask("until", "hr.titles", "old", key)
        with outage("garbage", server, proxy):
            cut_off.ask("save", "hr.employees", "new", "E1")
            cut_off.ask("invalidate", "hr.employees/E2")
            cut_off.ask("invalidate", "hr:employees:*3")
            cut_off.ask("invalidate", "hr.titles")
            assert cut_off.ask("told") == [AWAY]
            assert other.ask("get", "hr.employees", "E1") == "old", "it cannot know"
        mended_at = time.monotonic()
        came = [other.ask("until", "hr.employees", "new", "E1")]
        came += [other.ask("until", "hr.employees", None, key) for key in ("E2", "E3")]
        came += [other.ask("until", "hr.titles", None, key) for key in ("E1", "E2", "E3")]
        assert max(came) - mended_at < RETRY + 1
        assert cut_off.ask("get", "hr.employees", "E1") == "new"
        assert [level["pending"] for level in cut_off.ask("stats")["levels"]] == [0, 0, 0]


def test_who_was_cut_off_serves_nothing_that_changed_meanwhile(
    server: RedisServer, proxy: FaultProxy, deployment: Deployment, tmp_path: Path
) -> None:
    elsewhere = replace(deployment, folder=tmp_path / "elsewhere", port=server.port)
    elsewhere.folder.mkdir()
    with CacheChild(deployment) as cut_off, CacheChild(elsewhere) as other:
        cut_off.ask("save", "hr.employees", "old")
        cut_off.ask("save", "hr.titles", "old")
        with outage("garbage", server, proxy):
            assert cut_off.ask("read_missing", 1) < TIMEOUT + 1
            assert cut_off.ask("told") == [AWAY]
            other.ask("save", "hr.employees", "new")
            other.ask("invalidate", "hr.titles")
        mended_at = time.monotonic()
        came = [cut_off.ask("until", "hr.employees", "new"), cut_off.ask("until", "hr.titles", None)]
        assert max(came) - mended_at < RETRY + 1
        assert cut_off.ask("level", "hr.titles") is None, "nor do its files"
