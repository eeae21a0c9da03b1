"""Redis frozen, whole entities invalidated, and how soon another process sees what this one did."""

from __future__ import annotations

import multiprocessing
import signal
import statistics
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import redis
from cache_parts import HOST, Row, manager, nanoseconds, redis_server, say

ROUNDS = 5
TIMEOUT_MS = 50


def main() -> None:
    """Entry point."""
    with tempfile.TemporaryDirectory(prefix="busway-bench-") as folder:
        with redis_server() as (port, server):
            say("Redis frozen, time-out 50 ms", list(frozen_rows(port, server, Path(folder))))
        with redis_server() as (port, _):
            say("Invalidating an entity", list(invalidation_rows(port, Path(folder))))
            say("What another process did, seen through memory", list(visibility_rows(port)))


def frozen_rows(port: int, server: Any, folder: Path) -> Iterator[Row]:
    """Misses, so that nothing but the levels is measured."""
    firsts, added = zip(*(frozen(port, server, folder) for _ in range(ROUNDS)), strict=True)
    yield "first read", "<= 60 ms", f"{statistics.median(firsts) / 1e6:.1f} ms, fastest {min(firsts) / 1e6:.1f}"
    yield "each later read, against no Redis at all", "adds <= 1 us", f"adds {statistics.median(added) / 1e3:.2f} us"
    client, spent = redis.Redis(host=HOST, port=port, socket_timeout=TIMEOUT_MS / 1000), []
    client.ping()
    server.send_signal(signal.SIGSTOP)
    for _ in range(2):
        began = time.perf_counter()
        try:
            client.get("x")
        except redis.RedisError:
            spent.append(time.perf_counter() - began)
    server.send_signal(signal.SIGCONT)
    yield (
        "redis-py with the same time-out, and so dogpile",
        "-",
        ", then ".join(f"{one * 1e3:,.0f} ms" for one in spent),
    )


def frozen(port: int, server: Any, folder: Path) -> tuple[float, float]:
    """Nanoseconds of the first read of an outage, and what each later one costs beyond that of two levels."""
    data = manager("memory", "redis", "file", port=port, folder=folder, timeout_ms=TIMEOUT_MS)
    alone = manager("memory", "file", folder=folder)
    with_redis = partial(data.get_cached_data, "hr.employees", "E1")
    without = partial(alone.get_cached_data, "hr.employees", "E1")
    for call in (with_redis, without):
        call()
    server.send_signal(signal.SIGSTOP)
    try:
        first = nanoseconds(with_redis, 1)
        spent = [(nanoseconds(with_redis, 20), nanoseconds(without, 20)) for _ in range(100)]
    finally:
        server.send_signal(signal.SIGCONT)
    data.close()
    alone.close()
    one, other = (statistics.median(column) for column in zip(*spent, strict=True))
    return first, one - other


def invalidation_rows(port: int, folder: Path) -> Iterator[Row]:
    data = manager("memory", "redis", port=port)
    with redis.Redis(host=HOST, port=port) as client:
        for count in (100, 50_000):
            pipe = client.pipeline(transaction=False)
            for number in range(count):
                pipe.set(f"bench:v1:hr:of{count}:{number}", b"x" * 200)
            pipe.execute()
            data.save_cache(f"hr.of{count}", 1, key="known")
            spent = [nanoseconds(partial(data.invalidate, f"hr.of{count}"), 1) for _ in range(101)]
            yield (
                f"{count:,} entries in Redis",
                "<= 0.3 ms",
                f"{statistics.median(spent) / 1e6:.2f} ms, fastest {min(spent) / 1e6:.2f}",
            )
        began = time.perf_counter()
        gone = list(client.scan_iter("bench:v1:hr:of50000:*", count=1_000))
        client.unlink(*gone)
        yield "the same by SCAN and UNLINK, redis-py", "-", f"{(time.perf_counter() - began) * 1e3:.0f} ms"
    data.close()


def visibility_rows(port: int) -> Iterator[Row]:
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    reader = context.Process(target=reading, args=(port, theirs), daemon=True)
    reader.start()
    data = manager("memory", "redis", port=port)
    delays: dict[str, list[float]] = {"a write": [], "an invalidation": []}
    for turn in range(41):
        for what in delays:
            ours.send(turn if what == "a write" else None)
            ours.recv()  # it looks
            began = time.monotonic()
            if what == "a write":
                data.save_cache("hr.seen", turn)
            else:
                data.invalidate("hr.seen")
            delay = ours.recv() - began
            if turn:
                delays[what].append(delay)
    ours.send("over")
    for what, found in delays.items():
        text = f"{statistics.median(found) * 1e3:.1f} ms, slowest of 40 {max(found) * 1e3:.1f}"
        yield f"{what}, from before it to the first read that sees it", "<= 50 ms", text
    data.close()
    reader.join(10)


def reading(port: int, pipe: Any) -> None:
    """Looks until it sees what it is told to expect, and says when."""
    data = manager("memory", "redis", port=port)
    while (wanted := pipe.recv()) != "over":
        data.get_cached_data("hr.seen")
        pipe.send("looking")
        while data.get_cached_data("hr.seen") != wanted:
            time.sleep(0.0005)
        pipe.send(time.monotonic())


if __name__ == "__main__":
    main()
