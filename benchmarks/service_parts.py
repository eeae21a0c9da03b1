"""What ``service.py`` measures with: a deployment, a service that is started, a client, a slow remote."""

from __future__ import annotations

import csv
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from load import COLUMNS

__all__ = [
    "Client",
    "PlainProbe",
    "SlowRemote",
    "Started",
    "deployment",
    "rss_mb",
    "settled",
    "when_childless",
    "write_rows",
]

DEPLOYMENT = """\
app = "bench"
[plugins]
sinks = ["log", "ledger", "prometheus"]
validators = ["safetyamp"]
jobs = ["safetyamp"]
[schedule]
manual = true
[service]
{service}
"""
PLAIN = """
import socket, sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
async def probe(request):
    return Response(b'{"ok":true}', media_type="application/json")
listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # else asyncio leaves Nagle on
listener.bind(("127.0.0.1", 0))
listener.listen()
print(listener.getsockname()[1], flush=True)
app = Starlette(routes=[Route("/readyz", probe)])
uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")).run(sockets=[listener])
"""


def deployment(folder: Path, service: str = "") -> None:
    """A ``busway.toml`` with the SafetyAmp plugin; runs begin only when asked for."""
    (folder / "busway.toml").write_text(DEPLOYMENT.format(service=service), "utf-8")


def write_rows(folder: Path, people: int) -> None:
    """A few synthetic people."""
    with (folder / "people.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        rows.writerows(
            (10_000 + n, f"LAST{n}", f"FIRST{n}", "", f"TITLE {n % 7}", f"DEPARTMENT {n % 3}") for n in range(people)
        )


class Client:
    """One connection that stays open, in this thread."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._connection.connect()
        assert self._connection.sock is not None
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and what was told."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        text = None if body is None else json.dumps(body)
        try:
            self._connection.request(method, path, text, headers)
            response = self._connection.getresponse()
        except http.client.RemoteDisconnected:  # a connection nobody used for a while is closed
            self._connection.close()
            self._connection.request(method, path, text, headers)
            response = self._connection.getresponse()
        return response.status, json.loads(response.read() or b"{}")

    def get(self, path: str) -> Any:
        """The data of a GET of the API that goes well."""
        return self._data("GET", path)

    def post(self, path: str, body: Any) -> Any:
        """The same of a POST."""
        return self._data("POST", path, body)

    def _data(self, method: str, path: str, body: Any = None) -> Any:
        status, told = self.ask(method, f"/api/v1{path}", body)
        if status >= 300:
            raise SystemExit(f"{method} {path}: {status} {told}")
        return told["data"]

    def timed(self, path: str, number: int, every: float) -> list[float]:
        """Seconds of each of so many requests, one after the other."""
        found = []
        for _ in range(number):
            began = time.perf_counter()
            self._connection.request("GET", path)
            self._connection.getresponse().read()
            found.append(time.perf_counter() - began)
            time.sleep(max(0.0, every - found[-1]))
        return found


class Started:
    """``busway serve`` in a process; ended at the end."""

    def __init__(self, busway: str, folder: Path) -> None:
        command = [busway, "serve", "--listen", "127.0.0.1:0"]
        self._errors = (folder / "serve.log").open("wb+")
        began = time.perf_counter()
        self.process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=self._errors)
        self.port = int(self._soon(folder / "serve.log"))
        self.client = Client(self.port)
        while self.client.ask("GET", "/startupz")[0] != 200:
            time.sleep(0.005)
        self.up_seconds = time.perf_counter() - began
        self.cpu_seconds = cpu_seconds(self.process.pid)

    def __enter__(self) -> Started:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)
        self._errors.close()

    def _soon(self, log: Path) -> str:
        while not (found := re.search(r"^serving .*:(\d+)$", log.read_text("utf-8"), re.M)):
            if self.process.poll() is not None:
                raise SystemExit(log.read_text("utf-8"))
            time.sleep(0.005)
        return found[1]


class PlainProbe:
    """Starlette and uvicorn with one address, and nothing behind it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen([sys.executable, "-c", PLAIN], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def __enter__(self) -> PlainProbe:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


class SlowRemote:
    """Stands before the sandbox's SafetyAmp, and keeps each answer for a while; the settings point at it."""

    def __init__(self, env_file: Path, milliseconds: float) -> None:
        text = env_file.read_text("utf-8")
        found = re.search(r"^SAFETYAMP_DOMAIN=(\S+)$", text, re.M)
        assert found is not None
        address = urlsplit(found[1])
        self._target = (str(address.hostname), int(address.port or 80))
        self._seconds = milliseconds / 1000
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        env_file.write_text(text.replace(found[1], f"http://127.0.0.1:{port}"), "utf-8")

    def __enter__(self) -> SlowRemote:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=_relay, args=(client, server, 0.0), daemon=True).start()
            threading.Thread(target=_relay, args=(server, client, self._seconds), daemon=True).start()


def _relay(source: socket.socket, to: socket.socket, seconds: float) -> None:
    try:
        while chunk := source.recv(65_536):
            time.sleep(seconds)
            to.sendall(chunk)
        to.shutdown(socket.SHUT_WR)
    except OSError:
        to.close()


def cpu_seconds(pid: int) -> float:
    """Processor time a process has used so far: what it waits for others is not in it."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def when_childless(pid: int) -> float:
    """Waits until a process has no child left, or is gone itself; the moment, on the clock of ``perf_counter``."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    while children.exists() and children.read_text("utf-8").strip():
        time.sleep(0.002)
    return time.perf_counter()


def rss_mb(pid: int) -> float:
    """Resident memory of a process now."""
    text = Path(f"/proc/{pid}/status").read_text("utf-8")
    found = re.search(r"^VmRSS:\s+(\d+) kB", text, re.M)
    assert found is not None
    return int(found[1]) * 1024 / 1e6


def settled(client: Client, run_id: str, seconds: float) -> dict[str, Any]:
    """The run once it has ended."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found: dict[str, Any] = client.get(f"/runs/{run_id}")
        if found["state"] == "ended":
            return found
        time.sleep(0.1)
    raise SystemExit(f"run {run_id} did not end within {seconds:.0f} s")
