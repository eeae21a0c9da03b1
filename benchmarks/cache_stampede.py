"""Eight processes of eight threads ask for one cold key at once: loads, the last caller, commands; beside the peers."""

from __future__ import annotations

import asyncio
import multiprocessing
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import redis
from cache_parts import HOST, Row, manager, redis_server, say

PROCESSES, THREADS, LOAD_SECONDS, ROUNDS = 8, 8, 0.2, 5
OURS = ("cmdstat_info", "cmdstat_config")
"""The questions of this script."""
Ask = Callable[[str, Callable[[], Any]], Any]


def busway(port: int) -> Ask:
    data = manager("memory", "redis", port=port)
    return lambda key, load: data.get_or_populate("hr.employees", key=key, loader=load)


def dogpile(**options: Any) -> Callable[[int], Ask]:
    def make(port: int) -> Ask:
        from dogpile.cache import make_region

        arguments = {"url": f"redis://{HOST}:{port}", **options}
        region = make_region().configure("dogpile.cache.redis", expiration_time=60, arguments=arguments)
        ask: Ask = region.get_or_create
        return ask

    return make


def cashews(**options: Any) -> Callable[[int], Ask]:
    def make(port: int) -> Ask:
        import cashews

        cache: Any = cashews.Cache()
        loads: dict[str, Any] = {}
        cache.setup(f"redis://{HOST}:{port}/", socket_timeout=5, max_connections=100)

        @cache(ttl=60, key="k:{key}", **options)  # type: ignore[untyped-decorator]
        async def cached(key: str) -> Any:
            return await loads[key]()

        async def ask(key: str, load: Any) -> Any:
            loads[key] = load
            return await cached(key)

        return ask

    return make


CONTENDERS: dict[str, tuple[str, Callable[[int], Ask]]] = {
    "busway": ("1 load, <= 225 ms, <= 100", busway),
    "dogpile redis": ("-", dogpile()),
    "dogpile redis, distributed_lock": ("-", dogpile(distributed_lock=True, thread_local_lock=False)),
    "cashews redis": ("-", cashews()),
    "cashews redis, lock=True": ("-", cashews(lock=True)),
}


def main() -> None:
    """Entry point."""
    with redis_server() as (port, _):
        say("8 x 8 callers, a cold key, a loader of 200 ms: loads, last caller, Redis commands", list(rows(port)))


def rows(port: int) -> Iterator[Row]:
    for name, (goal, _) in CONTENDERS.items():
        runs = contest(name, port, fails=False)
        loads, last, commands = (statistics.median(column) for column in zip(*runs, strict=True))
        yield (
            name,
            goal,
            f"{loads:.0f}, {last * 1e3:.0f} ms (fastest {min(one[1] for one in runs) * 1e3:.0f}), {commands:.0f}",
        )
    loads, last, _ = (statistics.median(column) for column in zip(*contest("busway", port, fails=True), strict=True))
    yield "busway, the loader fails", "1 in each process (8)", f"{loads:.0f}, {last * 1e3:.0f} ms"


def contest(name: str, port: int, *, fails: bool) -> list[tuple[float, float, float]]:
    """Loads, seconds until the last caller has its answer, and commands, of each round."""
    context = multiprocessing.get_context("fork")
    gate = context.Barrier(PROCESSES + 1)
    runs = context.Value("i", 0)
    ends = context.Queue()
    arguments = (name, port, fails, gate, runs, ends)
    processes = [context.Process(target=crowd, args=arguments, daemon=True) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    found = []
    with redis.Redis(host=HOST, port=port) as client:
        for turn in range(ROUNDS + 1):  # the first, which connects everybody, does not count
            gate.wait(60)
            client.config_resetstat()
            runs.value = 0
            began = time.monotonic()
            gate.wait(60)
            last = max(ends.get(timeout=60) for _ in processes)
            gate.wait(60)
            stats = client.info("commandstats")
            count = sum(one["calls"] for kind, one in stats.items() if not kind.startswith(OURS))
            if turn:
                found.append((float(runs.value), last - began, float(count)))
    for process in processes:
        process.join(10)
    return found


def crowd(name: str, port: int, fails: bool, gate: Any, runs: Any, ends: Any) -> None:
    """One process of the contest."""
    ask = CONTENDERS[name][1](port)
    is_async = name.startswith("cashews")
    loop = asyncio.new_event_loop() if is_async else None

    def load() -> list[int]:
        with runs.get_lock():
            runs.value += 1
        time.sleep(LOAD_SECONDS)
        if fails:
            raise LookupError("no such table")
        return [1, 2, 3]

    async def load_async() -> list[int]:
        with runs.get_lock():
            runs.value += 1
        await asyncio.sleep(LOAD_SECONDS)
        return [1, 2, 3]

    for turn in range(ROUNDS + 1):
        key = f"{name}-{fails}-{turn}".replace(" ", "_").replace(",", "")
        if loop is not None:
            gate.wait()
            gate.wait()

            async def everybody(key: str = key) -> None:
                await asyncio.gather(*(ask(key, load_async) for _ in range(THREADS)))

            loop.run_until_complete(everybody())
        else:
            begin = threading.Barrier(THREADS + 1)

            def call(key: str = key, begin: threading.Barrier = begin) -> None:
                begin.wait()
                with suppress(LookupError):
                    ask(key, load)

            callers = [threading.Thread(target=call) for _ in range(THREADS)]
            for caller in callers:
                caller.start()
            gate.wait()
            gate.wait()
            begin.wait()
            for caller in callers:
                caller.join()
        ends.put(time.monotonic())
        gate.wait()


if __name__ == "__main__":
    main()
