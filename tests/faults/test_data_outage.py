"""Redis is killed, frozen and started again while the data manager is in use: the other levels serve."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from builders.data_managers import open_manager
from builders.manual_clock import ManualClock
from builders.redis_server import RedisServer
from busway.data.manager import DataManager
from busway.data.memory_level import MemoryLevel
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
    assert bare.invalidate("d") == 0
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
    assert (counts["undecodable"], counts["errors"], counts["state"]) == (1, 0, "up")
    third = deployment.process()
    assert deployment.level_of(third, "d") == "redis", "mended by the load"
    other.close()
    third.close()


def test_a_sensitive_domain_never_reaches_redis(deployment: Deployment) -> None:
    data = open_manager(
        ("redis", RedisCache(RedisSettings(host=deployment.server.host, port=deployment.server.port))),
        ("file", FileCache(deployment.folder / "cache", FileKey(None, deployment.folder), clock=deployment.clock)),
        clock=deployment.clock,
        tables={"vista": {"sensitive": True}},
    )
    data.save_cache("vista.employees", [{"name": "Jane"}])
    assert deployment.level_of(data, "vista.employees") == "file"
    assert data.get_cached_data("vista.employees") == [{"name": "Jane"}]
    data.close()
