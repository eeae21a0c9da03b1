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
from busway_safetyamp.demo import stage

COMMAND = [sys.executable, "-m", "busway.cli.main", "demo", "--people", "40"]


def test_the_demo_tells_its_story(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert main(["demo", "--people", "40"]) == 0
    shown = capsys.readouterr().out
    told = (
        *("What would happen?", "email: missing", "nothing was written", "Do it.", "has an e-mail address now"),
        *("A day later", "deactivated 1", "held[BW7001]", "busway plans allow", "Payroll is whole again"),
        *("Subject  [demo] 2 errors", "next step: busway plans list", "Where everything is", "docs/getting-started.md"),
    )
    at = [shown.index(part) for part in told]
    assert at == sorted(at), "in this order"
    (folder,) = tmp_path.glob("busway-demo-*")
    assert main(["-C", str(folder), "sessions", "list", "--limit", "100", "--json"]) == 0
    sessions = json.loads(capsys.readouterr().out)["data"]
    assert len(sessions) == 5 * 5 - 1, "five jobs, five runs, in one of which vehicles had to wait"


def test_the_demo_in_json(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert main(["demo", "--people", "40", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)["data"]
    runs = [{job["job"]: job for job in run["jobs"]} for run in data["runs"]]
    counts = [{name: job["counts"] for name, job in run.items()} for run in runs]
    first, mended, later, bad, last = counts
    assert [run["exit_code"] for run in data["runs"]] == [6, 0, 0, 7, 0]
    assert first["employees"]["created"] > 30
    assert first["departments"]["created"] + first["jobs"]["created"] >= 2
    assert (mended["employees"]["created"], mended["titles"]["created"]) == (1, 0)
    assert (later["employees"]["deactivated"], later["employees"]["updated"], later["vehicles"]["updated"]) == (1, 1, 2)
    assert (runs[3]["employees"]["outcome"], bad["employees"]["deactivated"]) == ("held", 0)
    assert not any(last[name][what] for name in last for what in ("created", "updated", "deactivated", "failed"))
    assert "employee held (job employees)" in data["mail"]


@pytest.mark.parametrize("lacking", ["trustme", "busway_sink_email"])
def test_the_demo_does_without_what_is_not_installed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lacking: str
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    find = stage.find_spec
    monkeypatch.setattr(stage, "find_spec", lambda name: None if name == lacking else find(name))
    assert main(["demo", "--people", "20"]) == 0
    shown = capsys.readouterr().out
    assert ("Microsoft Entra ID" in shown) is (lacking != "trustme")
    assert ("Subject  [demo]" in shown) is (lacking != "busway_sink_email")
    assert ("pip install busway-sink-email" in shown) is (lacking == "busway_sink_email")


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
