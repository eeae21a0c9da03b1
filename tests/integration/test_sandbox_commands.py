from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx
import pytest
from click.testing import CliRunner
from dotenv import dotenv_values

from busway.errors import UsageError
from busway_safetyamp.commands import safetyamp
from busway_safetyamp.sandbox.paste import exports, sandbox_settings, write_env_file
from busway_safetyamp.sandbox.server import Sandbox
from busway_safetyamp.sandbox.vista import VistaFile
from busway_safetyamp.sandbox.world import World

MAIN = [sys.executable, "-c", "from busway_safetyamp.commands import safetyamp; safetyamp()"]
CSV = "Employee,LastName,FirstName,MidName,Title,Department\n1,A,B,,T,D\n2,C,D,,T,D\n"


@contextmanager
def running(folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    command = [*MAIN, "sandbox", "--port", "0", *options]
    environment = {**os.environ, "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def until(stream: IO[str] | None, last: str) -> str:
    assert stream is not None
    lines = []
    for line in stream:
        lines.append(line)
        if line.startswith(last):
            break
    return "".join(lines)


def calling(settings: dict[str, str]) -> httpx.Client:
    headers = {
        "Authorization": f"Bearer {settings['SAFETYAMP_TOKEN']}",
        "Fqdn": settings["SAFETYAMP_FQDN"],
        "Accept": "application/json",
    }
    return httpx.Client(base_url=settings["SAFETYAMP_DOMAIN"], headers=headers)


def test_the_sandbox_serves_until_it_is_interrupted(tmp_path: Path) -> None:
    with running(tmp_path, "--people", "20", "--json") as process:
        found = json.loads(until(process.stdout, "}"))
        assert found["ok"]
        settings = found["data"]["settings"]
        vista = VistaFile(settings["VISTA_URL"])
        assert vista.people() == found["data"]["vista"]["people"]
        with calling(settings) as client:
            assert client.get("/api/roles").status_code == 200
        process.send_signal(signal.SIGINT)
        _, goodbye = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "1 calls (1 x 200), 0 writes" in goodbye
    assert not vista.path.exists()


def test_the_settings_can_be_pasted(tmp_path: Path) -> None:
    with running(tmp_path, "--people", "20", "--vista", "my vista.db") as process:
        text = until(process.stdout, "Ctrl-C")
        process.terminate()
        process.communicate(timeout=20)
    assert process.returncode == 0
    lines = [line for line in text.splitlines() if line.startswith("export ")]
    script = "\n".join([*lines, 'echo "$VISTA_URL|$SAFETYAMP_ROLE|$VISTA_COMPANIES|$SAFETYAMP_RATE_LIMIT_CALLS"'])
    shell = subprocess.run(["sh", "-c", script], check=True, capture_output=True, text=True)
    assert shell.stdout.strip() == f"sqlite:///{tmp_path / 'my vista.db'}|Field|1|60"
    assert (tmp_path / "my vista.db").exists()


def test_a_loaded_vista_is_used_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(CSV, "utf-8")
    target = f"sqlite:///{tmp_path / 'vista.db'}"
    loaded = CliRunner().invoke(
        safetyamp, ["load-vista", "--csv", str(tmp_path / "people.csv"), "--to", target, "--json"]
    )
    assert loaded.exit_code == 0
    assert json.loads(loaded.stdout)["data"]["people"] == 2
    before = (tmp_path / "vista.db").read_bytes()
    with running(tmp_path, "--vista", target, "--no-quota", "--env-file", "sandbox.env") as process:
        until(process.stdout, "Ctrl-C")
        settings = {name: value or "" for name, value in dotenv_values(tmp_path / "sandbox.env").items()}
        assert settings["SAFETYAMP_RATE_LIMIT_CALLS"] == "0"
        with calling(settings) as client:
            assert {client.get("/api/sites").status_code for _ in range(70)} == {200}
            assert client.get("/api/users").json() == {"data": []}
    assert (tmp_path / "vista.db").read_bytes() == before


def test_load_vista_says_what_it_did(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(CSV, "utf-8")
    arguments = ["load-vista", "--csv", str(tmp_path / "people.csv"), "--to", str(tmp_path / "vista.db")]
    done = CliRunner().invoke(safetyamp, arguments)
    assert "loaded 2 people, 1 titles, 1 departments" in done.stdout
    again = CliRunner().invoke(safetyamp, arguments)
    assert isinstance(again.exception, UsageError)
    assert again.exception.code == "BW8003"
    assert CliRunner().invoke(safetyamp, [*arguments, "--replace"]).exit_code == 0


def test_a_taken_port_ends_the_command_and_leaves_no_env_file(tmp_path: Path) -> None:
    with Sandbox(World()) as other:
        port = other.url.rpartition(":")[2]
        env_file = tmp_path / "sandbox.env"
        arguments = ["sandbox", "--port", port, "--people", "5", "--env-file", str(env_file)]
        result = CliRunner().invoke(safetyamp, arguments)
    assert isinstance(result.exception, UsageError)
    assert result.exception.code == "BW8004"
    assert not env_file.exists()


def test_the_env_file_is_overwritten_only_if_it_is_the_sandboxs_own(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.env"
    write_env_file(path, {"A": "1"})
    write_env_file(path, {"A": "two words"})
    assert dotenv_values(path) == {"A": "two words"}
    assert path.stat().st_mode & 0o077 == 0
    own = tmp_path / ".env"
    own.write_text("KEY=value\n", "utf-8")
    with pytest.raises(UsageError) as caught:
        write_env_file(own, {"A": "1"})
    assert caught.value.code == "BW8005"
    assert own.read_text("utf-8") == "KEY=value\n"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".env", "sandbox.env"]


def test_every_setting_needed_is_among_those_printed() -> None:
    with Sandbox(World(), quota=None) as sandbox:
        settings = sandbox_settings(sandbox, "sqlite:////tmp/vista.db")
    assert set(settings) == {
        "SAFETYAMP_DOMAIN",
        "SAFETYAMP_TOKEN",
        "SAFETYAMP_FQDN",
        "SAFETYAMP_RATE_LIMIT_CALLS",
        "VISTA_URL",
        "VISTA_COMPANIES",
        "SAFETYAMP_ROLE",
        "SAFETYAMP_COUNTRY",
        "SAFETYAMP_TIMEZONE",
        "SAFETYAMP_ENRICHMENT",
    }
    assert exports({"A": "it's"}) == "export A='it'\"'\"'s'"
