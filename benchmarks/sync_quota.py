"""Four processes share a quota of 60 calls in 6 s at a real server that counts: refusals, and how much of it they use.

A part of ``sync.py``, for which it prints lines of JSON; by itself: uv run python benchmarks/sync_quota.py --plain
Peers (limits, pyrate-limiter, filelock) are measured where they are installed.
"""

from __future__ import annotations

import argparse
import http.client
import multiprocessing
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

from cache_parts import HOST, Row, redis_server, say
from harness import report

from busway.contracts.clock import SystemClock
from busway.contracts.coordination import Coordinator, Quota
from busway.contracts.retry_after import retry_after_seconds
from busway.metrics.registry import Metrics
from busway.stores.local_coordinator import LocalCoordinator
from busway.sync.quota import SharedLimiter
from busway_cache_redis.cache import RedisCache
from busway_cache_redis.settings import RedisSettings

PROCESSES, THREADS = 4, 4
QUOTA = Quota("bench", 60, 6.0, {"writes": 0.7, "reads": 0.25, "console": 0.05})
GOAL = "0 refused, >= 95 %"


@dataclass(frozen=True)
class Done:
    """What one process did."""

    asked: int
    """How often it asked its coordinator for calls."""
    made: int
    longest: float
    """Seconds of its longest wait."""


class Client(Protocol):
    """What a contender gives the threads of a process."""

    def wait(self, share: str) -> object: ...

    def back_off(self, seconds: float) -> object: ...


@dataclass(frozen=True)
class Place:
    """Where the processes of one contest meet."""

    folder: Path
    redis: int


class Asked:
    """A coordinator that counts how often it is asked for calls."""

    def __init__(self, coordinator: Coordinator) -> None:
        self.count = 0
        self._coordinator = coordinator
        self.hold = coordinator.hold

    def take(self, quota: Quota, count: int = 1, share: str = "") -> float:
        self.count += 1
        return self._coordinator.take(quota, count, share)


class Busway:
    def __init__(self, coordinator: Coordinator) -> None:
        self.asked = Asked(coordinator)
        limiter = SharedLimiter(QUOTA, lambda: self.asked, SystemClock(), Metrics())  # type: ignore[arg-type,return-value]
        self.wait, self.back_off = limiter.wait, limiter.back_off


def local(place: Place) -> Client:
    return Busway(LocalCoordinator(place.folder))


def redis(place: Place) -> Client:
    return Busway(RedisCache(RedisSettings(host=HOST, port=place.redis, timeout_ms=1_000), "bench").coordinator())


def alone(place: Place) -> Client:
    """What most have: a limiter within each process."""
    return Busway(LocalCoordinator(Path(tempfile.mkdtemp(dir=place.folder))))


class Peer:
    """One that only waits: after a 429 each thread stays away by itself."""

    def __init__(self, wait: Callable[[], object]) -> None:
        self._wait = wait

    def wait(self, share: str) -> object:
        return self._wait()

    def back_off(self, seconds: float) -> None:
        time.sleep(seconds)


def pyrate_sqlite(place: Place) -> Client:
    from pyrate_limiter import Limiter, Rate, SQLiteBucket

    rates = [Rate(QUOTA.calls, round(QUOTA.period_seconds * 1000))]
    limiter = Limiter(SQLiteBucket.init_from_file(rates, db_path=str(place.folder / "pyrate.db"), use_file_lock=True))
    return Peer(lambda: limiter.try_acquire("bench"))


def pyrate_redis(place: Place) -> Client:
    from pyrate_limiter import Limiter, Rate, RedisBucket
    from redis import Redis

    rates = [Rate(QUOTA.calls, round(QUOTA.period_seconds * 1000))]
    limiter = Limiter(RedisBucket.init(rates, Redis(host=HOST, port=place.redis), "pyrate"))
    return Peer(lambda: limiter.try_acquire("bench"))


def limits_redis(place: Place) -> Client:
    from limits import RateLimitItemPerSecond
    from limits.storage import RedisStorage
    from limits.strategies import MovingWindowRateLimiter

    limiter = MovingWindowRateLimiter(RedisStorage(f"redis://{HOST}:{place.redis}"))
    item = RateLimitItemPerSecond(QUOTA.calls, round(QUOTA.period_seconds))

    def wait() -> None:
        while not limiter.hit(item, "bench"):
            time.sleep(max(0.001, limiter.get_window_stats(item, "bench").reset_time - time.time()))

    return Peer(wait)


CONTENDERS: Mapping[str, tuple[str, Callable[[Place], Client], bool]] = {
    "busway, one host": (GOAL, local, False),
    "busway, one host; a window that begins anew": (GOAL, local, True),
    "busway, Redis": (GOAL, redis, False),
    "busway, Redis; a window that begins anew": (GOAL, redis, True),
    "a limiter in each process": ("-", alone, False),
    "pyrate-limiter, SQLite": ("-", pyrate_sqlite, False),
    "pyrate-limiter, Redis": ("-", pyrate_redis, False),
    "limits, Redis": ("-", limits_redis, False),
}
"""Goal, what makes the limiter of a process, and whether the window of the server begins anew each period."""


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=62.0, help="how long each contender calls")
    parser.add_argument("--plain", action="store_true", help="a table for people")
    parser.add_argument("--only", default="", help="contenders whose name has this")
    arguments = parser.parse_args()
    table = report if arguments.plain else say
    title = (
        f"{PROCESSES} processes of {THREADS} threads, 60 calls in 6 s: refused, part of the quota used, "
        "questions to the coordinator for each call, calls of a process, longest wait"
    )
    table(title, list(rows(arguments.seconds, arguments.only)))
    if not arguments.only:
        table("A call that need not wait", list(costs()))


def rows(seconds: float, only: str) -> Iterator[Row]:
    for name, (goal, make, fixed) in CONTENDERS.items():
        if only not in name:
            continue
        try:
            yield name, goal, contest(make, fixed=fixed, seconds=seconds)
        except ModuleNotFoundError as error:
            yield name, goal, f"not measured: {error.name} is not installed"


def contest(make: Callable[[Place], Client], *, fixed: bool, seconds: float) -> str:
    """What came of it, for people."""
    context = multiprocessing.get_context("fork")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="busway-bench-")))
        place = Place(folder, stack.enter_context(redis_server())[0])
        make(place)  # creates what they share, and fails here where something is missing
        books, theirs = context.Pipe()
        target = context.Process(target=serve, args=(fixed, theirs), daemon=True)
        target.start()
        port, results = books.recv(), context.Queue()
        begin = context.Barrier(PROCESSES)
        arguments = (make, place, port, seconds, begin, results)
        clients = [context.Process(target=crowd, args=arguments, daemon=True) for _ in range(PROCESSES)]
        for client in clients:
            client.start()
        done = [results.get(timeout=seconds + 60) for _ in clients]
        books.send("enough")
        let_in, refused = books.recv()
        target.join(10)
    return told(let_in, refused, done)


def told(let_in: list[float], refused: int, done: list[Done]) -> str:
    # From the first call of the first window to the last of the last whole one: what goes on for ever, without the
    # windows at both ends, which cost no time.
    windows = len(let_in) // QUOTA.calls - 1
    used = windows * QUOTA.period_seconds / (let_in[(windows + 1) * QUOTA.calls - 1] - let_in[0])
    calls = len(let_in) + refused
    asks = f"{sum(one.asked for one in done) / calls:.1f}" if done[0].asked else "-"
    longest, made = max(one.longest for one in done), [one.made for one in done]
    return f"{refused} of {calls}, {used:.1%}, {asks}, {min(made)} to {max(made)}, {longest:.1f} s"


def crowd(make: Callable[[Place], Client], place: Place, port: int, seconds: float, begin: Any, results: Any) -> None:
    """One process of the contest."""
    client = make(place)
    waits: list[float] = []
    begin.wait(60)
    ends = time.monotonic() + seconds
    shares = ["writes", "writes", "writes", "reads"]
    threads = [threading.Thread(target=call, args=(client, shares[at % 4], port, ends, waits)) for at in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asked = client.asked.count if isinstance(client, Busway) else 0
    results.put(Done(asked, len(waits), max(waits)))


def call(client: Client, share: str, port: int, ends: float, waits: list[float]) -> None:
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    while (asked := time.monotonic()) < ends - QUOTA.period_seconds:
        client.wait(share)
        waits.append(time.monotonic() - asked)
        connection.request("POST", f"/{share}")
        answer = connection.getresponse()
        answer.read()
        if answer.status == 429:
            client.back_off(retry_after_seconds(answer.headers["Retry-After"], time.time_ns()) or 1.0)


class Target(ThreadingHTTPServer):
    """Counts calls when they arrive; refused ones do not count."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, *, fixed: bool) -> None:
        super().__init__((HOST, 0), Handler)
        self.let_in: list[float] = []
        self.refused = 0
        self._fixed = fixed
        self._window: deque[float] = deque()
        self._lock = threading.Lock()

    def judge(self) -> float:
        """0.0, or the seconds to stay away."""
        with self._lock:
            now, period = time.monotonic(), QUOTA.period_seconds
            begin = now - now % period if self._fixed else now - period
            while self._window and self._window[0] <= begin:
                self._window.popleft()
            if len(self._window) >= QUOTA.calls:
                self.refused += 1
                return (begin if self._fixed else self._window[0]) + period - now
            self._window.append(now)
            self.let_in.append(now)
            return 0.0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Target

    def do_POST(self) -> None:
        wait = self.server.judge()
        self.send_response(429 if wait else 200)
        if wait:
            self.send_header("Retry-After", f"{wait:.3f}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def serve(fixed: bool, books: Any) -> None:
    """The process of the target: sends its port, and what it counted when it is told that it is enough."""
    with Target(fixed=fixed) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        books.send(server.server_address[1])
        books.recv()
        books.send((server.let_in, server.refused))


def costs() -> Iterator[Row]:
    quota = Quota("free", 1_000_000, 3_600.0, QUOTA.shares)
    with tempfile.TemporaryDirectory(prefix="busway-bench-") as folder, redis_server() as (port, _):
        local_one = LocalCoordinator(Path(folder))
        cache = RedisCache(RedisSettings(host=HOST, port=port, timeout_ms=1_000), "bench")
        for name, coordinator in (("one host", local_one), ("Redis", cache.coordinator())):
            limiter = SharedLimiter(quota, lambda coordinator=coordinator: coordinator, SystemClock(), Metrics())  # type: ignore[misc]
            times = sorted(limiter.wait("writes") for _ in range(2_000))
            yield name, "<= 1 ms", f"{times[1_000] * 1e3:.2f} ms, fastest {times[0] * 1e3:.2f}"
        local_one.close()
        cache.close()


if __name__ == "__main__":
    main()
