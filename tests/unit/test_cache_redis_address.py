"""Where the server is, who we are there, and whether anybody can listen on the way."""

from __future__ import annotations

import string
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busway.contracts.settings import Secret
from busway.errors import ConfigurationError
from busway_cache_redis.address import Address, address_of, credentials_of
from busway_cache_redis.cache import RedisCache
from busway_cache_redis.settings import RedisSettings


def by_url(url: str) -> RedisSettings:
    return RedisSettings(url=Secret(url), host="replaced.invalid", password=Secret("replaced"), db=9, tls=True)


@pytest.mark.parametrize(
    ("url", "address", "credentials"),
    [
        ("redis://cache", Address("cache", 6379), ()),
        ("redis://cache/", Address("cache", 6379), ()),
        ("  redis://cache:7000/3\n", Address("cache", 7000, db=3), ()),
        ("rediss://:s%2Fx%40@cache", Address("cache", 6379, tls=True), ("s/x@",)),
        ("redis://me:it@[::1]:7000/0", Address("::1", 7000), ("me", "it")),
        ("redis://me@cache", Address("cache", 6379), ("me", "")),
        ("unix:///run/redis.sock", Address(path="/run/redis.sock"), ()),
        ("unix://me:it@/run/a%20b.sock", Address(path="/run/a b.sock"), ("me", "it")),
    ],
)
def test_a_url_says_everything(url: str, address: Address, credentials: tuple[str, ...]) -> None:
    assert (address_of(by_url(url)), credentials_of(by_url(url))) == (address, credentials)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "redis://",
        "cache:6379",
        "http://cache",
        "redis://:hunter2@cache:99999",
        "redis://:hunter2@cache:x",
        "redis://:hunter2@cache/x",
        "redis://:hunter2@cache/-1",
        "redis://:hunter2@cache/0?socket_timeout=9",
        "redis://:hunter2@cache#hunter2",
        "redis://:hunter2@[cache",
        "unix://:hunter2@/",
    ],
)
def test_what_is_no_url_is_refused_without_showing_it(url: str) -> None:
    for ask in (address_of, credentials_of):
        with pytest.raises(ConfigurationError, match="BW2011") as caught:
            ask(by_url(url))
        error: BaseException | None = caught.value
        while error is not None:
            assert "hunter2" not in repr(error)
            error = error.__cause__ or error.__context__


@given(st.text(min_size=1), st.text(min_size=1))
def test_any_password_can_be_written_in_a_url(user: str, password: str) -> None:
    url = f"redis://{quote(user, safe='')}:{quote(password, safe='')}@cache"
    assert credentials_of(by_url(url)) == (user, password)


@given(st.text(string.printable))
def test_no_url_does_more_than_be_refused(text: str) -> None:
    try:
        outcome = address_of(by_url(f"redis://{text}")).host
    except ConfigurationError as error:
        outcome = error.code
    assert outcome


def test_the_settings_say_the_same() -> None:
    settings = RedisSettings(host="cache", port=7000, db=3, tls=True, username="me", password=Secret("it"))
    assert address_of(settings) == Address("cache", 7000, db=3, tls=True)
    assert credentials_of(settings) == ("me", "it")
    assert credentials_of(RedisSettings(username="me")) == ("me", "")
    assert credentials_of(RedisSettings(password=Secret("it"))) == ("it",)


@pytest.mark.parametrize(
    ("address", "shown"),
    [(Address("h", 1), "h:1"), (Address("::1", 1), "[::1]:1"), (Address(path="/a/b"), "/a/b")],
)
def test_an_address_is_shown_as_people_write_it(address: Address, shown: str) -> None:
    assert str(address) == shown


@pytest.mark.parametrize(
    ("settings", "clear"),
    [
        ({}, False),
        ({"host": "LOCALHOST"}, False),
        ({"host": "127.0.0.1"}, False),
        ({"host": "127.8.0.1"}, False),
        ({"host": "::1"}, False),
        ({"host": "redis.internal", "tls": True}, False),
        ({"url": Secret("rediss://redis.internal")}, False),
        ({"url": Secret("unix:///run/redis.sock")}, False),
        ({"host": "redis.internal"}, True),
        ({"host": "10.0.0.1"}, True),
        ({"host": "0.0.0.0"}, True),
        ({"host": "::"}, True),
        ({"host": "localhost.example.test"}, True),
        ({"host": "127.0.0.1.example.test"}, True),
        ({"url": Secret("redis://redis.internal")}, True),
        ({"url": Secret("redis://redis.internal"), "tls": True}, True),
        ({"url": Secret("no url")}, True),
    ],
)
def test_only_what_nobody_can_listen_to_is_safe_for_sensitive_data(settings: dict[str, Any], clear: bool) -> None:
    assert RedisCache(RedisSettings(**settings)).stores_in_clear is clear


def test_what_a_vault_does_not_tell_in_time_is_taken_for_unsafe() -> None:
    answers: list[str | Exception] = [ConfigurationError("BW1201", "no answer"), "rediss://cache"]

    def resolve() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    cache = RedisCache(RedisSettings(url=Secret(resolve)))
    assert (cache.stores_in_clear, str(cache.client.address), cache.stores_in_clear) == (True, "cache:6379", True)


def test_a_server_does_not_move_when_its_password_does() -> None:
    url = ["rediss://:one@cache"]
    cache = RedisCache(RedisSettings(url=Secret(lambda: url[0])))
    assert cache.stores_in_clear is False
    url[0] = "redis://:two@elsewhere"
    assert (cache.stores_in_clear, str(cache.client.address)) == (False, "cache:6379")
