"""``busway cache`` beside programs that cache, with a real Redis that is killed, frozen and brought back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from builders.deployment import SandboxDeployment
from builders.redis_server import RedisServer
from busway.app import App
from busway.cli.main import main
from busway.data.breaker import RETRY_SECONDS

TOML = """\
app = "people"
[plugins]
caches = ["memory", "redis", "file"]
[settings]
ENV = "dev"
REDIS_HOST = "127.0.0.1"
REDIS_PORT = {port}
REDIS_TIMEOUT_MS = 100
[data."vista.employees"]
ttl = "30m"
"""
COMMANDS = (
    ("cache", "stats"),
    ("cache", "keys"),
    ("cache", "keys", "vista.employees"),
    ("cache", "get", "vista.employees", "--key", "E1"),
    ("cache", "get", "vista.employees", "--key", "E1", "--show-value"),
    ("cache", "get", "vista.employees", "--key", "nobody"),
    ("cache", "invalidate", "vista.employees/E9"),
    ("cache", "invalidate", "nowhere:*"),
)
SLOWEST_SECONDS = 5.0


class House:
    """A deployment over memory, a Redis of its own and files, and the command line on it."""

    def __init__(self, folder: Path, server: RedisServer, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.server = server
        self._capsys = capsys

    def open(self) -> App:
        """The application, as a program holds it."""
        return App.from_config(self.folder, require=False)

    def fill(self, entries: int = 5) -> None:
        """What a program has stored before."""
        with self.open() as app:
            for number in range(entries):
                assert app.data.save_cache("vista.employees", {"id": number}, key=f"E{number}")

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """One command in this process: exit code, stdout, stderr."""
        self._capsys.readouterr()
        began = time.monotonic()
        code = main(["-C", str(self.folder), *arguments])
        assert time.monotonic() - began < SLOWEST_SECONDS, f"{arguments} hangs"
        shown = self._capsys.readouterr()
        assert "BW9001" not in shown.out + shown.err
        return code, shown.out, shown.err

    def json(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """One command with ``--json``: exit code and envelope."""
        code, out, err = self.run(*arguments, "--json")
        assert err == ""
        envelope: dict[str, Any] = json.loads(out)
        assert envelope["ok"] is (code == 0)
        return code, envelope

    def states(self) -> dict[str, str]:
        """Level to state, as an operator sees it."""
        code, envelope = self.json("cache", "stats")
        assert code == 0
        return {row["level"]: row["state"] for row in envelope["data"]["levels"]}


@pytest.fixture
def house(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    for name in [name for name in os.environ if name != "PATH"]:
        monkeypatch.delenv(name)
    folder = tmp_path / "deployment"
    folder.mkdir()
    with RedisServer(tmp_path) as server:
        (folder / "busway.toml").write_text(TOML.format(port=server.port))
        yield House(folder, server, capsys)


def test_what_programs_stored_is_seen_on_every_level(house: House) -> None:
    house.fill()
    assert house.states() == {"memory": "up", "redis": "up", "file": "up"}
    _, envelope = house.json("cache", "keys", "vista.employees/E3")
    assert [row["level"] for row in envelope["data"]["entries"]] == ["redis", "file"]
    _, envelope = house.json("cache", "stats")
    (name,) = envelope["data"]["names"]
    assert (name["entries"], name["levels"]) == (5, {"redis": 5, "file": 5})


def test_a_killed_redis_is_degraded_and_the_files_serve(house: House) -> None:
    house.fill()
    house.server.kill()
    code, out, err = house.run("cache", "stats")
    assert (code, err) == (0, "")
    assert "redis   away" in out
    assert "Connection refused" in out
    assert "degraded: redis does not answer; file serves" in out
    code, out, err = house.run("cache", "get", "vista.employees", "--key", "E1", "--show-value")
    assert code == 0
    assert '"id": 1' in out
    assert "warning: cache level redis is away" in err
    _, envelope = house.json("cache", "stats")
    counted = {row["level"]: row["entries"] for row in envelope["data"]["levels"]}
    assert counted == {"memory": None, "redis": None, "file": 5}
    assert envelope["data"]["degraded"] is True
    code, envelope = house.json("cache", "keys")
    assert (code, envelope["error"]["code"]) == (5, "BW1014")
    assert len(envelope["data"]["entries"]) == 5
    code, envelope = house.json("cache", "get", "vista.employees", "--key", "nobody")
    assert (code, envelope["data"]["found"]) == (5, False)


def test_a_frozen_redis_costs_its_time_out_and_no_more(house: House) -> None:
    house.fill()
    house.server.freeze()
    try:
        assert house.states() == {"memory": "up", "redis": "away", "file": "up"}
        for command in COMMANDS:
            code, _, _ = house.run(*command)
            assert code in (0, 5), command
    finally:
        house.server.thaw()
    assert house.states()["redis"] == "up"


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("call", [1, 2, 4])
def test_redis_may_be_killed_at_any_moment_of_a_command(
    house: House, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], call: int
) -> None:
    house.fill()
    kill_at(call, house.server, monkeypatch)
    code, out, err = house.run(*command)
    assert code in (0, 5)
    if code == 5:
        assert "error[BW1014]: cache level redis did not answer" in err
    if command == ("cache", "stats"):
        assert code == 0
    assert "Traceback" not in out + err


def kill_at(call: int, server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server dies right before so many calls to it: in the middle of a scan, between a scan and a read."""
    from busway_cache_redis.cache import RedisCache

    left = [call]

    def dying(original: Callable[..., Any]) -> Callable[..., Any]:
        def method(self: RedisCache, *arguments: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                server.kill()
            return original(self, *arguments)

        return method

    for name in ("get", "scan", "delete"):
        monkeypatch.setattr(RedisCache, name, dying(getattr(RedisCache, name)))


def test_an_invalidation_that_redis_missed_is_repeated_when_it_is_back(house: House) -> None:
    house.fill()
    house.server.freeze()  # it keeps what it has
    try:
        code, _, err = house.run("cache", "invalidate", "vista.employees/E1")
        assert code == 5
        assert "it was not told, and has what it had of vista.employees/E1" in err
    finally:
        house.server.thaw()
    code, envelope = house.json("cache", "invalidate", "vista.employees/E1")
    assert (code, envelope["data"]["removed"]) == (0, 1)
    with house.open() as app:
        assert app.data.get_cached_data("vista.employees", "E1") is None
        assert app.data.get_cached_data("vista.employees", "E2") == {"id": 2}


@pytest.mark.parametrize("target", ["vista.employees/E1", "vista.employees", "vista", "vista:*:E?"])
def test_a_program_that_runs_sees_an_invalidation_soon(house: House, target: str) -> None:
    with house.open() as app:
        assert app.data.get_or_populate("vista.employees", key="E1", loader=lambda: "old") == "old"
        assert house.run("cache", "invalidate", target)[:2] == (0, f"invalidated 1 entry: {target}\n")
        deadline = time.monotonic() + RETRY_SECONDS + 1
        value = "old"
        while value == "old" and time.monotonic() < deadline:
            value = app.data.get_or_populate("vista.employees", key="E1", loader=lambda: "new")
        assert value == "new"


def test_a_person_who_looks_at_an_outage_makes_no_event_of_it(house: House) -> None:
    house.fill()
    house.server.kill()
    for command in COMMANDS[:6]:
        house.run(*command)
    assert not (house.folder / ".busway" / "journal").exists()
    assert not (house.folder / ".busway" / "ledger.db").exists()


def test_doctor_names_the_coordinator(house: House) -> None:
    _, out, _ = house.run("doctor")
    assert "redis: leases and quotas hold for every host that uses it" in out
    _, out, _ = house.run("doctor", "--plugins")
    assert "redis: leases and quotas hold for every host that uses it" in out


def test_commands_in_processes_of_their_own(house: House) -> None:
    house.fill()
    house.server.kill()
    done = subprocess.run(
        [sys.executable, "-m", "busway.cli.main", "-C", str(house.folder), "cache", "stats"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0
    assert "degraded: redis does not answer; file serves" in done.stdout
    assert done.stderr == ""


def test_the_sources_of_the_real_jobs_are_warmed(deployment: SandboxDeployment) -> None:
    toml = deployment.folder / "busway.toml"
    toml.write_text(toml.read_text().replace("[plugins]", '[plugins]\ncaches = ["memory", "file"]'))
    code, envelope = deployment.json("cache", "warm", "--all")
    assert code == 0
    rows = {row["name"]: row for row in envelope["data"]["names"]}
    assert rows["source.employee"]["records"] == 30
    assert all(row["levels"] == ["file"] for row in rows.values())
    _, out, _ = deployment.run("cache", "get", "source.employee")
    assert "job employees" in out
    assert "its domain is sensitive" in out
    assert deployment.writes == 0
    deployment.vista.path.unlink()
    code, envelope = deployment.json("cache", "warm", "source.employee")
    assert code == 5
    assert envelope["data"]["names"][0]["error"]["code"] == envelope["error"]["code"]
    _, envelope = deployment.json("cache", "stats")
    assert {row["name"] for row in envelope["data"]["names"]} == set(rows), "what was there before stays"
