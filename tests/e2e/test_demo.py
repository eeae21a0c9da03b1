"""The demo: it needs nothing, shows the whole story, and leaves one folder that can be looked at afterwards."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from busway.cli.main import main

COMMAND = [sys.executable, "-m", "busway.cli.main", "demo", "--people", "40"]


def test_the_demo_tells_its_story(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert main(["demo", "--people", "40"]) == 0
    shown = capsys.readouterr().out
    for part in ("What would happen?", "nothing was written", "Do it.", "Again", "A day later", "Where everything is"):
        assert part in shown
    assert "created" in shown
    assert "deactivated 1" in shown
    (folder,) = tmp_path.glob("busway-demo-*")
    assert main(["-C", str(folder), "sessions", "list", "--json"]) == 0
    sessions = json.loads(capsys.readouterr().out)["data"]
    assert len(sessions) == 6, "two jobs, three runs"


def test_the_demo_in_json(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert main(["demo", "--people", "40", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)["data"]
    first, again, later = [{job["job"]: job["counts"] for job in run["jobs"]} for run in data["runs"]]
    assert first["employees"]["created"] > 30
    assert again["employees"]["created"] == again["employees"]["updated"] == again["titles"]["created"] == 0
    assert (later["employees"]["deactivated"], later["employees"]["updated"]) == (1, 1)


def test_the_same_seed_gives_the_same_story(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    stories = []
    for _ in range(2):
        main(["demo", "--people", "40", "--seed", "5", "--json"])
        runs = json.loads(capsys.readouterr().out)["data"]["runs"]
        stories.append([[job["counts"] for job in run["jobs"]] for run in runs])
    assert stories[0] == stories[1]


def test_settings_of_a_real_account_never_reach_the_demo(tmp_path: Path) -> None:
    """The environment wins over .env: a shell that is set up for production must not make the demo write there."""
    real = {"SAFETYAMP_DOMAIN": "http://127.0.0.1:9", "SAFETYAMP_TOKEN": "a-real-token", "BUSWAY_SINKS": "email"}
    done = subprocess.run(
        [*COMMAND, "--json"],
        cwd=tmp_path,
        env={**os.environ, **real, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["data"]["runs"][0]["exit_code"] in (0, 6)
    assert "a-real-token" not in done.stdout


def test_ctrl_c_ends_the_demo_and_says_so(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "busway.cli.main", "demo", "--people", "2000"]
    env = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    seen: list[str] = []
    with subprocess.Popen(
        command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            seen.append(line)
            if line.startswith("2  Do it."):
                process.send_signal(signal.SIGINT)
                break
        seen.append(process.stdout.read())
    assert process.returncode == 130
    assert "stopping after the record in hand" in "".join(seen)
    assert "Traceback" not in "".join(seen)
    for folder in tmp_path.glob("busway-demo-*"):
        shutil.rmtree(folder)
