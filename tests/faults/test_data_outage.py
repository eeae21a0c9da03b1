"""Redis is killed, frozen and started again while the data manager is in use: the other levels serve."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from builders.cache_processes import CacheProcess, CacheServer, SharedCache
from builders.data_managers import open_manager
from builders.manual_clock import ManualClock
from builders.redis_server import RedisServer
from busway.contracts.clock import SystemClock
from busway.data.entry_format import decode
from busway.data.manager import DataManager
from busway.data.memory_level import MemoryLevel
from busway.errors import UnreachableError
from busway.testing.caches import FakeCache
from busway_cache_file.cache import FileCache
from busway_cache_file.key import FileKey
from busway_cache_redis.cache import RedisCache
from busway_cache_redis.settings import RedisSettings


class Deployment:
    """Memory, Redis and files, as an operator would select them."""

    def __init__(self, folder: Path, server: RedisServer) -> None:
        self.folder, self.server = folder, server
        self.clock = ManualClock()
        self.events: list[dict[str, Any]] = []
        self.data = self.process()

    def process(self) -> DataManager:
        """What one process holds; another one shares Redis and files with it."""
        settings = RedisSettings(host=self.server.host, port=self.server.port, timeout_ms=150)
        return open_manager(
            ("memory", MemoryLevel(clock=self.clock)),
            ("redis", RedisCache(settings)),
            ("file", FileCache(self.folder / "cache", FileKey(None, self.folder), clock=self.clock)),
            clock=self.clock,
            emit=lambda **event: self.events.append(event),
        )

    def level_of(self, data: DataManager, name: str) -> str | None:
        provenance = data.provenance(name)
        return provenance.level if provenance else None


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    with RedisServer(tmp_path) as server:
        deployment = Deployment(tmp_path, server)
        yield deployment
        deployment.data.close()


def never() -> Any:
    raise AssertionError("it was to come from a level")


def test_processes_share_what_is_cached(deployment: Deployment) -> None:
    deployment.data.save_cache("vista.employees", [{"id": "E1"}])
    other = deployment.process()
    assert deployment.level_of(other, "vista.employees") == "redis"
    assert other.get_or_populate("vista.employees", loader=never) == [{"id": "E1"}]
    assert deployment.level_of(other, "vista.employees") == "memory"
    other.close()


def test_redis_is_killed_and_the_file_level_serves(deployment: Deployment) -> None:
    deployment.data.save_cache("vista.employees", [{"id": "E1"}])
    other = deployment.process()
    assert other.get_cached_data("vista.employees") == [{"id": "E1"}]
    deployment.server.kill()
    third = deployment.process()
    for data in (other, third):
        assert data.get_cached_data_with_fallback("vista.employees", None, never, 60) == [{"id": "E1"}]
    assert deployment.level_of(third, "vista.employees") == "memory", "promoted from the file"
    assert third.stats()["degraded"] is True
    assert [level["state"] for level in third.stats()["levels"]] == ["up", "away", "up"]
    assert third.save_cache("vista.jobs", [1]) is True
    (event,) = deployment.events
    assert event["attributes"]["level"] == "redis"
    assert "BW2006" in event["attributes"]["why"]
    other.close()
    third.close()


def test_redis_is_back_and_is_used_again(deployment: Deployment) -> None:
    data = deployment.data
    data.save_cache("d", "before")
    deployment.server.kill()
    assert data.save_cache("d", "during") is True
    deployment.server.start()
    assert data.save_cache("d", "still during") is True
    assert data.stats()["levels"][1]["writes"] == 1, "left alone until its pause is over"
    deployment.clock.advance(5.1)
    data.save_cache("d", "after")
    assert data.stats()["degraded"] is False
    other = deployment.process()
    assert (deployment.level_of(other, "d"), other.get_cached_data("d")) == ("redis", "after")
    assert [event["attributes"]["what"] for event in deployment.events] == ["cache level away", "cache level back"]
    other.close()


def test_a_frozen_redis_costs_one_time_out_and_no_more(deployment: Deployment) -> None:
    deployment.data.save_cache("vista.employees", [1])
    other = deployment.process()
    deployment.server.freeze()
    try:
        began = time.monotonic()
        assert other.get_cached_data("vista.employees") == [1]
        first = time.monotonic() - began
        calls = [other.get_cached_data(f"vista.other{number}") for number in range(200)]
        rest = time.monotonic() - began - first
    finally:
        deployment.server.thaw()
    assert calls == [None] * 200
    assert 0.1 < first < 2, "the time-out of 150 ms, once"
    assert rest < 2, "200 reads that each waited would take 30 s"
    assert other.stats()["levels"][1]["errors"] == 1
    other.close()


def test_every_level_is_away_and_the_loader_still_serves(deployment: Deployment) -> None:
    deployment.server.kill()
    (deployment.folder / "cache").write_text("in the way")
    bare = open_manager(
        ("redis", RedisCache(RedisSettings(host=deployment.server.host, port=deployment.server.port))),
        ("file", FileCache(deployment.folder / "cache", FileKey(None, deployment.folder), clock=deployment.clock)),
    )
    assert [bare.get_or_populate("d", loader=lambda: 7) for _ in range(2)] == [7, 7]
    assert bare.save_cache("d", 1) is False
    assert bare.invalidate("d") == 1, "nobody can say that there are none"
    assert bare.stats()["loads"] == 2
    bare.close()


def test_garbage_in_redis_and_on_disk_is_loaded_again(deployment: Deployment) -> None:
    deployment.data.save_cache("d", "value")
    redis = RedisCache(RedisSettings(host=deployment.server.host, port=deployment.server.port))
    redis.set("acme:v1:d:_:_", b"\x80\x04pickle or whatever", 60)
    redis.close()
    (file,) = (path for path in (deployment.folder / "cache").rglob("*") if path.is_file())
    file.write_bytes(file.read_bytes()[:-1])
    other = deployment.process()
    assert other.get_or_populate("d", loader=lambda: "loaded") == "loaded"
    counts = other.stats()["levels"][1]
    # Looked at before the load and again under its lock; neither look is an error of the level.
    assert (counts["undecodable"], counts["errors"], counts["state"]) == (2, 0, "up")
    third = deployment.process()
    assert deployment.level_of(third, "d") == "redis", "mended by the load"
    other.close()
    third.close()


def test_a_sensitive_domain_reaches_a_redis_of_this_host_and_none_in_clear(deployment: Deployment) -> None:
    far = FakeCache(deployment.clock)
    data = open_manager(
        ("far", far),
        ("redis", RedisCache(RedisSettings(host=deployment.server.host, port=deployment.server.port))),
        ("file", FileCache(deployment.folder / "cache", FileKey(None, deployment.folder), clock=deployment.clock)),
        clock=deployment.clock,
        tables={"vista": {"sensitive": True}},
    )
    data.save_cache("vista.employees", [{"name": "Jane"}])
    assert far.held == {}
    assert deployment.level_of(data, "vista.employees") == "redis"
    assert data.get_cached_data("vista.employees") == [{"name": "Jane"}]
    data.close()


# -- the same with a level that does what it is told, and nobody calling


class Watched(SharedCache):
    """Says when a key is written, and waits like a server that is frozen."""

    def __init__(self, server: CacheServer) -> None:
        super().__init__(server, SystemClock())
        self.written = threading.Event()
        self.frozen_seconds = 0.0
        self.frozen = threading.Event()

    def set(self, key: str, entry: bytes, ttl_seconds: float) -> None:
        super().set(key, entry, ttl_seconds)
        self.written.set()

    def _called(self, name: str) -> None:
        if self.frozen_seconds:
            self.calls.append(name)
            self.frozen.wait(self.frozen_seconds)  # nobody sets it: this is the time-out of a client
            raise UnreachableError("BW2006", "no answer in time")
        super()._called(name)


def tended(cache: Watched, file: FakeCache | None = None, *, retry_seconds: float = 0.1) -> CacheProcess:
    levels = [("shared", cache), *([("file", file)] if file is not None else [])]
    return CacheProcess(SystemClock(), *levels, background=True, retry_seconds=retry_seconds)  # type: ignore[arg-type]


def test_a_level_is_found_back_and_told_what_it_missed_while_nobody_calls() -> None:
    cache = Watched(CacheServer())
    process = tended(cache)
    process.put("vista.employees", "old")
    cache.away = True
    process.put("vista.employees", "new")
    assert process.levels.degraded
    cache.written.clear()
    cache.away = False
    began = time.monotonic()
    assert cache.written.wait(10)
    assert time.monotonic() - began < 0.1 + 1
    assert not process.levels.degraded
    assert decode(cache.held[process.key("vista.employees")][0]).value == "new"
    process.levels.close()


def test_a_frozen_level_costs_one_caller_one_time_out_and_the_others_nothing() -> None:
    cache, file = Watched(CacheServer()), FakeCache()
    process = tended(cache, file, retry_seconds=0.05)
    process.put("vista.employees", "v")
    process.memory.close()
    cache.frozen_seconds = 0.3
    cache.calls.clear()
    slow = 0
    until = time.monotonic() + 1.2
    while time.monotonic() < until:
        began = time.monotonic()
        assert process.level_of("vista.employees") == "file"
        slow += time.monotonic() - began > 0.2
    assert slow == 1, "the probes are made in the background"
    assert len(cache.calls) >= 3
    cache.frozen_seconds = 0.0
    process.levels.close()


def test_garbage_instead_of_answers_is_no_answer() -> None:
    class Garbage(SharedCache):
        answer: Any = object()

        def get(self, key: str) -> Any:
            return self.answer

        def scan(self, pattern: str) -> Any:
            return self.answer

        def delete(self, key: str) -> Any:
            return self.answer

        def read_generations(self, names: Any) -> Any:
            return self.answer

        def raise_generation(self, name: str, stamp: int) -> Any:
            return self.answer

        def subscribe(self, receive: Any) -> Any:
            receive(self.answer)
            receive("text")
            return lambda: None

    clock = ManualClock()
    for answer in (object(), "text", 7.5, [b"x", 1], {"a": 1}, -1, True):
        cache = Garbage(CacheServer(), clock)
        cache.answer = answer
        process = CacheProcess(clock, ("shared", cache), ("file", FakeCache(clock)))
        for text in ("vista.employees/E1", "vista:*", "vista.employees", "vista"):
            clock.advance(6)
            process.put("vista.employees", "v", "E1")
            assert process.get("vista.employees", "E1") == "v"
            process.invalidate(text)
            assert process.get("vista.employees", "E1") is None
            process.levels.tend()
        process.levels.close()


def test_a_process_that_closes_while_a_level_is_away_does_not_wait_for_it() -> None:
    before = set(threading.enumerate())
    cache = Watched(CacheServer())
    process = tended(cache, retry_seconds=60)
    process.put("vista.employees", "v")
    cache.frozen_seconds = 0.2
    process.memory.close()
    process.get("vista.employees")
    cache.calls.clear()
    process.levels.close()
    assert cache.calls == []
    assert set(threading.enumerate()) <= before


def test_what_was_missed_is_replayed_to_a_real_server(deployment: Deployment) -> None:
    data = deployment.data
    data.save_cache("vista.employees", "old", key="E1")
    deployment.server.kill()
    data.save_cache("vista.employees", "new", key="E1")
    data.save_cache("vista.employees", "new", key="E2")
    deployment.server.start()
    deployment.clock.advance(5.1)
    assert data.get_cached_data("vista.jobs") is None
    assert data.stats()["levels"][1]["pending"] == 0
    other = deployment.process()
    for key in ("E1", "E2"):
        provenance = other.provenance("vista.employees", key)
        assert provenance is not None
        assert (provenance.level, other.get_cached_data("vista.employees", key)) == ("redis", "new")
    other.close()
