"""Messages between processes through the Redis level: one thread and one connection for all of them."""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from builders.fault_proxy import FaultProxy
from builders.redis_caches import OpenCache, opened_caches
from builders.redis_server import RedisServer, comes_true
from busway.contracts.caches import SupportsPublish
from busway.errors import UnreachableError
from busway_cache_redis import conversation
from busway_cache_redis.cache import RedisCache


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def open_cache(server: RedisServer) -> Iterator[OpenCache]:
    with opened_caches(server) as open_one:
        yield open_one


class Inbox(queue.SimpleQueue[bytes]):
    def next(self) -> bytes:
        return self.get(timeout=10)


def subscribed(cache: RedisCache) -> Inbox:
    inbox = Inbox()
    cache.subscribe(inbox.put)
    return inbox


def listeners() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "busway-redis-listener"]


def test_everybody_of_the_application_hears_it(open_cache: OpenCache) -> None:
    sender, other = open_cache(), open_cache()
    stranger, neighbour = open_cache("acme2"), open_cache(db=1)
    assert isinstance(sender, SupportsPublish)
    inboxes = [subscribed(sender), subscribed(other)]
    strangers = [subscribed(stranger), subscribed(neighbour)]
    for message in (b"first", bytes(range(256)), b"x" * 200_000):
        sender.publish(message)
        assert [inbox.next() for inbox in inboxes] == [message] * 2
    stranger.publish(b"theirs")
    neighbour.publish(b"theirs")
    assert [inbox.next() for inbox in strangers] == [b"theirs"] * 2
    sender.publish(b"last")
    assert [inbox.next() for inbox in inboxes] == [b"last"] * 2


def test_many_messages_at_once_all_arrive(server: RedisServer, open_cache: OpenCache) -> None:
    inbox = subscribed(open_cache())
    burst = "for number = 1, 50 do redis.call('PUBLISH', ARGV[1], number) end"
    server.ask("EVAL", burst, 0, "acme:~news:0:")
    assert [inbox.get(timeout=2) for _ in range(50)] == [b"%d" % number for number in range(1, 51)]


def test_what_is_sent_after_subscribing_is_not_missed(open_cache: OpenCache) -> None:
    for _ in range(20):
        cache = open_cache()
        inbox = subscribed(cache)
        cache.publish(b"at once")
        assert inbox.next() == b"at once"
        cache.close()


def test_nothing_runs_before_somebody_listens(server: RedisServer, open_cache: OpenCache) -> None:
    cache = open_cache()
    cache.set("k", b"1", 60)
    cache.publish(b"to nobody")
    assert listeners() == []
    inbox = subscribed(cache)
    again = subscribed(cache)
    assert [thread.daemon for thread in listeners()] == [True]
    assert server.listening() == 1
    cache.publish(b"x")
    assert (inbox.next(), again.next()) == (b"x", b"x")
    cache.close()
    assert listeners() == []
    assert comes_true(lambda: not server.ask("PUBSUB", "CHANNELS"))


def test_who_stops_hears_no_more(server: RedisServer, open_cache: OpenCache) -> None:
    cache = open_cache()
    stopped = Inbox()
    stop = cache.subscribe(stopped.put)
    inbox = subscribed(cache)
    stop()
    stop()
    cache.publish(b"x")
    assert inbox.next() == b"x"
    assert stopped.empty()


def test_who_stops_and_begins_again_hears_again(open_cache: OpenCache) -> None:
    cache = open_cache()
    for _ in range(50):
        inbox = Inbox()
        stop = cache.subscribe(inbox.put)
        cache.publish(b"x")
        assert inbox.next() == b"x"
        stop()


def test_a_lost_connection_comes_back_and_says_so(server: RedisServer, open_cache: OpenCache) -> None:
    cache = open_cache()
    inbox = subscribed(cache)
    for _ in range(3):
        server.ask("CLIENT", "KILL", "TYPE", "pubsub")
        assert inbox.next() == b"", "messages may have been missed"
        cache.publish(b"after it")
        assert inbox.next() == b"after it"


def test_a_server_that_was_restarted_is_heard_again(tmp_path: Any) -> None:
    with RedisServer(tmp_path) as own, opened_caches(own) as open_own:
        cache = open_own()
        inbox = subscribed(cache)
        own.kill()
        with pytest.raises(UnreachableError):
            cache.publish(b"to nobody")
        own.start()
        assert inbox.next() == b""
        cache.publish(b"again")
        assert inbox.next() == b"again"


def test_a_receiver_that_fails_stops_nobody(open_cache: OpenCache, caplog: pytest.LogCaptureFixture) -> None:
    cache = open_cache()
    cache.subscribe(lambda message: 1 // 0)  # type: ignore[arg-type]
    inbox = subscribed(cache)
    with caplog.at_level(logging.ERROR, "busway.cache.redis"):
        cache.publish(b"one")
        cache.publish(b"two")
        assert (inbox.next(), inbox.next()) == (b"one", b"two")
    assert "a receiver of messages failed" in caplog.text


def test_a_receiver_may_ask_and_listen_itself(open_cache: OpenCache) -> None:
    cache = open_cache()
    inbox, nested = Inbox(), Inbox()

    def receive(message: bytes) -> None:
        if message == b"begin":
            cache.set("k", b"from the thread", 60)
            cache.subscribe(nested.put)
            inbox.put(b"free" if cache.wait_lock("nobody's", 5) else b"held")
        inbox.put(message)

    cache.subscribe(receive)
    cache.publish(b"begin")
    assert (inbox.next(), inbox.next()) == (b"free", b"begin")
    assert cache.get("k") == b"from the thread"
    cache.publish(b"x")
    assert nested.next() == b"x"


def test_a_receiver_may_close_the_level(open_cache: OpenCache) -> None:
    cache = open_cache()
    closed = threading.Event()

    def receive(message: bytes) -> None:
        cache.close()
        closed.set()

    cache.subscribe(receive)
    cache.publish(b"x")
    assert closed.wait(10)
    assert comes_true(lambda: listeners() == [])
    with pytest.raises(UnreachableError, match="BW2006"):
        cache.subscribe(receive)


def test_a_server_that_is_away_is_told_to_who_subscribes(open_cache: OpenCache) -> None:
    cache = open_cache(port=1, timeout_ms=250)
    with pytest.raises(UnreachableError, match="BW2006"):
        cache.subscribe(lambda message: None)
    assert comes_true(lambda: listeners() == []), "nobody listens: nobody tries"


def test_who_may_not_listen_is_told(server: RedisServer, open_cache: OpenCache) -> None:
    server.ask("ACL", "SETUSER", "deaf", "on", ">pw", "~*", "&*", "+@all", "-subscribe")
    cache = open_cache(url=None, username="deaf", password="pw")
    with pytest.raises(UnreachableError, match="BW2027"):
        cache.subscribe(lambda message: None)
    cache.set("k", b"1", 60)
    assert cache.get("k") == b"1"


def test_a_connection_that_is_open_on_our_side_only_is_noticed(
    server: RedisServer, open_cache: OpenCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "HEARTBEAT_SECONDS", 0.05)
    with FaultProxy(server.port) as proxy:
        cache = open_cache(port=proxy.port, timeout_ms=200)
        inbox = subscribed(cache)
        assert comes_true(lambda: proxy.accepted == 1)
        proxy.half_open()
        assert comes_true(lambda: proxy.accepted > 1), "the silence was noticed"
        proxy.pass_on()
        assert inbox.next() == b""
        open_cache().publish(b"heard again")
        assert inbox.next() == b"heard again"
        cache.close()


def test_the_heartbeat_disturbs_nobody(
    server: RedisServer, open_cache: OpenCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "HEARTBEAT_SECONDS", 0.005)
    cache = open_cache()
    inbox = subscribed(cache)
    server.forget_commands()
    assert comes_true(lambda: server.commands().get("ping", 0) > 5)
    cache.publish(b"x")
    assert inbox.next() == b"x"
    assert inbox.empty()


def test_a_thread_nobody_needs_ends_by_itself(open_cache: OpenCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "HEARTBEAT_SECONDS", 0.01)
    cache = open_cache()
    cache.acquire_lock("k", "me", 30)
    assert cache.wait_lock("k", 0.001) is False
    assert comes_true(lambda: listeners() == [])
    assert cache.wait_lock("k", 0.001) is False, "and begins again"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_has_connections_and_a_thread_of_its_own(server: RedisServer, open_cache: OpenCache) -> None:
    cache = open_cache()
    cache.set("k", b"1", 60)
    cache.acquire_lock("held", "me", 30)
    inbox = subscribed(cache)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            mine = Inbox()
            found = cache.get("k")
            cache.set("from the child", b"2", 60)
            cache.subscribe(mine.put)
            cache.publish(b"from the child")
            heard = mine.next()
            waited = cache.wait_lock("held", 0.01)
            status = 0 if (found, heard, waited) == (b"1", b"from the child", False) else 2
            cache.close()
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert inbox.next() == b"from the child", "the parent still listens on its own connection"
    assert cache.get("from the child") == b"2"
    cache.publish(b"x")
    assert inbox.next() == b"x"
    assert inbox.empty()
