"""Processes of a deployment that call one target as fast as their shared quota lets them."""

from __future__ import annotations

import http.client
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any

from busway.app import App
from busway.contracts.coordination import Quota
from busway.contracts.limits import Limiter
from busway.contracts.retry_after import retry_after_seconds
from busway.errors import BuswayError

__all__ = ["QuotaChild", "QuotaDeployment"]

PATIENCE = 60.0
"""Seconds a test waits for a word of a child before it fails."""

# Children of a server process that has imported everything: clean ones, without the threads of the test, and quick.
_processes = multiprocessing.get_context("forkserver")
# By their own names: the server process of Python 3.11 does not know the folder of this module.
_processes.set_forkserver_preload(["busway.app", "busway.sync.quota", "busway_cache_redis.line"])


@dataclass(frozen=True)
class QuotaDeployment:
    """What its processes share: a folder, a target, and a Redis where there is one."""

    folder: Path
    quota: Quota
    target: int
    """Port of the target."""
    redis: int | None = None
    environ: Mapping[str, str] = field(default_factory=dict)

    def open(self) -> App:
        """The application of one process."""
        caches = '["memory", "redis"]' if self.redis else '["memory"]'
        toml = f'app = "acme"\n[plugins]\ncaches = {caches}\nsinks = []\n'
        aside = self.folder / f"busway.{os.getpid()}.{threading.get_ident()}"
        aside.write_text(toml)
        aside.replace(self.folder / "busway.toml")
        where = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(self.redis)} if self.redis else {}
        return App.from_config(self.folder, {**where, **self.environ})


@dataclass
class Tally:
    """What the threads of a process did."""

    done: int = 0
    refused: int = 0
    waited: float = 0.0
    errors: list[str] = field(default_factory=list)


class QuotaChild:
    """One process, from ``with`` to its end. It begins when it is told to :meth:`go`."""

    def __init__(self, deployment: QuotaDeployment, threads: int, calls: int, share: str = "writes") -> None:
        self._connection, theirs = _processes.Pipe()
        arguments = (deployment, threads, calls, share, theirs)
        self._process = _processes.Process(target=_serve, args=arguments, daemon=True)

    def __enter__(self) -> QuotaChild:
        self._process.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.join(PATIENCE)
        self._process.close()

    def ready(self) -> None:
        """It has opened its application."""
        assert self._hear() == "ready"

    def go(self) -> None:
        """Lets it call."""
        self._connection.send("go")

    def tally(self, patience: float = PATIENCE) -> Tally:
        """What it did, once it is done."""
        tally = self._hear(patience)
        assert isinstance(tally, Tally)
        return tally

    def signal(self, number: signal.Signals) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    def _hear(self, patience: float = PATIENCE) -> Any:
        assert self._connection.poll(patience), "the child says nothing"
        return self._connection.recv()


def _serve(deployment: QuotaDeployment, threads: int, calls: int, share: str, connection: Connection) -> None:
    tally, lock = Tally(), threading.Lock()
    with deployment.open() as app:
        limiter = app.limiter(deployment.quota)
        work = [
            threading.Thread(target=_call, args=(limiter, deployment.target, calls, share, tally, lock))
            for _ in range(threads)
        ]
        connection.send("ready")
        connection.recv()
        for thread in work:
            thread.start()
        for thread in work:
            thread.join()
    connection.send(tally)


def _call(limiter: Limiter, port: int, calls: int, share: str, tally: Tally, lock: threading.Lock) -> None:
    """Makes so many calls that are let in, as a client should."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    done = 0
    while done < calls:
        try:
            waited = limiter.wait(share)
        except BuswayError as error:
            with lock:
                tally.errors.append(error.code)
            return
        client.request("POST", f"/{share}")
        answer = client.getresponse()
        answer.read()
        with lock:
            tally.waited += waited
            tally.refused += answer.status == 429
            tally.done += answer.status == 200
        if answer.status == 429:
            limiter.back_off(retry_after_seconds(answer.headers.get("Retry-After"), time.time_ns()) or 1.0)
        else:
            done += 1
    client.close()
