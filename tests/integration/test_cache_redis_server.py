"""The Redis level against a real server: addresses, credentials and what its errors tell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pluggy
import pytest

import busway_cache_redis
from builders.redis_server import RedisServer
from busway import hookspecs
from busway.contracts.plugins import PluginContext
from busway.contracts.settings import Secret
from busway.errors import ConfigurationError, UnreachableError
from busway_cache_redis.cache import RedisCache
from busway_cache_redis.settings import RedisSettings

PASSWORD = "s3cret/with@odd:parts"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis"), password=PASSWORD) as server:
        yield server


def settings_for(server: RedisServer, **settings: Any) -> RedisSettings:
    usual: dict[str, Any] = {"host": server.host, "port": server.port, "password": Secret(PASSWORD), "timeout_ms": 5000}
    return RedisSettings(**(usual | settings))


def test_a_url_replaces_the_other_settings(server: RedisServer) -> None:
    by_parts = RedisCache(settings_for(server, db=3))
    url = f"redis://default:s3cret%2Fwith%40odd%3Aparts@{server.host}:{server.port}/3"
    by_url = RedisCache(RedisSettings(url=Secret(url), host="nowhere.invalid"))
    other_db = RedisCache(settings_for(server, db=4))
    by_parts.set("k", b"1", 60)
    assert (by_url.get("k"), other_db.get("k")) == (b"1", None)
    for cache in (by_parts, by_url, other_db):
        cache.close()


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"password": Secret("wrong-password")}, "it refused the credentials"),
        ({"username": "nobody"}, "it refused the credentials"),
        ({"password": None}, "it refused the credentials"),
        ({"db": 99}, "it refused the command"),
        ({"port": 1}, "no connection"),
        ({"host": "nowhere.invalid"}, "no connection"),
    ],
)
def test_an_error_names_the_server_and_never_the_password(
    server: RedisServer, settings: dict[str, Any], why: str
) -> None:
    used = settings_for(server, **settings)
    cache = RedisCache(used)
    with pytest.raises(UnreachableError, match="BW2006") as caught:
        cache.get("k")
    cache.close()
    assert caught.value.problem.where == f"{used.host}:{used.port}"
    assert caught.value.problem.why.startswith(why)
    assert caught.value.problem.fix
    assert PASSWORD not in caught.value.render()
    assert "wrong-password" not in caught.value.render()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:6379",
        "http://h:1",
        "redis://",
        "redis://:hunter2@h:99999",
        "redis://:hunter2@h:x",
        "redis://:hunter2@h?socket_timeout=9",
        "redis://:hunter2@h/0#x",
    ],
)
def test_a_url_that_is_none_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigurationError, match="BW2011") as caught:
        RedisCache(RedisSettings(url=Secret(url))).get("k")
    error: BaseException | None = caught.value
    while error is not None:
        assert "hunter2" not in repr(error)
        error = error.__cause__ or error.__context__


def test_a_time_to_live_below_a_millisecond_is_still_one(server: RedisServer) -> None:
    cache = RedisCache(settings_for(server))
    cache.set("k", b"1", 0.0001)
    cache.set("long", b"1", 1e12)
    assert cache.get("long") == b"1"
    cache.close()


def test_the_package_is_a_plugin_that_connects_late(server: RedisServer) -> None:
    host = pluggy.PluginManager("busway")
    host.add_hookspecs(hookspecs)
    host.register(busway_cache_redis)
    host.check_pending()
    assert host.hook.busway_settings() == [RedisSettings]
    (unused,) = host.hook.busway_cache_backend(context=PluginContext("redis", RedisSettings(host="nowhere.invalid")))
    unused.close()
    context = PluginContext("redis", settings_for(server))
    ((check,),) = host.hook.busway_health_checks(context=context)
    assert (check.name, check.online) == ("redis.ping", True)
    assert check.run().status == "ok"


def test_the_health_check_tells_what_is_wrong(server: RedisServer) -> None:
    context = PluginContext("redis", settings_for(server, password=Secret("wrong")))
    (check,) = busway_cache_redis.busway_health_checks(context)
    result = check.run()
    assert result.status == "failed"
    assert "refused the credentials" in result.detail
    assert "REDIS_PASSWORD" in result.fix


def test_tls_is_asked_for(server: RedisServer, tmp_path: Path) -> None:
    cache = RedisCache(settings_for(server, tls=True, timeout_ms=300))
    with pytest.raises(UnreachableError, match="BW2006"):
        cache.get("k")  # the server speaks none: an unencrypted answer is not accepted
    cache.close()


def test_settings_are_masked() -> None:
    settings = RedisSettings(url=Secret("redis://:hunter2@h"), password=Secret("hunter2"))
    assert "hunter2" not in repr(settings) + settings.model_dump_json()
