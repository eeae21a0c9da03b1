"""Processes of a deployment, each with its own data manager over memory, Redis and files, and told what to do."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any

from busway.app import App
from busway.contracts.clock import SystemClock
from busway.data.manager import DataManager
from busway.data.memory_level import MemoryLevel
from busway.metrics.registry import Metrics
from busway_cache_file.cache import FileCache
from busway_cache_file.key import FileKey
from busway_cache_redis.cache import RedisCache
from busway_cache_redis.settings import RedisSettings

__all__ = ["CacheChild", "Deployment", "Outcome"]

PATIENCE = 30.0
"""Seconds a test waits for a word of a child before it fails."""

# Children of a server process that has imported everything: clean ones, without the threads of the test, and quick.
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload([__name__, "redis", "busway_cache_redis.line", "busway_cache_file.cache"])


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a caller got: a value, or the text of an exception; and when, monotonic seconds."""

    value: Any
    error: str
    at: float


@dataclass(frozen=True)
class Deployment:
    """What its processes share."""

    folder: Path
    port: int | None
    """Of Redis, or of a proxy in front of it; ``None``: without Redis."""
    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    timeout_ms: int = 1_000
    retry_seconds: float = 0.25
    whole_app: bool = False
    """Open the application of ``busway.toml`` rather than the data manager alone."""

    @property
    def journal(self) -> Path:
        """Has a line for each run of a loader."""
        return self.folder / "loads"

    def loads(self) -> list[str]:
        """The process of each run of a loader so far, in order."""
        return self.journal.read_text().split() if self.journal.exists() else []

    def open(self, emit: Callable[..., object]) -> DataManager:
        """The data manager of one process."""
        if self.whole_app:
            return self._app().data
        clock, metrics = SystemClock(), Metrics()
        levels: list[tuple[str, Any]] = [("memory", MemoryLevel(clock=clock))]
        if self.port is not None:
            settings = RedisSettings(host="127.0.0.1", port=self.port, timeout_ms=self.timeout_ms)
            levels.append(("redis", RedisCache(settings, "acme")))
        files = FileCache(self.folder / "cache", FileKey(None, self.folder), clock=clock, metrics=metrics)
        return DataManager.open(
            [*levels, ("file", files)],
            app="acme",
            tables=self.tables,
            where=lambda title: title,
            clock=clock,
            metrics=metrics,
            validators={},
            loaders={},
            emit=emit,
            lock_dir=self.folder / "locks",
            retry_seconds=self.retry_seconds,
        )

    def _app(self) -> App:
        toml = 'app = "acme"\n[plugins]\ncaches = ["memory", "redis", "file"]\nsinks = []\n'
        (self.folder / "busway.toml").write_text(toml)
        where = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(self.port), "REDIS_TIMEOUT_MS": str(self.timeout_ms)}
        return App.from_config(self.folder, where)


class CacheChild:
    """One process, from ``with`` to its end.

    :meth:`tell` and :meth:`hear` are the two halves of :meth:`ask`; the questions are the methods of :class:`_Child`.
    """

    def __init__(self, deployment: Deployment) -> None:
        self._connection, theirs = _processes.Pipe()
        self.fork, forks = _processes.Pipe()
        """Speaks with the process the child forks (question ``fork``)."""
        self.process = _processes.Process(target=_serve, args=(deployment, theirs, forks), daemon=True)

    def __enter__(self) -> CacheChild:
        self.process.start()
        assert self.process.pid is not None
        self.pid = self.process.pid
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.join(PATIENCE)
        self.process.close()

    def tell(self, question: str, *arguments: Any) -> None:
        self._connection.send((question, arguments))

    def hear(self, connection: Connection | None = None) -> Any:
        chosen = connection or self._connection
        assert chosen.poll(PATIENCE), "the child says nothing"
        return chosen.recv()

    def ask(self, question: str, *arguments: Any) -> Any:
        self.tell(question, *arguments)
        return self.hear()

    def ask_fork(self, question: str, *arguments: Any) -> Any:
        self.fork.send((question, arguments))
        return self.hear(self.fork)

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)


class _Child:
    """The process itself: each public method answers a question."""

    def __init__(self, deployment: Deployment, connection: Connection, forks: Connection) -> None:
        self.deployment = deployment
        self.connection = connection
        self.forks = forks
        self.news: list[str] = []
        self.readers: _Readers | None = None

    @cached_property
    def data(self) -> DataManager:
        return self.deployment.open(self._emit)

    def open(self) -> None:
        """Opens the data manager; nothing is connected yet."""
        self.data  # noqa: B018 - made at first use

    def save(self, name: str, value: Any, key: str | None = None) -> float:
        """Stores a value; the monotonic time after it."""
        assert self.data.save_cache(name, value, key=key)
        return time.monotonic()

    def invalidate(self, text: str) -> float:
        self.data.invalidate(text)
        return time.monotonic()

    def get(self, name: str, key: str | None = None) -> Any:
        return self.data.get_cached_data(name, key)

    def level(self, name: str, key: str | None = None) -> str | None:
        provenance = self.data.provenance(name, key)
        return None if provenance is None else provenance.level

    def until(self, name: str, wanted: Any, key: str | None = None) -> float:
        """Reads until the value is ``wanted``; the monotonic time then."""
        deadline = time.monotonic() + PATIENCE / 2
        while self.data.get_cached_data(name, key) != wanted:
            assert time.monotonic() < deadline, "it did not arrive"
        return time.monotonic()

    def until_up(self) -> float:
        """The monotonic time at which every level answers again and is owed nothing."""
        deadline = time.monotonic() + PATIENCE / 2
        while any(level["state"] != "up" or level["pending"] for level in self.data.stats()["levels"]):
            assert time.monotonic() < deadline, "a level stayed away"
            time.sleep(0.002)
        return time.monotonic()

    def populate(self, name: str, loader: str, seconds: float = 0.0, key: str | None = None) -> Outcome:
        """What one caller gets."""
        return self._called(name, key, self._loader(loader, seconds))

    def crowd(self, name: str, threads: int, loader: str, seconds: float = 0.0) -> list[Outcome]:
        """What so many threads get that ask at once. First says that they are ready, then waits to be told to go."""
        go = threading.Barrier(threads + 1)
        outcomes: list[Outcome] = []
        load = self._loader(loader, seconds)

        def call() -> None:
            go.wait()
            outcomes.append(self._called(name, None, load))

        callers = [threading.Thread(target=call) for _ in range(threads)]
        for caller in callers:
            caller.start()
        self.connection.send("ready")
        self.connection.recv()
        go.wait()
        for caller in callers:
            caller.join()
        return outcomes

    def read_on(self, values: Mapping[str, Any], threads: int = 4) -> None:
        """Reads and writes from now on, in so many threads, until told to stop."""
        self.readers = _Readers(self.data, values, threads)

    def stop_reading(self) -> dict[str, Any]:
        assert self.readers is not None
        return self.readers.stop()

    def read_missing(self, count: int) -> float:
        """Seconds of the slowest of so many reads that no level has an answer to."""
        slowest = 0.0
        for number in range(count):
            began = time.monotonic()
            assert self.data.get_cached_data("hr.missing", str(number)) is None
            slowest = max(slowest, time.monotonic() - began)
        return slowest

    def stats(self) -> dict[str, Any]:
        return self.data.stats()

    def told(self) -> list[str]:
        """What was said about levels so far."""
        return self.news

    def fork(self) -> int:
        """Forks; the new process answers on the connection for forks."""
        pid = os.fork()
        if pid:
            return pid
        self.connection = self.forks
        self.answer()
        os._exit(0)

    def answer(self) -> None:
        """Until the test hangs up."""
        while True:
            try:
                question, arguments = self.connection.recv()
            except EOFError:
                return
            self.connection.send(getattr(self, question)(*arguments))

    def _called(self, name: str, key: str | None, loader: Callable[[], Any]) -> Outcome:
        try:
            value = self.data.get_or_populate(name, key=key, loader=loader)
        except Exception as error:
            return Outcome(None, f"{type(error).__name__}: {error}", time.monotonic())
        return Outcome(value, "", time.monotonic())

    def _loader(self, kind: str, seconds: float) -> Callable[[], Any]:
        """``value`` and ``fail`` take their time; ``held`` says that it has begun, and ends when it is told to."""

        def load() -> Any:
            with self.deployment.journal.open("a") as journal:
                journal.write(f"{os.getpid()}\n")
            if kind == "held":
                self.connection.send("loading")
                self.connection.recv()
            else:
                time.sleep(seconds)  # the load itself, not a wait for anything
            if kind == "fail":
                raise LookupError("the source has no such table")
            return os.getpid()

        return load

    def _emit(self, **event: Any) -> None:
        attributes = event["attributes"]
        self.news.append(f"{attributes['level']}: {attributes['what']}")


class _Readers:
    """Threads that read values known beforehand, load others and write, and note whatever goes wrong."""

    def __init__(self, data: DataManager, values: Mapping[str, Any], threads: int) -> None:
        self._data = data
        self._values = values
        self._stop = threading.Event()
        self._reads, self._errors, self._wrong = [0] * threads, [""] * threads, [""] * threads
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(threads)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> dict[str, Any]:
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE)
        found = {"errors": [text for text in self._errors if text], "wrong": [text for text in self._wrong if text]}
        return {"reads": min(self._reads), **found}

    def _run(self, number: int) -> None:
        turn = 0
        while not self._stop.is_set():
            turn += 1
            try:
                self._turn(number, turn)
            except Exception as error:
                self._errors[number] = f"{type(error).__name__}: {error}"
            self._reads[number] += 1

    def _turn(self, number: int, turn: int) -> None:
        for name, value in self._values.items():
            if self._data.get_cached_data(name) != value:
                self._wrong[number] = name
        mine = f"mine{number}"
        self._data.save_cache("hr.turns", turn, key=mine)
        if self._data.get_cached_data("hr.turns", mine) != turn:
            self._wrong[number] = "what it had just written"
        if self._data.get_or_populate("hr.loaded", key=f"{mine}-{turn % 50}", loader=lambda: turn) is None:
            self._wrong[number] = "what it had just loaded"


def _serve(deployment: Deployment, connection: Connection, forks: Connection) -> None:
    _Child(deployment, connection, forks).answer()
