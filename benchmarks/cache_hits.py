"""Hits in memory, in Redis and in sealed files, beside dogpile.cache, cashews, cachetools and diskcache."""

from __future__ import annotations

import asyncio
import gc
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cachetools
import cashews
import diskcache
import orjson
import redis
from cache_parts import HOST, SIZES, Row, manager, nanoseconds, pairs, records, redis_server, say
from dogpile.cache import make_region

ROUNDS = 21
LOOPS = {"1 KB": 20, "100 KB": 2, "5 MB": 1}
"""Few calls in a row: the shorter a turn, the less what else the machine does falls into one of a pair alone."""
PAIRS = {"1 KB": 400, "100 KB": 150, "5 MB": 11}
REDIS_GOALS = {"1 KB": 1.10, "100 KB": 1.05, "5 MB": 1.05}
FILE_GOALS = {"1 KB": 1.25, "100 KB": 1.10, "5 MB": 1.10}


def main() -> None:
    """Entry point."""
    wanted = sys.argv[1:] or ["memory", "redis", "file"]
    if "memory" in wanted:
        say("A hit in memory, 1 KB", list(memory_rows()))
    if "redis" in wanted:
        with redis_server() as (port, _):
            say("A hit in Redis, beside GET + orjson", [row for size in SIZES for row in redis_rows(port, size)])
    if "file" in wanted:
        with tempfile.TemporaryDirectory(prefix="busway-bench-") as folder:
            rows = [row for size in SIZES for row in file_rows(Path(folder), size)]
            say("A hit in a sealed file, beside a plain file + orjson", rows)


def memory_rows() -> Iterator[Row]:
    value, loops = records(SIZES["1 KB"]), 2_000
    load = lambda: value  # noqa: E731
    data = manager("memory")
    entities = [f"E{number}" for number in range(8)]
    data.get_or_populate("hr.employees", key="E1", loader=load)
    for entity in entities:
        data.get_or_populate("hr.people", key=entity, loader=load)
    turn = iter(entities * 10_000_000)

    def built() -> None:
        number = next(turn)
        data.get_or_populate("hr.people", key=f"{number}", loader=load)

    region = make_region().configure("dogpile.cache.memory", expiration_time=3_600)
    region.set("hr.employees:E1", value)
    ttl: cachetools.TTLCache[str, Any] = cachetools.TTLCache(1_000, 3_600)
    ttl["hr.employees:E1"] = value
    calls: dict[str, tuple[str, Callable[[], object]]] = {
        "busway get_or_populate, key given": (
            "<= 400 ns",
            lambda: data.get_or_populate("hr.employees", key="E1", loader=load),
        ),
        "busway get_or_populate, key built": ("<= 600 ns", built),
        "dogpile memory get_or_create": ("-", lambda: region.get_or_create("hr.employees:E1", load)),
        "cachetools TTLCache, no guard": ("-", lambda: ttl["hr.employees:E1"]),
    }
    for call in [one for _, one in calls.values()] * 2:
        call()
    found: dict[str, list[float]] = {name: [] for name in [*calls, "cashews mem get"]}
    peer, loop = cashews_over("mem://", check_interval=0), asyncio.new_event_loop()
    loop.run_until_complete(peer.set("hr.employees:E1", value, expire=3_600))
    for _ in range(4 * ROUNDS):
        for name, (_, call) in calls.items():
            found[name].append(nanoseconds(call, loops))
        found["cashews mem get"].append(
            loop.run_until_complete(awaited(lambda: peer.get("hr.employees:E1"), loops // 4))
        )
    for name, spent in found.items():
        goal = calls[name][0] if name in calls else "-"
        yield name, goal, f"{statistics.median(spent):,.0f} ns, fastest {min(spent):,.0f}"
    data.close()


def redis_rows(port: int, size: str) -> Iterator[Row]:
    value, key = records(SIZES[size]), f"plain:{size}"
    raw: Any = redis.Redis(host=HOST, port=port)
    raw.set(key, orjson.dumps(value))
    data = manager("redis", port=port)
    data.save_cache("hr.employees", value, key=size)
    base = lambda: orjson.loads(raw.get(key))  # noqa: E731
    ours = lambda: data.get_or_populate("hr.employees", key=size, loader=never)  # noqa: E731
    yield beside(f"{size}: busway", base, ours, size, f"<= {REDIS_GOALS[size]:.2f} x")
    options = {"url": f"redis://{HOST}:{port}"}
    region = make_region(serializer=orjson.dumps, deserializer=orjson.loads)
    region.configure("dogpile.cache.redis", expiration_time=3_600, arguments=options)
    region.set(f"dogpile:{size}", value)
    theirs = lambda: region.get_or_create(f"dogpile:{size}", never)  # noqa: E731
    yield beside(f"{size}: dogpile get_or_create (orjson)", base, theirs, size, "-")
    yield f"{size}: cashews get (pickle)", "-", asyncio.run(cashews_beside(port, base, value, size))
    data.close()


def file_rows(folder: Path, size: str) -> Iterator[Row]:
    value, plain = records(SIZES[size]), folder / f"{SIZES[size]}.json"
    plain.write_bytes(orjson.dumps(value))
    path = str(plain)
    data = manager("file", folder=folder)
    data.save_cache("hr.employees", value, key=size)

    def base() -> object:
        with open(path, "rb") as file:  # noqa: PTH123 - the quickest way there is
            return orjson.loads(file.read())

    ours = lambda: data.get_or_populate("hr.employees", key=size, loader=never)  # noqa: E731
    yield beside(f"{size}: busway", base, ours, size, f"<= {FILE_GOALS[size]:.2f} x")
    with diskcache.Cache(str(folder / "diskcache")) as disk:
        disk.set("key", value)
        yield beside(f"{size}: diskcache (pickle, in clear)", base, lambda: disk.get("key"), size, "-")
    data.close()


def beside(what: str, base: Callable[[], object], ours: Callable[[], object], size: str, goal: str) -> Row:
    plain, own, ratio = pairs(base, ours, LOOPS[size], PAIRS[size])
    return what, goal, f"{ratio:.2f} x: {own / 1e3:,.1f} us against {plain / 1e3:,.1f}"


async def cashews_beside(port: int, base: Callable[[], object], value: object, size: str) -> str:
    peer = cashews_over(f"redis://{HOST}:{port}/", socket_timeout=5)
    await peer.set(f"cashews:{size}", value, expire=3_600)
    loops, found = LOOPS[size], []
    for _ in range(PAIRS[size] // 2):
        plain = nanoseconds(base, loops)
        found.append((await awaited(lambda: peer.get(f"cashews:{size}"), loops), plain))
    await peer.close()
    ratio = statistics.median(own / plain for own, plain in found)
    own, plain = (statistics.median(column) for column in zip(*found, strict=True))
    return f"{ratio:.2f} x: {own / 1e3:,.1f} us against {plain / 1e3:,.1f}"


def cashews_over(url: str, **options: Any) -> Any:
    cache = cashews.Cache()
    cache.setup(url, **options)
    return cache


async def awaited(call: Callable[[], Any], loops: int) -> float:
    """Nanoseconds of one awaited call."""
    gc.disable()
    try:
        began = time.perf_counter_ns()
        for _ in range(loops):
            await call()
        return (time.perf_counter_ns() - began) / loops
    finally:
        gc.enable()


def never() -> Any:
    raise AssertionError("it was to be a hit")


if __name__ == "__main__":
    main()
