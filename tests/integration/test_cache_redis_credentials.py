"""Passwords and users of the Redis level: read from the secret chain whenever a connection is made."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from builders.redis_caches import OpenCache, opened_caches
from builders.redis_server import RedisServer
from busway.cli.explain import page_of
from busway.contracts.settings import Secret
from busway.errors import ConfigurationError, UnreachableError

RIGHTS = re.search(r"'>PASSWORD' (.*)`", page_of("BW2027"))[1].replace("'", "").split()  # type: ignore[index]
"""Those the page tells to give the app ``acme``."""


@pytest.fixture
def server(tmp_path: Any) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        server.ask("ACL", "SETUSER", "app", "on", ">first", *RIGHTS)
        yield server


@pytest.fixture
def open_cache(server: RedisServer) -> Iterator[OpenCache]:
    with opened_caches(server) as open_one:
        yield open_one


class Vault:
    """Hands out the password it has now, and counts how often it was asked."""

    def __init__(self, password: str) -> None:
        self.password = password
        self.asked = 0

    def secret(self) -> Secret:
        return Secret(self._resolve)

    def _resolve(self) -> str:
        self.asked += 1
        return self.password


def rotate(server: RedisServer, password: str) -> None:
    """The server takes the new password only, and everybody has to show it."""
    server.ask("ACL", "SETUSER", "app", "resetpass", f">{password}")
    server.ask("CLIENT", "KILL", "USER", "app")


def test_a_user_of_the_access_list(open_cache: OpenCache) -> None:
    cache = open_cache(username="app", password=Secret("first"))
    cache.set("acme:v1:d:e:1", b"1", 60)
    assert cache.get("acme:v1:d:e:1") == b"1"
    assert list(cache.scan("acme:*")) == ["acme:v1:d:e:1"]
    assert cache.acquire_lock("acme:v1:d:e:1", "me", 30), "everything of ours begins with the name of the app"
    assert cache.raise_generation("acme:v1:d", 5) == 5
    assert cache.release_lock("acme:v1:d:e:1", "me")
    cache.subscribe(lambda message: None)
    cache.publish(b"x")
    assert cache.coordinator().acquire("l", "me", 30)


def test_what_the_user_may_not_do_is_told(open_cache: OpenCache) -> None:
    cache = open_cache(username="app", password=Secret("first"))
    with pytest.raises(UnreachableError, match="BW2027") as caught:
        cache.get("elsewhere:v1:d:e:1")
    assert caught.value.problem.why == "the user may not do this"
    assert "first" not in caught.value.render()
    cache.set("acme:v1:d:e:1", b"1", 60)
    assert cache.get("acme:v1:d:e:1") == b"1", "the connection goes on"


def test_a_rotated_password_is_used_at_the_next_connection(server: RedisServer, open_cache: OpenCache) -> None:
    vault = Vault("first")
    cache = open_cache(username="app", password=vault.secret())
    assert cache.get("acme:k") is None
    asked = vault.asked
    assert cache.get("acme:k") is None
    assert vault.asked == asked, "an open connection asks nobody"
    vault.password = "second"
    rotate(server, "second")
    assert cache.get("acme:k") is None, "the first call after the rotation"
    assert cache.acquire_lock("acme:k", "me", 30)


def test_a_password_rotated_between_reading_and_using_it_is_read_once_more(
    server: RedisServer, open_cache: OpenCache
) -> None:
    answers = ["stale", "first"]
    asked: list[str] = []

    def resolve() -> str:
        asked.append(answers[min(len(asked), 1)])
        return asked[-1]

    cache = open_cache(username="app", password=Secret(resolve))
    assert cache.get("acme:k") is None
    assert asked == ["stale", "first", "first"], "used, looked up again, used"


def test_a_password_that_stays_wrong_is_tried_once(server: RedisServer, open_cache: OpenCache) -> None:
    vault = Vault("wrong")
    cache = open_cache(username="app", password=vault.secret())
    server.ask("ACL", "LOG", "RESET")
    with pytest.raises(UnreachableError, match="BW2027") as caught:
        cache.get("acme:k")
    assert caught.value.problem.why == "it refused the credentials"
    assert "wrong" not in caught.value.render()
    (refused,) = server.ask("ACL", "LOG")
    assert refused[:2] == [b"count", 1], "a wrong password is no reason to be locked out"
    vault.password = "first"
    assert cache.get("acme:k") is None, "and the right one is used as soon as it is there"


def test_a_password_that_is_asked_for_later(server: RedisServer, open_cache: OpenCache) -> None:
    """The default user had none when we connected: ``NOAUTH`` at the next connection."""
    vault = Vault("")
    cache = open_cache(password=vault.secret())
    assert cache.get("k") is None
    server.ask("CONFIG", "SET", "requirepass", "now")
    server.password = "now"
    server.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    with pytest.raises(UnreachableError, match="BW2027"):
        cache.get("k")
    vault.password = "now"
    assert cache.get("k") is None


def test_a_user_that_lost_its_rights_on_an_open_connection(server: RedisServer, open_cache: OpenCache) -> None:
    cache = open_cache(username="app", password=Secret("first"))
    assert cache.get("acme:k") is None
    server.ask("ACL", "SETUSER", "app", "off")
    server.ask("ACL", "DELUSER", "app")
    with pytest.raises(UnreachableError, match="BW2027"):
        cache.get("acme:k")


def test_the_one_that_listens_follows_too(server: RedisServer, open_cache: OpenCache) -> None:
    import queue

    vault = Vault("first")
    cache = open_cache(username="app", password=vault.secret())
    inbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    cache.subscribe(inbox.put)
    vault.password = "second"
    rotate(server, "second")
    assert inbox.get(timeout=10) == b""
    cache.publish(b"x")
    assert inbox.get(timeout=10) == b"x"


def test_a_vault_that_does_not_answer_is_its_own_problem(open_cache: OpenCache) -> None:
    answers: list[str | Exception] = []

    def resolve() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    cache = open_cache(username="app", password=Secret(resolve))
    answers += [ConfigurationError("BW1201", "no source has it"), "first"]
    with pytest.raises(ConfigurationError, match="BW1201"):
        cache.get("acme:k")
    with pytest.raises(UnreachableError, match="BW2027"):
        cache.get("elsewhere:k")  # on the connection made meanwhile, without a password, we would be somebody else


def test_a_url_may_be_rotated(server: RedisServer, open_cache: OpenCache) -> None:
    vault = Vault(f"redis://app:first@{server.host}:{server.port}")
    cache = open_cache(url=vault.secret())
    assert cache.get("acme:k") is None
    vault.password = f"redis://app:second@{server.host}:{server.port}"
    rotate(server, "second")
    assert cache.get("acme:k") is None
