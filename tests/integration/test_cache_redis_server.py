"""The Redis level against a real server: entries, keys, patterns, errors and what it costs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pluggy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import busway_cache_redis
from builders.redis_caches import OpenCache, opened_caches
from builders.redis_server import RedisServer
from busway import hookspecs
from busway.contracts.plugins import PluginContext
from busway.contracts.settings import Secret
from busway.data.names import escape_glob, glob_regex
from busway.errors import ConfigurationError, UnreachableError
from busway_cache_redis.cache import RedisCache
from busway_cache_redis.settings import RedisSettings

PASSWORD = "s3cret/with@odd:parts"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    folder = tmp_path_factory.mktemp("redis")
    socket = ("--unixsocket", str(folder / "redis.sock"))
    with RedisServer(folder, password=PASSWORD, options=socket) as server:
        yield server


@pytest.fixture
def open_cache(server: RedisServer) -> Iterator[OpenCache]:
    server.ask("FLUSHALL")
    with opened_caches(server) as open_one:
        yield lambda *app, **given: open_one(*app, **({"password": Secret(PASSWORD)} | given))


def context_for(server: RedisServer, **settings: Any) -> PluginContext[RedisSettings]:
    usual: dict[str, Any] = {"host": server.host, "port": server.port, "password": Secret(PASSWORD), "timeout_ms": 5000}
    return PluginContext("redis", RedisSettings(**(usual | settings)), app="acme")


def test_a_url_replaces_the_other_settings(server: RedisServer, open_cache: OpenCache) -> None:
    url = f"redis://default:s3cret%2Fwith%40odd%3Aparts@{server.host}:{server.port}/3"
    by_parts, other_db = open_cache(db=3), open_cache(db=4)
    by_url = open_cache(url=Secret(url), host="nowhere.invalid", password=Secret("replaced"))
    by_parts.set("k", b"1", 60)
    assert (by_url.get("k"), other_db.get("k")) == (b"1", None)


def test_a_unix_socket(server: RedisServer, open_cache: OpenCache) -> None:
    path = server.ask("CONFIG", "GET", "unixsocket")[1].decode()
    cache = open_cache(url=Secret(f"unix://:s3cret%2Fwith%40odd%3Aparts@{path}"))
    cache.set("k", b"1", 60)
    assert (cache.get("k"), cache.stores_in_clear) == (b"1", False)
    gone = open_cache(url=Secret("unix:///nowhere/redis.sock"))
    with pytest.raises(UnreachableError, match="BW2006") as caught:
        gone.get("k")
    assert caught.value.problem.where == "/nowhere/redis.sock"


@pytest.mark.parametrize(
    ("settings", "code", "why"),
    [
        ({"password": Secret("wrong-password")}, "BW2027", "it refused the credentials"),
        ({"username": "nobody"}, "BW2027", "it refused the credentials"),
        ({"password": None}, "BW2027", "it refused the credentials"),
        ({"db": 99}, "BW2006", "it refused the command"),
        ({"port": 1}, "BW2006", "no connection (Connection refused)"),
        ({"host": "nowhere.invalid"}, "BW2006", "no connection"),
    ],
)
def test_an_error_names_the_server_and_never_the_password(
    server: RedisServer, open_cache: OpenCache, settings: dict[str, Any], code: str, why: str
) -> None:
    cache = open_cache(**settings)
    for _ in range(2):
        with pytest.raises(UnreachableError, match=code) as caught:
            cache.get("k")
        assert caught.value.problem.where == f"{settings.get('host', server.host)}:{settings.get('port', server.port)}"
        assert caught.value.problem.why.startswith(why)
        assert caught.value.problem.fix
        assert PASSWORD not in caught.value.render()
        assert "wrong-password" not in caught.value.render()


def test_a_url_that_is_none_is_told_at_the_first_use() -> None:
    cache = RedisCache(RedisSettings(url=Secret("no url")))
    for ask in (lambda: cache.get("k"), lambda: cache.subscribe(print), cache.coordinator):
        with pytest.raises(ConfigurationError, match="BW2011"):
            ask()
    cache.close()


@pytest.mark.parametrize(("seconds", "least", "most"), [(0.0001, 0, 1), (1e12, 3e11, 4e11), (1.5, 1000, 1500)])
def test_the_server_forgets_in_time(
    server: RedisServer, open_cache: OpenCache, seconds: float, least: float, most: float
) -> None:
    open_cache().set("k", b"1", seconds)
    left = server.ask("PTTL", "k")
    assert left == -2 or least <= left <= most


@pytest.mark.parametrize(
    "key", ["a b", "é漢😀", "line\r\nbreak", "\0", "x" * 10_000, "\udc80", "%", "$3\r\nGET\r\n", "[a]*?\\"]
)
def test_hostile_keys_are_keys(open_cache: OpenCache, key: str) -> None:
    cache = open_cache()
    cache.set(key, b"1", 60)
    assert (cache.get(key), cache.get(f"{key}2")) == (b"1", None)
    assert list(cache.scan("*")) == [key]
    assert list(cache.scan(escape_glob(key))) == [key]
    assert (cache.delete(key), cache.delete(key)) == (True, False)


PIECES = st.sampled_from(
    ["a", "b", "é", "漢", "\\", "*", "?", "[", "]", "[ab]", "[!a]", "[a-c]", "^", "-", "[^a]", "\n"]
)
KEYS = st.lists(st.text(st.sampled_from("abcé漢\\*?[]^-!\n"), min_size=1, max_size=5), max_size=8, unique=True)


@given(keys=KEYS, pattern=st.lists(PIECES, max_size=5).map("".join))
@settings(max_examples=150, deadline=None)
def test_patterns_mean_the_same_on_every_level(server: RedisServer, keys: list[str], pattern: str) -> None:
    with opened_caches(server) as open_one:
        cache = open_one(password=Secret(PASSWORD))
        server.ask("FLUSHALL")
        for key in keys:
            cache.set(key, b"1", 60)
        matches = glob_regex(pattern).match
        assert sorted(cache.scan(pattern)) == sorted(key for key in keys if matches(key))


def test_many_stars_cost_no_more_than_one(open_cache: OpenCache) -> None:
    cache = open_cache(timeout_ms=2_000)
    cache.set("a" * 2_000, b"1", 60)
    assert list(cache.scan("*" * 200 + "b")) == []
    assert list(cache.scan("*" * 200)) == ["a" * 2_000]


def test_what_is_no_entry_is_undecodable_and_no_outage(server: RedisServer, open_cache: OpenCache) -> None:
    cache = open_cache()
    server.ask("LPUSH", "k", "somebody else's")
    assert cache.get("k") == b""
    cache.set("k", b"ours", 60)
    assert cache.get("k") == b"ours"


def test_a_connection_asks_nothing_of_its_own(server: RedisServer, open_cache: OpenCache) -> None:
    server.forget_commands()
    cache = open_cache()
    cache.set("k", b"1", 60)
    cache.get("k")
    assert server.commands() == {"set": 1, "get": 1}, "but for AUTH"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: cache.get("k"), range(100)))
    assert server.commands() == {"set": 1, "get": 101}


def test_scripts_are_sent_once(server: RedisServer, open_cache: OpenCache) -> None:
    server.ask("SCRIPT", "FLUSH")
    server.forget_commands()
    for number in range(5):
        open_cache().raise_generation("k", number)
    commands = server.commands()
    assert (commands["evalsha"], commands["eval"]) == (5, 1)
    server.ask("SCRIPT", "FLUSH")
    assert open_cache().raise_generation("k", 9) == 9


def test_connections_are_shared_and_bounded(server: RedisServer, open_cache: OpenCache) -> None:
    before = server.ask("INFO", "stats")["total_connections_received"]
    cache = open_cache(max_connections=3)
    with ThreadPoolExecutor(12) as pool:
        assert [*pool.map(lambda number: cache.get("k"), range(600))] == [None] * 600
    after = server.ask("INFO", "stats")["total_connections_received"]
    assert after - before <= 3 + 1


def test_close_gives_every_connection_back(server: RedisServer, open_cache: OpenCache) -> None:
    def connected() -> int:
        return int(server.ask("INFO", "clients")["connected_clients"])

    before = connected()
    cache = open_cache()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: cache.get("k"), range(100)))
    cache.subscribe(lambda message: None)
    assert connected() > before
    cache.close()
    assert connected() <= before
    assert cache.get("k") is None, "a late question is answered all the same"
    assert connected() <= before, "and leaves nothing open"
    cache.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_leaves_the_connections_of_its_parent_alone(open_cache: OpenCache) -> None:
    cache = open_cache()
    for key in ("a", "b"):
        cache.set(key, key.encode() * 50_000, 60)
    children = []
    for _ in range(3):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                right = all(cache.get("a") == b"a" * 50_000 and cache.get("b") == b"b" * 50_000 for _ in range(100))
                status = 0 if right else 2
            finally:
                os._exit(status)
        children.append(child)
    assert all(cache.get("b") == b"b" * 50_000 and cache.get("a") == b"a" * 50_000 for _ in range(100))
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0, 0]


def test_the_package_is_a_plugin_that_connects_late(server: RedisServer) -> None:
    host = pluggy.PluginManager("busway")
    host.add_hookspecs(hookspecs)
    host.register(busway_cache_redis)
    host.check_pending()
    assert host.hook.busway_settings() == [RedisSettings]
    (unused,) = host.hook.busway_cache_backend(context=context_for(server, host="nowhere.invalid"))
    assert unused.stores_in_clear is True
    unused.close()
    (used,) = host.hook.busway_cache_backend(context=context_for(server))
    used.acquire_lock("k", "me", 30)
    used.close()
    assert b"acme:\xfflock:k" in server.ask("KEYS", "*"), "under the name of the app"


def test_the_library_is_loaded_at_the_first_use() -> None:
    code = (
        "import sys, busway_cache_redis; from busway.contracts.plugins import PluginContext;"
        "from busway_cache_redis.settings import RedisSettings;"
        "level = busway_cache_redis.busway_cache_backend(PluginContext('redis', RedisSettings()));"
        "level.stores_in_clear; level.close(); sys.exit('redis' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_settings_are_masked() -> None:
    settings = RedisSettings(url=Secret("redis://:hunter2@h"), password=Secret("hunter2"))
    assert "hunter2" not in repr(settings) + settings.model_dump_json()
    assert "hunter2" not in repr(vars(RedisCache(settings)))


def test_a_folder_is_no_part_of_the_address(tmp_path: Path) -> None:
    assert RedisCache(RedisSettings(ca_file=Path("ca.pem")), "acme", tmp_path).stores_in_clear is False
