"""A service over a deployment of two small jobs: in this process, or in one of its own."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from builders.people_deployment import PeopleDeployment
from busway import App
from busway.configuration.boot import boot
from busway.contracts.clock import Clock
from busway_service.service import Service
from busway_service.startup import validate

__all__ = ["LiveService", "ServiceHouse", "ServiceProcess", "until"]

PATIENCE = 30.0


def until(condition: Callable[[], Any], what: str = "it", every: float = 0.01) -> Any:
    """Waits until ``condition`` holds, and returns what it gave; looks again after ``every`` seconds."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(every)
    raise AssertionError(f"{what} did not happen within {PATIENCE:.0f} s")


class Talk:
    """What both forms have in common: a client."""

    client: httpx.Client

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.client.get(path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        return self.client.post(path, json={} if body is None else body, **options)

    def data(self, path: str, **options: Any) -> Any:
        """The data of an answer that is well."""
        response = self.get(f"/api/v1{path}", **options)
        assert response.status_code == 200, response.text
        return response.json()["data"]

    def runs(self, state: str = "") -> list[dict[str, Any]]:
        """The runs that were asked for, the oldest first."""
        found: list[dict[str, Any]] = self.data("/runs", params={"limit": 1000})
        return [one for one in reversed(found) if state in ("", one["state"])]

    def ended(self, run_id: str) -> dict[str, Any]:
        """The run once it has ended."""

        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.data(f"/runs/{run_id}")
            return found if found["state"] == "ended" else None

        one: dict[str, Any] = until(look, f"the end of run {run_id}")
        return one


class LiveService(Talk):
    """A service in a thread of this process."""

    def __init__(self, app: App, overrides: Mapping[str, str], tick_seconds: float, headers: Mapping[str, str]) -> None:
        self.app = app
        self.code: int | None = None
        self._up = threading.Event()
        parts = validate(None, overrides=overrides, app=app)
        self._thread = threading.Thread(target=asyncio.run, args=(self._run(parts, tick_seconds),))
        self._thread.start()
        assert self._up.wait(PATIENCE)
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.service.port}", headers=headers, timeout=PATIENCE)
        self._closed = False
        until(
            lambda: self.get("/readyz").status_code in (200, 503) and self.get("/startupz").status_code == 200, "start"
        )

    async def _run(self, parts: Any, tick_seconds: float) -> None:
        try:
            self.service = Service(parts, tick_seconds=tick_seconds)
            self._loop = asyncio.get_running_loop()
            self._up.set()
            self.code = await self.service.run()
        finally:
            self._up.set()
            parts.close()

    def stop(self) -> None:
        """As the first signal does."""
        self._loop.call_soon_threadsafe(self.service.stop)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            if self._thread.is_alive():
                self.stop()
            self._thread.join(PATIENCE)
            self.client.close()


class ServiceProcess(Talk):
    """A service in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        port = until(
            lambda: next((found[1] for line in self.said if (found := re.search(r":(\d+)$", line))), ""), "start"
        )
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE)
        until(lambda: self.get("/startupz").status_code == 200, "start")

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.said.extend(line.rstrip() for line in self.process.stderr)

    def ends(self) -> int:
        """Its exit code, once it has ended."""
        code = self.process.wait(PATIENCE)
        self._reader.join(0.2)  # a run that outlives its service keeps the stream open
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        self._reader.join(5)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        self.client.close()


class ServiceHouse:
    """Starts services over a :class:`PeopleDeployment`."""

    def __init__(self, people: PeopleDeployment, monkeypatch: pytest.MonkeyPatch) -> None:
        self.people = people
        monkeypatch.setenv("PYTHONPATH", people.environ()["PYTHONPATH"])
        monkeypatch.setenv("XDG_CACHE_HOME", people.environ()["XDG_CACHE_HOME"])
        self._open: list[LiveService | ServiceProcess] = []

    def toml(
        self, service: str = "", schedule: str = "", *, sinks: str = '["ledger", "prometheus"]', more: str = ""
    ) -> None:
        """The deployment with these lines of the two tables."""
        text = (
            f'app = "people"\n[plugins]\nsinks = {sinks}\njobs = ["people"]\n{more}\n'
            f"[schedule]\n{schedule}\n[service]\n{service}\n"
        )
        (self.people.folder / "busway.toml").write_text(text, "utf-8")

    def live(
        self,
        *,
        clock: Clock | None = None,
        tick_seconds: float = 0.05,
        headers: Mapping[str, str] | None = None,
        **overrides: str,
    ) -> LiveService:
        """A service in this process, on any free port of loopback."""
        app = App(boot(self.people.folder, dict(os.environ)), clock=clock)
        made = LiveService(app, {"listen": "127.0.0.1:0", **overrides}, tick_seconds, headers or {})
        self._open.append(made)
        return made

    def process(self, *options: str, wrapped_in: Sequence[str] = ()) -> ServiceProcess:
        """A service in a process of its own."""
        command = ("serve", "--listen", "127.0.0.1:0", *options)
        process = self.people.start(*command, stdout=subprocess.DEVNULL, wrapped_in=wrapped_in)
        made = ServiceProcess(process)
        self._open.append(made)
        return made

    def close(self) -> None:
        for one in self._open:
            one.close()


@contextmanager
def service_house(people: PeopleDeployment, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServiceHouse]:
    """A house whose services are stopped at the end, whatever happens; its gates are opened first."""
    house = ServiceHouse(people, monkeypatch)
    house.toml()
    try:
        yield house
    finally:
        for gate in people.folder.glob("*.gate"):
            gate.unlink()
        house.close()


def events_of(folder: Path, category: str) -> list[dict[str, Any]]:
    """The events of a category in the ledger, the oldest first."""
    from busway.events.ledger import Ledger, Selection, bring_up_to_date

    assert bring_up_to_date(folder / ".busway")
    ledger = Ledger(folder / ".busway")
    try:
        return [one.as_dict() for one in ledger.each(Selection(category=category))]
    finally:
        ledger.close()
