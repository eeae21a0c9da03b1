"""The health check of the Redis level: status, what it tells, and the fix."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import busway_cache_redis
from builders.fault_proxy import FaultProxy
from builders.redis_server import RedisServer
from busway.contracts.health import HealthResult
from busway.contracts.plugins import PluginContext
from busway.contracts.settings import Secret
from busway_cache_redis.settings import RedisSettings


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        yield server


def check(server: RedisServer, **settings: Any) -> HealthResult:
    usual: dict[str, Any] = {"host": server.host, "port": server.port, "timeout_ms": 2_000}
    context = PluginContext("redis", RedisSettings(**(usual | settings)))
    (found,) = busway_cache_redis.busway_health_checks(context)
    assert (found.name, found.online) == ("redis.ping", True)
    return found.run()


def test_a_server_that_is_well(server: RedisServer) -> None:
    result = check(server)
    version = server.ask("INFO", "server")["redis_version"]
    assert result == HealthResult("ok", f"Redis {version} at {server.host}:{server.port} answers")


def test_nothing_is_left_open(server: RedisServer) -> None:
    for _ in range(3):
        check(server)
    assert server.ask("INFO", "clients")["connected_clients"] == 1


@pytest.mark.parametrize(
    ("policy", "maxmemory", "status", "detail"),
    [
        ("noeviction", "0", "ok", "answers"),
        ("noeviction", "100mb", "degraded", "refuses writes when its memory is full"),
        ("volatile-lru", "100mb", "ok", "answers"),
        ("allkeys-lru", "100mb", "degraded", "may forget leases and quotas"),
    ],
)
def test_what_happens_when_its_memory_is_full(
    server: RedisServer, policy: str, maxmemory: str, status: str, detail: str
) -> None:
    server.ask("CONFIG", "SET", "maxmemory-policy", policy)
    server.ask("CONFIG", "SET", "maxmemory", maxmemory)
    result = check(server)
    assert result.status == status
    assert detail in result.detail
    assert ("maxmemory-policy volatile-lru" in result.fix) == (status == "degraded")


def test_a_replica(server: RedisServer) -> None:
    server.ask("REPLICAOF", "127.0.0.1", "1")
    result = check(server)
    assert result.status == "degraded"
    assert "read-only replica" in result.detail
    assert "primary" in result.fix


def test_a_server_that_is_too_old(server: RedisServer) -> None:
    with FaultProxy(server.port) as proxy:
        proxy.answer = lambda client, data: client.sendall(data.replace(b"redis_version:6.", b"redis_version:4."))
        result = check(server, port=proxy.port)
    assert result.status == "degraded"
    assert "Redis 4.2" in result.detail
    assert "too old" in result.detail


def test_a_user_who_may_not_ask_for_more(server: RedisServer) -> None:
    server.ask("ACL", "SETUSER", "shy", "on", ">pw", "~*", "+@all", "-info")
    assert check(server, username="shy", password=Secret("pw")).status == "ok"


def test_credentials_that_are_refused(server: RedisServer) -> None:
    result = check(server, username="nobody", password=Secret("hunter2"))
    assert result.status == "failed"
    assert "refused the credentials" in result.detail
    assert "REDIS_PASSWORD" in result.fix
    assert "hunter2" not in repr(result)


def test_a_server_that_is_away(server: RedisServer) -> None:
    server.kill()
    result = check(server)
    assert result.status == "failed"
    assert "Connection refused" in result.detail
    assert "REDIS_HOST" in result.fix


@pytest.mark.parametrize("garbage", [b"+HELLO\r\n", b"HTTP/1.1 400\r\n"])
def test_something_else_at_its_port(server: RedisServer, garbage: bytes) -> None:
    with FaultProxy(server.port) as proxy:
        proxy.replace(garbage)
        result = check(server, port=proxy.port)
    assert result.status == "failed"
    assert "as Redis does" in result.detail


def test_a_url_that_is_none(server: RedisServer) -> None:
    result = check(server, url=Secret("hunter2"))
    assert result.status == "failed"
    assert "REDIS_URL" in result.detail
    assert "hunter2" not in repr(result)
