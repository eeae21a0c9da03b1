"""The Redis level over TLS: trusted or not, the name checked, sensitive data allowed."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from builders.redis_caches import OpenCache, opened_caches
from builders.redis_server import RedisServer, comes_true
from builders.tls_proxy import TlsProxy
from busway.contracts.settings import Secret
from busway.errors import ConfigurationError, UnreachableError
from busway_cache_redis import conversation


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis"), password="pw") as server:
        yield server


@pytest.fixture
def open_cache(server: RedisServer) -> Iterator[OpenCache]:
    with opened_caches(server) as open_one:
        yield open_one


@pytest.fixture
def proxy(server: RedisServer, tmp_path: Path) -> Iterator[TlsProxy]:
    with TlsProxy(server.port, tmp_path) as proxy:
        yield proxy


def test_everything_works_over_tls(proxy: TlsProxy, open_cache: OpenCache) -> None:
    cache = open_cache(port=proxy.port, tls=True, ca_file=proxy.ca_file, password=Secret("pw"))
    large = bytes(range(256)) * 8_000
    assert cache.stores_in_clear is False
    cache.set("k", large, 60)
    assert cache.get("k") == large
    assert list(cache.scan("*")) == ["k"]
    inbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    cache.subscribe(inbox.put)
    for number in range(20):
        cache.publish(b"%d" % number * 10_000)
    assert [inbox.get(timeout=10) for _ in range(20)] == [b"%d" % number * 10_000 for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        assert [*pool.map(lambda number: cache.get("k"), range(40))] == [large] * 40
    cache.acquire_lock("l", "me", 30)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(cache.wait_lock, "l", 30)
        assert comes_true(lambda: cache.client.ask("PUBSUB", "NUMSUB", b"acme:~lock:0:l")[1] == 1)
        cache.release_lock("l", "me")
        assert waiting.result(10) is True
    cache.close()


def test_by_url(proxy: TlsProxy, open_cache: OpenCache) -> None:
    cache = open_cache(url=Secret(f"rediss://:pw@{proxy.host}:{proxy.port}"), ca_file=proxy.ca_file)
    cache.set("by url", b"1", 60)
    assert cache.get("by url") == b"1"
    cache.close()


def test_a_certificate_nobody_vouches_for_is_refused(
    server: RedisServer, proxy: TlsProxy, open_cache: OpenCache, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    with TlsProxy(server.port, tmp_path / "other") as other:
        for ca_file in (None, other.ca_file):
            cache = open_cache(port=proxy.port, tls=True, ca_file=ca_file, password=Secret("pw"))
            with pytest.raises(UnreachableError, match="BW2031") as caught:
                cache.get("k")
            assert "certificate is not trusted" in caught.value.problem.why


def test_a_certificate_of_somebody_else_is_refused(server: RedisServer, open_cache: OpenCache, tmp_path: Path) -> None:
    with TlsProxy(server.port, tmp_path, name="redis.example.test") as proxy:
        cache = open_cache(port=proxy.port, tls=True, ca_file=proxy.ca_file, password=Secret("pw"))
        with pytest.raises(UnreachableError, match="BW2031") as caught:
            cache.get("k")
        assert "not trusted" in caught.value.problem.why


def test_a_server_without_tls_is_refused(server: RedisServer, open_cache: OpenCache) -> None:
    cache = open_cache(tls=True, password=Secret("pw"), timeout_ms=300)
    with pytest.raises(UnreachableError, match=r"BW2031|BW2006"):
        cache.get("k")


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_file_of_authorities_that_is_none(open_cache: OpenCache, tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    cache = open_cache(tls=True, ca_file=file)
    with pytest.raises(ConfigurationError, match="BW2030") as caught:
        cache.get("k")
    assert str(file) in caught.value.problem.where


def test_a_relative_file_begins_at_the_root(proxy: TlsProxy, tmp_path: Path) -> None:
    from busway_cache_redis.cache import RedisCache
    from busway_cache_redis.settings import RedisSettings

    settings: dict[str, Any] = {"host": proxy.host, "port": proxy.port, "tls": True, "password": Secret("pw")}
    cache = RedisCache(RedisSettings(**settings, ca_file=Path(proxy.ca_file.name)), "acme", tmp_path)
    assert cache.get("nothing") is None
    cache.close()


def test_many_connections_read_the_authorities_once(
    proxy: TlsProxy, open_cache: OpenCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ssl

    made: list[Any] = []
    real = ssl.create_default_context

    def counted(**options: Any) -> ssl.SSLContext:
        made.append(options)
        return real(**options)

    monkeypatch.setattr(ssl, "create_default_context", counted)
    cache = open_cache(port=proxy.port, tls=True, ca_file=proxy.ca_file, password=Secret("pw"))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: cache.get("k"), range(64)))
    assert proxy.accepted >= 2
    assert len(made) == 1
    cache.close()


def test_a_frozen_handshake_ends(open_cache: OpenCache) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        cache = open_cache(port=silent.getsockname()[1], tls=True, timeout_ms=100)
        with pytest.raises(UnreachableError, match="BW2006") as caught:
            cache.get("k")
    assert caught.value.problem.why == "no answer in time"


def test_the_silence_of_a_tls_connection_is_noticed(
    proxy: TlsProxy, open_cache: OpenCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "HEARTBEAT_SECONDS", 0.05)
    cache = open_cache(port=proxy.port, tls=True, ca_file=proxy.ca_file, password=Secret("pw"), timeout_ms=300)
    inbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    cache.subscribe(inbox.put)
    accepted = proxy.accepted
    proxy.half_open()
    assert comes_true(lambda: proxy.accepted > accepted)
    proxy.pass_on()
    assert inbox.get(timeout=10) == b""
    cache.close()
